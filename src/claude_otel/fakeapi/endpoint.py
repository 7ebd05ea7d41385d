"""The ASGI application that serves one endpoint of a fake API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from .api import API
from .errors import APIError
from .exchange import ClientLeftError, Exchange

Handler = Callable[[Exchange], Awaitable[None]]


class Endpoint:
    """An ASGI application that serves one endpoint and keeps its entry in the journal."""

    def __init__(self, api: API, name: str, handler: Handler) -> None:
        self._api, self._name, self._handler = api, name, handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        exchange = Exchange(self._api, self._name, scope, receive, send)
        try:
            await exchange.read()
            await self._answer(exchange)
        except ClientLeftError:
            exchange.entry.client_closed = True
            await exchange.reset()
        except ClientDisconnect:
            pass  # it left before its request was whole, so there is no entry
        finally:
            exchange.close()

    async def _answer(self, exchange: Exchange) -> None:
        try:
            await self._handler(exchange)
        except APIError as error:
            await exchange.send_error(error)
