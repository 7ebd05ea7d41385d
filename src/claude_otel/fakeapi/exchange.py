"""One HTTP request being served: reading it, answering it, and noticing when the client leaves."""

from __future__ import annotations

import asyncio
import socket
import struct

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from .api import API
from .errors import BEDROCK_ERRORS, APIError
from .jsontypes import canonical
from .request import platform_of

RESET = struct.pack("ii", 1, 0)


class ClientLeftError(Exception):
    """The client closed the connection, or the server is shutting down, before the answer was whole."""


class Exchange:
    """A request, the entry of the journal it has, and the way back to its client."""

    def __init__(self, api: API, endpoint: str, scope: Scope, receive: Receive, send: Send) -> None:
        self.api = api
        self.request = Request(scope, receive)
        self.endpoint = endpoint
        self._receive = receive
        self._send = send
        self._gone: asyncio.Task[None] | None = None
        self.limit_headers: dict[str, str] = {}

    async def read(self) -> None:
        """Read the request and open its entry."""
        self.body = await self.request.body()
        self.headers = {name.lower(): value for name, value in self.request.headers.items()}
        query = self.request.url.query
        path = self.request.scope["path_sent"] + (f"?{query}" if query else "")
        self.entry = self.api.journal.open(self.api.clock.now(), self.request.method, path, self.headers, self.body)
        self.entry.endpoint = self.endpoint
        self.entry.platform = platform_of(self.headers)
        self.entry.request_id = self.api.ids.next("req")
        self.entry.workspace = self.api.workspace(self.headers)
        self._gone = asyncio.create_task(self._wait_for_disconnect())

    def close(self) -> None:
        """Finish the entry, whatever became of the request."""
        if self._gone:
            self._gone.cancel()
        if hasattr(self, "entry"):
            self.api.journal.finish(self.entry)

    async def send_json(self, value: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """Answer with a JSON body."""
        await self.send_body(canonical(value).encode(), "application/json", status, headers, complete=True)

    async def send_body(
        self,
        body: bytes,
        content_type: str,
        status: int = 200,
        headers: dict[str, str] | None = None,
        *,
        complete: bool = False,
    ) -> None:
        """Answer with any body; `complete` when it is all that the client asked for."""
        await self.start(content_type, status, {"content-length": str(len(body)), **(headers or {})})
        self.entry.complete = complete
        await self.end(body)

    async def send_error(self, error: APIError) -> None:
        """Answer with an error response."""
        self.entry.error_type, self.entry.error_code = error.type, error.error_code
        headers = dict(error.headers)
        if self.entry.platform == "bedrock":
            headers["x-amzn-errortype"] = BEDROCK_ERRORS.get(error.status, "ServiceUnavailableException")
        body = error.body(str(self.entry.request_id), self.entry.platform)
        await self.send_json(body, error.status, headers)

    async def start(self, content_type: str, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """Send the status and the headers."""
        self.check_client()
        self.entry.status = status
        sent = {
            "content-type": content_type,
            **self.api.response_headers(self.entry),
            **self.limit_headers,
            **(headers or {}),
        }
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in sent.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def part(self, body: bytes) -> None:
        """Send a part of the body."""
        await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def end(self, body: bytes = b"") -> None:
        """Send the last part of the body."""
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def pause(self, seconds: float) -> None:
        """Wait. Raises `ClientLeftError` when the client leaves or the server stops meanwhile."""
        if seconds > 0 and self._gone:
            stopping = asyncio.create_task(self.api.stopping.wait())
            await asyncio.wait({self._gone, stopping}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
        else:
            await asyncio.sleep(0)  # lets a disconnect be noticed
        self.check_client()

    def check_client(self) -> None:
        """Raise `ClientLeftError` when the client has left or the server is stopping."""
        if self.api.stopping.is_set() or (self._gone is not None and self._gone.done()):
            raise ClientLeftError

    async def reset(self) -> None:
        """Break the connection, so that the client sees it reset."""
        transport = self.request.state.transport
        if not transport.is_closing():
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            transport.abort()
        await asyncio.sleep(0)  # the server learns of it, and does not complain of an answer that is not whole

    async def _wait_for_disconnect(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
