"""A user's code, which the type checkers read and nobody runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider

import claude_otel
from claude_otel import ClaudeInstrumentor, instrument, surface, uninstrument

instrument()
instrument(tracer_provider=TracerProvider(), meter_provider=MeterProvider(), logger_provider=LoggerProvider())
uninstrument()
ClaudeInstrumentor().instrument()
claude_otel.ClaudeInstrumentor().uninstrument()

with surface("checkout-chat"):
    pass

with surface("checkout-chat", user="u", agent="planner") as entered:
    name: str = entered.name
    user: str | None = entered.user


@surface("report-writer")
def write(topic: str, *, pages: int = 1) -> str:
    return topic * pages


@surface("report-writer", user="u")
async def write_async(topic: str) -> int:
    return len(topic)


@surface("report-writer")
def pages(count: int) -> Iterator[str]:
    yield from map(str, range(count))


@surface("report-writer")
async def pages_async(count: int) -> AsyncIterator[str]:
    for number in range(count):
        yield str(number)


text: str = write("a", pages=2)
for page in pages(3):
    text += page


async def main() -> None:
    length: int = await write_async("a")
    async for page in pages_async(length):
        print(page + text)


surface("a", user=3)  # type: ignore[arg-type]
surface("a", "u")  # type: ignore[call-arg]
write(3)  # type: ignore[arg-type]
instrument(TracerProvider())  # type: ignore[call-arg]
