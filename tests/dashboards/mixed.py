"""An instrumented program that makes a few calls of every kind, and says of each in headers what it is.

The fake API's journal keeps the headers, so that what the dashboards must show follows from the journal alone. At its
end one stream is held open until stdin is closed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import anthropic
from anthropic.types.messages.batch_create_params import Request

from claude_otel import surface

SONNET, OPUS, HAIKU, RETIRING, UNPRICED = (
    "claude-sonnet-5-5", "claude-opus-5-5", "claude-haiku-5-5", "claude-sonnet-4-5-20250929", "claude-wonder-9",
)  # fmt: skip

client = anthropic.Anthropic(max_retries=1)
number = 0
exported: set[str] = set()

SEARCH: Any = {"type": "web_search_20250305", "name": "web_search"}
"""Searches are billed by the piece: at no discount, and at no other model's price."""

EXPORTED = 1.5
"""Seconds after the first call of a call site, so that it is exported before the others: a rate needs two samples."""


def prompt(text: str, ttl: str = "5m") -> list[dict[str, Any]]:
    """A system prompt that is long enough to be cached."""
    return [{"type": "text", "text": f"{text} " * 1500, "cache_control": {"type": "ephemeral", "ttl": ttl}}]


def ask(create: Callable[..., Any], where: str, model: str, *, fault: str = "", miss: str = "", **more: Any) -> None:
    """One call, read to its end. `miss` is why it will miss the cache."""
    global number
    number += 1
    agent = more.pop("agent", None)
    headers = {"x-call": str(number), "x-surface": where, "x-miss": miss, "x-agent": agent or "none"}
    headers |= {"x-fake-fault": fault} if fault else {}
    asked = {"max_tokens": 500, "messages": [{"role": "user", "content": "Hello"}], **more}
    try:
        with surface(where, agent=agent):
            answer = create(model=model, extra_headers=headers, **asked)
            if asked.get("stream"):
                for _ in answer:
                    pass
    except anthropic.APIError:
        pass
    if create.__name__ not in exported:
        exported.add(create.__name__)
        time.sleep(EXPORTED)


def chat(**asked: Any) -> Any:
    """The call site of the chat."""
    return client.messages.create(**asked)


def think(**asked: Any) -> Any:
    """The call site that thinks."""
    return client.messages.create(**asked)


def report(**asked: Any) -> Any:
    """The call site of reports."""
    return client.messages.create(**asked)


def support(**asked: Any) -> Any:
    """The call site of what fails."""
    return client.messages.create(**asked)


def search(**asked: Any) -> Any:
    """The call site that searches the web."""
    return client.messages.create(**asked)


def chats() -> None:
    """Cached, and then with another system prompt."""
    for turn in range(6):
        ask(chat, "checkout-chat", SONNET, stream=True, system=prompt("Be brief."), miss="" if turn else "cold")
    for turn in range(3):
        ask(
            chat, "checkout-chat", SONNET, stream=True, system=prompt("Be kind."), miss="" if turn else "system_changed"
        )


def reports() -> None:
    """With thinking, at two levels of effort, by an agent; cached for an hour."""
    for effort, agent in (("low", None), ("low", "writer"), ("high", "writer")):
        more = {"thinking": {"type": "adaptive"}, "output_config": {"effort": effort}}
        ask(think, "report-writer", OPUS, stream=True, agent=agent, **more)
    for turn in range(3):
        system = prompt("Be long.", "1h")
        ask(report, "report-writer", OPUS, system=system, agent="writer", miss="" if turn else "cold")


def faults() -> None:
    """What fails, with and without a retry; what is cut, refused, too short, without a price, about to retire."""
    retried = "overloaded; retry_after_ms=200"
    for fault in (*[f"{retried}; times=1"] * 3, retried, retried, *FINAL):
        ask(support, "support", HAIKU, fault=fault)
    ask(support, "support", HAIKU, fault="cut_mid_stream", stream=True)
    for _ in range(2):
        ask(support, "support", HAIKU, max_tokens=3)
    ask(support, "support", UNPRICED)
    ask(support, "support", RETIRING)
    ask(search, "support", HAIKU, tools=[SEARCH])


FINAL = (
    "rate_limit", "invalid_request", "authentication_error", "connection_reset", "workspace_spend_limit", "refusal"
)  # fmt: skip


def batch() -> None:
    """Four requests at half the price."""
    requests: list[Request] = [
        {
            "custom_id": f"row-{row}",
            "params": {
                "model": HAIKU,
                "max_tokens": 50,
                "messages": [{"role": "user", "content": f"Review {row}"}],
                "tools": [SEARCH] if row == 0 else [],
            },
        }
        for row in range(4)
    ]
    with surface("nightly-batch"):
        made = client.messages.batches.create(requests=requests)
        for _ in client.messages.batches.results(made.id):
            pass


def main() -> None:
    """Makes the calls."""
    for part in (chats, reports, faults, batch):
        part()
    with surface("checkout-chat"):
        held = client.messages.create(
            model=SONNET, max_tokens=500, stream=True, messages=[{"role": "user", "content": "Wait"}],
            extra_headers={"x-held": "1", "x-fake-fault": "stall; seconds=600"},
        )  # fmt: skip
    print("done", flush=True)
    sys.stdin.read()
    held.close()


main()
