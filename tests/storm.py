"""A storm of calls: every fault of the fake API, streamed and not, mixed with calls that go well and that are left."""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx2
from anthropic import Anthropic, AsyncAnthropic

from claude_otel.fakeapi import FAULTS, Journal

End = Literal["read", "close", "drop", "cancel"]

FEW = 20
"""How often every fault is served at least."""

SYSTEM = "You answer in few words. " * 400
"""Long enough to be cached by every model that is asked."""

MODELS = ("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5")

TIMEOUT = httpx2.Timeout(60, read=4)
PATIENT = httpx2.Timeout(600)
"""On a busy machine a connection can take longer than the 5 seconds that the SDK gives it."""
"""Of the calls that are to time out: long enough for a busy machine to have served them."""


@dataclass
class Plan:
    """One call: what it asks, the fault it asks for, how it ends; and whether its stream began to arrive."""

    id: str
    stream: bool
    fault: str = ""
    end: End = "read"
    times_out: bool = False
    began: bool = False
    ask: dict[str, Any] = field(default_factory=dict)

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of `messages.create`."""
        headers = {"x-call": self.id, **({"x-fake-fault": self.fault} if self.fault else {})}
        timeout = {"timeout": TIMEOUT} if self.times_out else {}
        return {**self.ask, "stream": self.stream, "extra_headers": headers, **timeout}


def plans(seed: int, kinds: tuple[End, ...]) -> list[Plan]:
    """A shuffled storm: each fault once and for good, streamed and not; calls without a fault that end as `kinds`."""
    chance = random.Random(seed)
    made: list[Plan] = []
    for stream in (False, True):
        for name in FAULTS:
            fault = f"{name}{settings(name)}"
            made += [Plan("", stream, f"{fault}; times=1") for _ in range(6)] + [
                Plan("", stream, fault) for _ in range(5)
            ]
        for name in ("slow_first_token", "stall"):
            made += [Plan("", stream, f"{name}; seconds=30", times_out=True) for _ in range(4)]
    for end in kinds:
        fault = "slow_first_token; seconds=30" if end == "cancel" else ""
        made += [Plan("", index % 2 == 0 or end in ("close", "drop"), fault, end) for index in range(40)]
    chance.shuffle(made)
    for index, plan in enumerate(made):
        plan.id, plan.ask = str(index), ask(chance)
    return made


def settings(name: str) -> str:
    """The settings of a fault that would else take a second."""
    return "; seconds=0.02" if name in ("slow_first_token", "stall") else ""


def ask(chance: random.Random) -> dict[str, Any]:
    """A request: sometimes cached for 5 minutes or an hour, sometimes with thinking."""
    cached = chance.choice([None, None, {"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}])
    text = f"{len(cached or {})} {SYSTEM}"
    system = [{"type": "text", "text": text, **({"cache_control": cached} if cached else {})}]
    thinking = {"thinking": {"type": "adaptive"}} if chance.random() < 0.3 else {}
    message = {"role": "user", "content": f"Tell me about {chance.randrange(1000)}"}
    return {
        "model": chance.choice(MODELS),
        "max_tokens": 1024,
        "system": system if cached or chance.random() < 0.5 else "Short.",
        "messages": [message],
        **thinking,
    }


def make(client: Anthropic, plan: Plan) -> None:
    """Makes the call of `plan`, which may fail."""
    with contextlib.suppress(Exception):
        answer = client.messages.create(**plan.arguments)
        if plan.stream:
            consume(answer, plan)


def consume(stream: Any, plan: Plan) -> None:
    """Reads `stream`, all of it or one event."""
    for _ in stream:
        plan.began = True
        if plan.end != "read":
            break
    if plan.end == "close":
        stream.close()


async def make_async(client: AsyncAnthropic, plan: Plan, journal: Journal) -> None:
    """Makes the call of `plan`, which may fail."""
    with contextlib.suppress(Exception):
        if plan.end == "cancel":
            await cancel(client, plan, journal)
            return
        answer = await client.messages.create(**plan.arguments)
        if plan.stream:
            await consume_async(answer, plan)


async def consume_async(stream: Any, plan: Plan) -> None:
    """Reads `stream`, all of it or one event."""
    async for _ in stream:
        plan.began = True
        if plan.end != "read":
            break
    if plan.end == "close":
        await stream.close()


async def cancel(client: AsyncAnthropic, plan: Plan, journal: Journal) -> None:
    """Makes the call of `plan`, and cancels it once it has arrived."""
    task = asyncio.create_task(client.messages.create(**plan.arguments))
    while plan.id not in {entry.headers.get("x-call") for entry in journal.entries}:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
