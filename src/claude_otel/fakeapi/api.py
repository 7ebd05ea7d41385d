"""The state of a fake API: everything that its endpoints share."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass

from . import batches
from .clock import Clock, SystemClock
from .conversations import Conversations
from .credits import FallbackCredits
from .ids import Ids
from .journal import Entry, Journal
from .jsontypes import JSON
from .prompt_cache import PromptCache
from .rate_limits import RateLimiter, RateLimits, SpecialKind
from .replies import Replier
from .request import DEFAULT_WORKSPACE, MessagesRequest, check
from .script import Script

ORGANIZATION = "7f4c1c52-0000-4000-8000-00000000fa4e"


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
        self.batches = batches.Batches(self.clock, self.ids, self.batched_message, batch_delay)
        self.stopping = asyncio.Event()
        self._random = random.Random(seed)  # noqa: S311 - latencies are no secret

    def batched_message(self, params: JSON, headers: dict[str, str]) -> JSON:
        """The answer to one request of a batch. Raises the API's errors."""
        check(params, serve_retired=self.serve_retired)
        request = MessagesRequest({**params, "stream": False}, headers, service_tier="batch")
        fault, wanted = self.script.decide(request, batches.PATH, str(params))
        if fault and fault.fault.kind == "error":
            raise fault.error(request.model, 0)
        reply = self.replier.reply(request, wanted)
        for plan in reply.plans:
            self.cache.begin(plan)
        return reply.message

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
