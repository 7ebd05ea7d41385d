"""One line for a call, as it ends."""

from __future__ import annotations

from collections.abc import Iterator

from claude_otel.cli.fmt import BLAME_STYLES, Style, percent, plural, printable, seconds, tokens, usd, width
from claude_otel.cli.record import UNKNOWN, Call

Part = tuple[str, str]
"""A piece of a line, and its style."""


SHORTENED_BELOW = 130
"""A terminal of fewer columns gets lines without the words that say that all is as usual."""

SHORT_IDS_BELOW = 112
"""One of fewer columns gets only the end of the request ids of calls that went well."""


def call_line(call: Call, style: Style, columns: int | None = None) -> str:
    """The line of `call`, shortened towards `columns`, if given, as long as nothing that matters is lost."""
    parts = list(line_parts(call))
    if columns is not None:
        parts = fitting(parts, call.failed, columns)
    return " ".join(style(printable(text), name) for text, name in parts if text)


def fitting(parts: list[Part], failed: bool, columns: int) -> list[Part]:
    """`parts` for a terminal: of one form for one width, as far as that is enough."""
    if columns < SHORTENED_BELOW:
        parts = without_usual(parts)
    if columns < SHORT_IDS_BELOW and not failed:
        parts = short_id(parts)
    if length(parts) > columns:
        parts = short_words(parts)
    return parts if failed or length(parts) <= columns else parts[:-1]


def length(parts: list[Part]) -> int:
    """The columns that `parts` take, with a blank between each."""
    return sum(width(text) + 1 for text, _ in parts if text) - 1


def line_parts(call: Call) -> Iterator[Part]:
    """The pieces of the line of `call`, in order."""
    yield call.model if call.model != UNKNOWN else "-", "bold"
    yield call.operation, "dim"
    yield call.surface, "cyan"
    yield seconds(call.duration), ""
    if call.failed or call.blame is not None:
        yield from trouble(call)
    yield from (answer(call) if call.is_message else other_answer(call))
    yield from money(call)
    yield from ending(call)
    yield call.request_id or "", "dim"


def trouble(call: Call) -> Iterator[Part]:
    """What went wrong: status, error type and who is to blame."""
    colour = BLAME_STYLES.get(call.blame or "", "red")
    if call.failed and call.status and str(call.status) != call.error_type:
        yield str(call.status), colour
    yield call.error_type or "", colour
    if call.error_code:
        yield call.error_code, colour
    yield call.blame or "", colour


def answer(call: Call) -> Iterator[Part]:
    """First text and tokens of a message."""
    if call.first_text is not None:
        yield f"ttft {seconds(call.first_text)}", ""
    if call.input_tokens:
        yield f"in {tokens(call.input_tokens)}", ""
        yield f"({percent(call.cached_share)} cached)" if call.cache_read else "", "green"
    if call.output_tokens:
        yield f"out {tokens(call.output_tokens)}", ""


def other_answer(call: Call) -> Iterator[Part]:
    """What a call that is no message brought: counted tokens, or a batch."""
    if call.counted:
        yield f"counted {tokens(call.counted)}", ""
    if call.batch_requests:
        yield plural(call.batch_requests, "result" if call.operation == "batch_results" else "request"), ""
    if call.batch_failed:
        yield f"({call.batch_failed} failed)", "red"
    if call.input_tokens or call.output_tokens:
        yield from answer(call)
    if call.batch_id and not call.request_id:
        yield call.batch_id, "dim"


def money(call: Call) -> Iterator[Part]:
    """What the call cost, or that it has no price."""
    if call.bill.unpriced:
        yield "unpriced", "yellow"
    elif call.bill.usd is not None and (call.bill.usd or call.is_message):
        yield usd(call.bill.usd), "bold"


def ending(call: Call) -> Iterator[Part]:
    """How the answer ended, where it did not fail, and how often it was tried."""
    if call.stop_reason and call.stop_reason != call.blame:
        yield call.stop_reason, "yellow" if call.stop_reason in ("max_tokens", "refusal") else "dim"
    if call.outcome not in ("completed", "error", call.blame):
        yield call.outcome, "yellow"
    if call.attempts > 1:
        yield plural(call.attempts, "attempt"), "yellow"


def without_usual(parts: list[Part]) -> list[Part]:
    """`parts` without the words that say that all is as usual."""
    return [part for part in parts if part[0] not in ("chat", "end_turn")]


def short_id(parts: list[Part]) -> list[Part]:
    """`parts` with only the last letters of the request id, which only a failed call needs whole."""
    text = parts[-1][0]
    return [*parts[:-1], (f"…{text[-6:]}" if text else "", "dim")]


def short_words(parts: list[Part]) -> list[Part]:
    """`parts` without the words that can be guessed."""
    return [(text.replace("% cached)", "%)"), name) for text, name in parts]
