"""A small shop's use of Claude, as `claude-otel demo` runs it: a chat, a report writer, and a nightly batch.

An ordinary program: it knows the SDK and the names of its surfaces, nothing else. Two bugs can be switched on.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable
from datetime import datetime, timezone
from functools import partial
from threading import Thread
from typing import TypeVar

import anthropic
from anthropic.types import MessageParam, TextBlockParam, ToolParam, ToolResultBlockParam
from anthropic.types.messages.batch_create_params import Request

from claude_otel import surface

CHAT_MODEL = "claude-sonnet-5-5"
REPORT_MODEL = "claude-opus-5-5"
BATCH_MODEL = "claude-haiku-5-5"

CUSTOMERS = 3
HANDBOOK = "Returns are free for thirty days. Parcels leave the warehouse within a day. Be brief and kind. " * 120
QUESTIONS = (
    "Where is my parcel?",
    "Can I return shoes that I wore once?",
    "Do you ship to Norway?",
    "My voucher does not work.",
    "Is the blue lamp in stock?",
)
REVIEWS = tuple(f"Review {number}: the lamp is bright, the switch is loud." for number in range(40))
SEARCH: ToolParam = {
    "name": "search_orders",
    "description": "Finds the orders of a customer by number",
    "input_schema": {"type": "object", "properties": {"number": {"type": "string"}}, "required": ["number"]},
}

client = anthropic.Anthropic(max_retries=2)


Result = TypeVar("Result")


class Shift:
    """How long the application runs, and which of its bugs are in."""

    def __init__(self, seconds: float, bug: str | None) -> None:
        self.began = time.monotonic()
        self.seconds = seconds
        self.bug = bug

    @property
    def open(self) -> bool:
        """Whether there is time left for another call."""
        return time.monotonic() - self.began < self.seconds

    def has_bug(self, name: str) -> bool:
        """Whether the bug is in: it is released when a third of the time has passed."""
        return self.bug == name and time.monotonic() - self.began > self.seconds / 3

    def rest(self, seconds: float) -> None:
        """Waits for about so long."""
        time.sleep(seconds * random.uniform(0.5, 1.5))  # noqa: S311


def handbook(shift: Shift) -> list[TextBlockParam]:
    """The system prompt of the chat. The bug `timestamp` puts the time before what is cached."""
    clock = f"It is {datetime.now(timezone.utc)}. " if shift.has_bug("timestamp") else ""
    return [{"type": "text", "text": clock + HANDBOOK, "cache_control": {"type": "ephemeral"}}]


def chats(shift: Shift) -> None:
    """A customer after the other asks three questions each."""
    while shift.open:
        asked: list[MessageParam] = []
        for question in random.sample(QUESTIONS, 3):
            asked.append({"role": "user", "content": question})
            asked.append({"role": "assistant", "content": attempt(partial(chat, shift, asked)) or "Sorry, not now."})
            shift.rest(0.5)
            if not shift.open:
                return


@surface("checkout-chat")
def chat(shift: Shift, messages: list[MessageParam]) -> str:
    """The answer to a customer, shown as it comes."""
    with client.messages.stream(model=CHAT_MODEL, max_tokens=400, system=handbook(shift), messages=messages) as stream:
        return "".join(stream.text_stream)


def reports(shift: Shift) -> None:
    """A report after the other."""
    while shift.open:
        attempt(report)
        shift.rest(0.5)


@surface("report-writer")
def report() -> str:
    """A long answer, with thinking before it."""
    with client.messages.stream(
        model=REPORT_MODEL,
        max_tokens=8000,
        thinking={"type": "adaptive"},
        messages=[{"role": "user", "content": "Write the weekly report on sales, returns and complaints."}],
    ) as stream:
        return "".join(stream.text_stream)


@surface("nightly-batch")
def batch(shift: Shift) -> None:
    """All reviews of the day, sorted into good and bad, at half the price."""
    requests = [request(number, review) for number, review in enumerate(REVIEWS)]
    client.messages.count_tokens(model=BATCH_MODEL, messages=[{"role": "user", "content": " ".join(REVIEWS)}])
    made = client.messages.batches.create(requests=requests)
    while shift.open and client.messages.batches.retrieve(made.id).processing_status != "ended":
        time.sleep(1)
    for _ in client.messages.batches.results(made.id):
        pass


def request(number: int, review: str) -> Request:
    """One review's part of the batch."""
    messages: list[MessageParam] = [{"role": "user", "content": f"Good or bad? {review}"}]
    return {"custom_id": f"review-{number}", "params": {"model": BATCH_MODEL, "max_tokens": 50, "messages": messages}}


def refunds(shift: Shift) -> None:
    """An agent that is to look up one order. The bug `loop` lets it go on for ever."""
    while shift.open and not shift.has_bug("loop"):
        time.sleep(0.1)
    messages: list[MessageParam] = [{"role": "user", "content": "Refund order 4711. Search until you are sure."}]
    while shift.open and attempt(partial(step, messages)):
        pass


@surface("refund-agent", agent="refunds")
def step(messages: list[MessageParam]) -> bool:
    """One turn of the agent: whether it called a tool, the result of which is added to what it will read next."""
    answer = client.messages.create(model=REPORT_MODEL, max_tokens=1000, tools=[SEARCH], messages=messages)
    calls = [block for block in answer.content if block.type == "tool_use"]
    found: list[ToolResultBlockParam] = [
        {"type": "tool_result", "tool_use_id": call.id, "content": "No such order. " * 120} for call in calls
    ]
    messages.append({"role": "assistant", "content": answer.content})
    messages.append({"role": "user", "content": found})
    return bool(calls)


def attempt(work: Callable[[], Result]) -> Result | None:
    """What `work` returns, `None` when Claude could not be reached: the shop stays open."""
    try:
        return work()
    except anthropic.APIError:
        time.sleep(0.2)
        return None


def main() -> None:
    """Opens the shop for a while."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=12)
    parser.add_argument("--bug", choices=["timestamp", "loop"])
    options = parser.parse_args()
    shift = Shift(options.seconds, options.bug)
    work = [chats] * CUSTOMERS + [reports] + ([refunds] if options.bug == "loop" else [])
    threads = [Thread(target=each, args=(shift,)) for each in work]
    threads.append(Thread(target=attempt, args=(partial(batch, shift),)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
