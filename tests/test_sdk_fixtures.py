"""The SDK's recorded responses, replayed through the SDK, against bills worked by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest
from anthropic import Anthropic, AsyncAnthropic, BetaRefusalFallbackMiddleware

from conftest import Exported
from sdk_source import sdk_source
from test_golden_bills import evaluate

FOLDERS = ("tests/lib/streaming/fixtures", "tests/fixtures")

INPUT, OUTPUT = "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"
READ, WRITE = "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_write.input_tokens"
COST = "gen_ai.usage.cost"


class Bill(NamedTuple):
    """What a recorded response is billed: the model that served it, its tokens, and USD for a million of each."""

    model: str
    sum: str
    input: int
    output: int
    read: int = 0
    write: int = 0
    search: str = "0"

    @property
    def usd(self) -> Decimal:
        """USD of the response."""
        return evaluate(f"({self.sum}) / 1000000 + {self.search}")


BILLS = {
    "basic_response.txt": Bill("claude-3-opus-latest", "11 * 15 + 6 * 75", 11, 6),
    "compaction_response.txt": Bill("claude-opus-4-7", "30 * 5 + 8 * 25", 30, 8),
    "context_management_response.txt": Bill("claude-sonnet-4-5", "25 * 3 + 8 * 15", 25, 8),
    "fallback_credit_response.txt": Bill("claude-sonnet-4-5", "25 * 3 + 8 * 15", 25, 8),
    # Asked of Opus 4.7, which declined: the block `fallback` names the model that served.
    "fallback_response.txt": Bill("claude-sonnet-4-5", "25 * 3 + 8 * 15", 25, 8),
    "incomplete_partial_json_response.txt": Bill("claude-3-7-sonnet-20250219", "450 * 3 + 124 * 15", 450, 124),
    "input_transformations_delta_response.txt": Bill("claude-sonnet-4-5", "25 * 3 + 8 * 15", 25, 8),
    "input_transformations_empty_delta_response.txt": Bill("claude-sonnet-4-5", "25 * 3 + 8 * 15", 25, 8),
    "input_transformations_start_only_response.txt": Bill("claude-sonnet-4-5", "25 * 3 + 8 * 15", 25, 8),
    # The last event raises every count: 2 more tokens were written than its 5 minute and 1 hour split says.
    "message_delta_fields_response.txt": Bill(
        "claude-sonnet-4-5", "40 * 3 + 8 * 15 + 7 * 0.30 + 12 * 3.75", 40 + 7 + 12, 8, 7, 12, search="1 * 10 / 1000"
    ),
    "message_delta_omitted_usage_response.txt": Bill(
        "claude-sonnet-4-5", "25 * 3 + 8 * 15 + 5 * 0.30 + 10 * 3.75", 25 + 5 + 10, 8, 5, 10
    ),
    # Refused before any output: not billed.
    "refusal_response.txt": Bill("claude-opus-4-7", "0 * 20 * 5", 20, 0),
    "server_tool_use_response.txt": Bill(
        "claude-sonnet-4-5-20250929", "9281 * 3 + 97 * 15", 9281, 97, search="1 * 10 / 1000"
    ),
    "tool_use_invalid_json_response.txt": Bill("claude-sonnet-4-20250514", "377 * 3 + 65 * 15", 377, 65),
    "tool_use_response.txt": Bill("claude-sonnet-4-20250514", "377 * 3 + 65 * 15", 377, 65),
    # Events that nobody knows are no usage, whatever they carry.
    "unknown_events_response.txt": Bill("claude-3-opus-latest", "11 * 15 + 6 * 75", 11, 6),
    # Refused after 106 tokens of output: billed.
    "stream-a-refusal.sse": Bill("claude-fable-5", "28 * 10 + 106 * 50", 28, 106),
    "stream-a-toolrefusal.sse": Bill("claude-fable-5", "28 * 10 + 106 * 50", 28, 106),
    "stream-b-fallback.sse": Bill("claude-opus-4-8", "31 * 5 + 547 * 25", 31, 547),
}

ASK: dict[str, Any] = {
    "model": "claude-opus-5-5",
    "max_tokens": 1024,
    "messages": [{"role": "user", "content": "Say hello there!"}],
}

by_fixture = pytest.mark.parametrize("name", BILLS)


def fixtures() -> dict[str, Path]:
    """Every recorded response of the SDK's source distribution, by the name of its file."""
    return {path.name: path for folder in FOLDERS for path in (sdk_source() / folder).rglob("*") if path.is_file()}


def body(name: str) -> bytes:
    """The recorded response. Most files lack the blank line at their end, without which the last event is none."""
    return fixtures()[name].read_bytes().rstrip() + b"\n\n"


class Pieces(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A body that comes in pieces of 100 bytes, as from a network, and not all at once."""

    def __init__(self, content: bytes) -> None:
        self._pieces = [content[at : at + 100] for at in range(0, len(content), 100)]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


def replaying(*names: str) -> httpx2.MockTransport:
    """A transport that answers with the recorded responses, one after the other."""
    bodies = iter([body(name) for name in names])

    def answer(_: httpx2.Request) -> httpx2.Response:
        headers = {"content-type": "text/event-stream", "request-id": "req_recorded"}
        return httpx2.Response(200, headers=headers, stream=Pieces(next(bodies)))

    return httpx2.MockTransport(answer)


def sync_client(*names: str, **options: Any) -> Anthropic:
    """A client to which the recorded responses are served."""
    http = httpx2.Client(transport=replaying(*names))
    return Anthropic(api_key="none", http_client=http, max_retries=0, **options)


def read_events(name: str) -> None:
    """Reads the response as the events of `create(stream=True)`."""
    for _ in sync_client(name).messages.create(**ASK, stream=True):
        pass


def read_helper(name: str) -> None:
    """Reads the response with the helper `stream`."""
    with sync_client(name).beta.messages.stream(**ASK) as stream:
        stream.until_done()


def read_raw(name: str) -> None:
    """Reads the response as bytes, without the SDK's parser."""
    with sync_client(name).messages.with_streaming_response.create(**ASK, stream=True) as response:
        for _ in response.iter_bytes(7):
            pass


async def read_events_async(name: str) -> None:
    """Reads the response as the events of `create(stream=True)`, asynchronously."""
    http = httpx2.AsyncClient(transport=replaying(name))
    stream = await AsyncAnthropic(api_key="none", http_client=http).messages.create(**ASK, stream=True)
    async for _ in stream:
        pass


def run_async(name: str) -> None:
    """`read_events_async`, in an event loop of its own."""
    asyncio.run(read_events_async(name))


READERS: tuple[Callable[[str], None], ...] = (read_events, read_helper, read_raw, run_async)


def test_every_recorded_response_has_a_bill() -> None:
    """A response that the SDK adds is not passed over."""
    assert sorted(fixtures()) == sorted(BILLS)


@by_fixture
@pytest.mark.parametrize("reader", READERS)
def test_bill(exported: Exported, name: str, reader: Callable[[str], None]) -> None:
    """The tokens and the cost of a recorded response are those worked by hand, however it is read."""
    if (name, reader) == ("tool_use_invalid_json_response.txt", read_helper):
        with pytest.raises(ValueError, match="Unable to parse tool parameter JSON"):
            reader(name)
        span = exported.span()
        assert (span["claude.outcome"], span["claude.usage.partial"], span[INPUT]) == ("closed_early", True, 377)
        return
    reader(name)
    bill, span = BILLS[name], exported.span()
    found = (span["gen_ai.response.model"], span[INPUT], span[OUTPUT], span[READ], span[WRITE])
    assert found == (bill.model, bill.input, bill.output, bill.read, bill.write)
    assert span["claude.outcome"] == "completed"
    check_cost(exported, bill.usd)


def check_cost(exported: Exported, usd: Decimal) -> None:
    """Asserts that span, event and metrics have this cost."""
    (event,) = exported.events()
    for cost in (exported.span()[COST], event[COST], exported.value("claude.cost")):
        assert abs(Decimal(cost) - usd) < Decimal("1e-9")
    assert exported.value("claude.unpriced_calls") == 0


def test_bill_of_a_chain(exported: Exported) -> None:
    """A refusal and the answer that the SDK's middleware splices to it are one call, each billed at its own model."""
    client = sync_client(
        "stream-a-refusal.sse",
        "stream-b-fallback.sse",
        middleware=[BetaRefusalFallbackMiddleware([{"model": "claude-opus-4-8"}])],
    )
    with client.beta.messages.stream(**{**ASK, "model": "claude-fable-5"}) as stream:
        message = stream.get_final_message()
    span = exported.span()
    assert message.model == span["gen_ai.response.model"] == "claude-opus-4-8"
    assert (span[INPUT], span[OUTPUT], span["claude.attempts"]) == (28 + 31, 106 + 547, 2)
    check_cost(exported, evaluate("(28 * 10 + 106 * 50 + 31 * 5 + 547 * 25) / 1000000"))
    fable = exported.value("claude.cost", gen_ai__response__model="claude-fable-5")
    assert abs(Decimal(fable) - evaluate("(28 * 10 + 106 * 50) / 1000000")) < Decimal("1e-9")
