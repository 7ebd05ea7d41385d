"""The state of a fake API, and the ASGI application that serves it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from .batches import Batches
from .clock import Clock, SystemClock
from .conversations import Conversations
from .credits import FallbackCredits
from .errors import APIError
from .exchange import ClientLeftError, Exchange
from .ids import Ids
from .journal import Entry, Journal
from .jsontypes import JSON
from .prompt_cache import PromptCache
from .rate_limits import RateLimiter, RateLimits, SpecialKind
from .replies import Replier
from .request import DEFAULT_WORKSPACE
from .script import Script

ORGANIZATION = "7f4c1c52-0000-4000-8000-00000000fa4e"
Handler = Callable[[Exchange], Awaitable[None]]


@dataclass(frozen=True)
class Latency:
    """How long an answer takes, in seconds."""

    first_token: float = 0.0
    per_token: float = 0.0
    jitter: float = 0.0
    """The share by which each of them varies at random, from 0 to 1."""


class API:
    """Everything a fake API knows: its caches, limits, conversations, batches, script and journal."""

    def __init__(
        self,
        *,
        journal: Journal,
        script: Script,
        clock: Clock | None = None,
        latency: Latency | None = None,
        rate_limits: RateLimits | None = None,
        batch_delay: float = 0.0,
        retry_after_ms: float = 10.0,
        serve_retired: bool = False,
        tag: str = "s0",
        seed: int = 0,
    ) -> None:
        self.journal, self.script = journal, script
        self.clock = clock or SystemClock()
        self.latency = latency or Latency()
        self.retry_after_ms, self.serve_retired = retry_after_ms, serve_retired
        self.ids = Ids(tag)
        self.cache = PromptCache(self.clock)
        self.limiter = RateLimiter(rate_limits or RateLimits(enforced=False), self.clock)
        self.replier = Replier(self.cache, Conversations(), FallbackCredits(self.clock, self.ids), self.ids)
        self.batches = Batches(self, batch_delay)
        self.stopping = asyncio.Event()
        self._random = random.Random(seed)  # noqa: S311 - latencies are no secret

    def workspace(self, headers: Mapping[str, str]) -> str:
        """The workspace a request belongs to."""
        return headers.get("anthropic-workspace-id") or DEFAULT_WORKSPACE

    def jittered(self, seconds: float) -> float:
        """A time, varied at random as far as the latency says."""
        spread = self.latency.jitter
        return seconds * self._random.uniform(1 - spread, 1 + spread) if seconds and spread else seconds

    def response_headers(self, entry: Entry) -> dict[str, str]:
        """The headers that every response carries, by platform."""
        request_id = str(entry.request_id)
        if entry.platform == "bedrock":
            return {"x-amzn-requestid": request_id}
        if entry.platform == "vertex":
            return {"request-id": request_id}
        return {
            "request-id": request_id,
            "anthropic-organization-id": ORGANIZATION,
            "anthropic-workspace-id": str(entry.workspace),
        }

    def limit_headers(self, entry: Entry, usage: JSON) -> dict[str, str]:
        """The headers that tell of rate limits: those of every request, and those of fast mode and the priority tier.
        Bedrock and Vertex send none."""
        if entry.platform in ("bedrock", "vertex"):
            return {}
        where = (str(entry.workspace), str(entry.model_served))
        headers = self.limiter.headers(*where)
        for kind in special_kinds(usage):
            headers |= self.limiter.special_headers(kind, *where)
        return headers


def special_kinds(usage: JSON) -> list[SpecialKind]:
    """The kinds of service in a usage that have rate limits of their own."""
    fast: list[SpecialKind] = ["fast"] if usage.get("speed") == "fast" else []
    return [*fast, "priority"] if usage.get("service_tier") == "priority" else fast


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
