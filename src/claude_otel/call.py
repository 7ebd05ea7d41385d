"""The state of one call: from the SDK method's request to the end of its answer, with all its attempts.

Only state and its transitions: `recorder` starts and ends calls, `seam` tells a call what happens to it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from opentelemetry.context import Context
from opentelemetry.trace import Span

from claude_otel import blame, drops, guard, headers
from claude_otel.asked import NOTHING, Asked
from claude_otel.attribution import Attribution
from claude_otel.batches import Results
from claude_otel.cache_watch import Expectation
from claude_otel.headers import NONE, Headers
from claude_otel.target import Target
from claude_otel.usage import fields_of, get, merge, number, text, texts
from claude_otel.way_in import Operation

generation = 0
"""How many forks this process is away from the first."""


def forked() -> None:
    """Counts the fork in the child."""
    global generation
    generation += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=forked)

Outcome = Literal["completed", "error", "closed_early", "abandoned", "cancelled", "truncated"]


class Attempt:
    """One HTTP request of a call. Times are of `time.perf_counter`."""

    ended: float = 0.0
    status: int | None = None
    failure: str | None = None
    blame: str | None = None

    def __init__(self) -> None:
        self.started = time.perf_counter()

    @property
    def answered_well(self) -> bool:
        """Whether the API accepted the request."""
        return self.status is not None and self.status < 400


@dataclass(slots=True, eq=False)
class Origin:
    """Where a call comes from, and how it was made: what is known as it starts."""

    operation: Operation
    target: Target
    model: str | None
    stream: bool
    method: str
    attribution: Attribution
    batch_id: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    """What its span starts with."""
    active: Any = None
    """Where the metrics count that it has not ended."""
    is_kept: bool = False
    """Whether the next call like it has this very origin."""
    name: str = field(init=False)
    """The name of its span."""

    def __post_init__(self) -> None:
        self.name = f"{self.operation} {self.model}" if self.model else self.operation


NOBODY: list[Callable[[Call], None]] = []
"""Who is told of the end of a call that has ended."""


class Call:
    """One call. `skipped` is the type of the events that `event` need not see now: once the first text has come, those
    of more text, which are most of a stream.

    `started` and other times without a unit are of `time.perf_counter`. What is told of a call is set as it is told:
    until then the defaults of the class stand, as most calls are told little. Python keeps up to 30 attributes of an
    object compactly; most calls set fewer.
    """

    skipped: str = ""

    span: Span | None = None
    native: bool = False
    context: Context | None = None
    sdks_record: Any = None
    """What the SDK takes for its own record of the call, so that requests carry the trace context of our span."""

    asked: Asked = NOTHING
    expected: Expectation | None = None
    new_prompt: bool = False
    results: Results | None = None
    is_active: bool = False
    """Whether the metrics count that it has not ended."""
    user: str | None = None
    """Who it is for. Leaves the process as a keyed hash only."""
    is_told: bool = False
    """Whether a span of ours or an event tells of it."""
    told: dict[str, Any] | None = None
    """The attributes of its span, where they are to be put as it is settled: none in a span that `otel_spans` made."""
    facts: dict[str, Any] | None = None
    """What its span and its events tell, once it is settled. They share it: nobody changes it."""
    cost_by_model: dict[str, float] | None = None
    """USD, where more models than the one that served were paid for."""
    settle: Callable[[Sequence[Call]], None]
    """Books it, and others that have ended, and fills in what their spans and events tell. It must not raise."""

    places: headers.Places = headers.NOWHERE
    unread: tuple[bytes, ...] | None = None
    """What was picked from the headers of the last answer, if nobody has looked at it."""
    _headers: Headers = NONE

    answers: tuple[Any, ...] = ()
    """Responses that were accepted; a client-side fallback accepts more than one."""
    message_id: str | None = None
    served: str | None = None
    stop_reason: str | None = None
    refusal_category: str | None = None
    diagnosis: tuple[str, int] | None = None
    counted_tokens: int | None = None
    batch_id: str | None = None
    begun: bool = False
    final: bool = False
    stopped: bool = False
    first_chunk: float | None = None
    first_text: float | None = None

    busy: bool = False
    """Whether the body is being read right now, by other means than `reader`."""
    reader: Callable[[], Any] | None = None
    """A weak reference to the generator that reads the body."""
    reader_owns: bool = False
    """Whether the body is closed when `reader` is dropped."""
    requests_while_read: bool = False
    """Whether requests can be sent while the answer is read: a fallback that middleware splices in."""
    outcome: Outcome = "completed"
    verdict: blame.Verdict | None = None
    duration: float = 0.0

    def __init__(self, origin: Origin, on_end: Callable[[Call], None]) -> None:
        self.origin = origin
        if origin.batch_id is not None:
            self.batch_id = origin.batch_id
        self.started = time.perf_counter()
        self.started_ns = time.time_ns()
        self.generation = generation
        self.attempts: list[Attempt] = []
        self.raw_usage: dict[str, Any] = {}
        self.on_end = [on_end]
        """Who is told of the end, taken out by the first end: two threads can end a call at once."""

    @property
    def headers(self) -> Headers:
        """What the headers of the last answer tell."""
        if self.unread is not None:
            unread, self.unread = self.unread, None
            self._headers = headers.read(self.places, unread)
        return self._headers

    @property
    def ended_ns(self) -> int:
        """When it ended, in nanoseconds since 1970."""
        return self.started_ns + int(self.duration * 1e9)

    @property
    def has_ended(self) -> bool:
        """Whether what there is to tell of it stays as it is: it may not be settled yet."""
        return not self.on_end

    @property
    def has_failed(self) -> bool:
        """Whether it has an error to tell of. A cancelled one has none."""
        return self.outcome in ("error", "truncated")

    def attempt_begins(self) -> None:
        """Notes that an HTTP request is about to be sent."""
        if self.on_end:
            self.attempts.append(Attempt())

    def attempt_answered(self, response: Any) -> None:
        """Notes the answer to the HTTP request, whatever its status."""
        if not self.on_end:
            return
        attempt = self.attempts[-1]
        attempt.ended = time.perf_counter()
        attempt.status = status = response.status_code
        self.places, self.unread = headers.take(response.headers)
        if status < 400:
            if not self.origin.stream:
                self.answers = (*self.answers, response)
        else:
            content = response.content if response.is_closed else b""
            attempt.blame = blame.of_body(status, content).blame

    def attempt_failed(self, error: BaseException) -> None:
        """Notes that the HTTP request got no answer."""
        if self.has_ended:
            return
        attempt = self.attempts[-1]
        attempt.ended = time.perf_counter()
        verdict = blame.of_exception(error, answered=False)
        attempt.blame = verdict.blame
        attempt.failure = {"timeout": "timeout", "cancelled": "cancelled"}.get(verdict.blame, verdict.error_type)

    @property
    def answered(self) -> bool:
        """Whether the API accepted the last request."""
        return bool(self.attempts) and self.attempts[-1].answered_well

    def event(self, event: Any) -> None:
        """Takes what one event of the stream says. Those whose type is `skipped` say nothing."""
        if not self.on_end:
            return
        kind = get(event, "type")
        if kind == "content_block_delta":
            if self.first_text is None:
                self._delta(get(event, "delta"))
        elif kind == "content_block_start":
            self._block(get(event, "content_block"))
        elif kind == "message_start":
            self._begins(get(event, "message"))
        elif kind == "message_delta":
            self._delta_of_message(event)
        elif kind == "message_stop":
            self.stopped = True
            if self.first_text is None:
                # An answer of tools alone: what the user waits for begins with its first chunk.
                self.first_text = self.first_chunk

    def _begins(self, message: Any) -> None:
        of = fields_of(message).get
        self.message_id, self.served = text(of("id")), text(of("model"))
        if (usage := of("usage")) is not None:
            merge(self.raw_usage, usage)
        if (diagnostics := of("diagnostics")) is not None:
            self._diagnosed(diagnostics)
        self.begins()

    def begins(self) -> None:
        """Notes that the answer has begun: what it wrote to the cache can be read from now on."""
        self.begun = True
        if self.expected is not None:
            self.expected.entry.begun = True

    def _delta(self, delta: Any) -> None:
        if get(delta, "type") == "text_delta" and get(delta, "text"):
            self._text()
        elif self.first_chunk is None:
            self.first_chunk = time.perf_counter() - self.started

    def _block(self, block: Any) -> None:
        kind = get(block, "type")
        if kind == "text" and get(block, "text") and self.first_text is None:
            self._text()
        elif kind == "fallback":
            # From here on another model answers, as the whole message says too when it is not streamed.
            self.served = text(get(get(block, "to"), "model")) or self.served

    def _text(self) -> None:
        self.first_text = time.perf_counter() - self.started
        if self.first_chunk is None:
            self.first_chunk = self.first_text
        self.skipped = "content_block_delta"

    def _delta_of_message(self, event: Any) -> None:
        merge(self.raw_usage, get(event, "usage"))
        of = fields_of(get(event, "delta")).get
        self.stop_reason = text(of("stop_reason")) or self.stop_reason
        if (details := of("stop_details")) is not None:
            self._refused(details)
        self.final = True

    def _refused(self, details: Any) -> None:
        self.refusal_category = text(get(details, "category")) or self.refusal_category

    def _diagnosed(self, diagnostics: Any) -> None:
        reason = get(diagnostics, "cache_miss_reason")
        kind, tokens = get(reason, "type"), get(reason, "cache_missed_input_tokens")
        if isinstance(kind, str):
            self.diagnosis = kind, number(tokens) or 0

    def message(self, message: Any) -> None:
        """Takes what a whole message says, as a model or as decoded JSON."""
        of = fields_of(message).get
        self.message_id, self.served, reason = texts(of("id"), of("model"), of("stop_reason"))
        if (usage := of("usage")) is not None:
            merge(self.raw_usage, usage)
        if reason is not None:
            self.stop_reason = reason
        if (details := of("stop_details")) is not None:
            self._refused(details)
        if (diagnostics := of("diagnostics")) is not None:
            self._diagnosed(diagnostics)
        self.final = bool(self.raw_usage)
        self.stopped = self.final or self.message_id is not None
        if self.stopped and not self.begun:
            self.begins()

    def ends(self, outcome: Outcome, verdict: blame.Verdict | None = None) -> None:
        """Ends the call. Only the first end counts: reading a body can end more than once."""
        try:
            on_end = self.on_end.pop()
        except IndexError:
            return
        self.on_end = NOBODY
        self.duration = time.perf_counter() - self.started
        if outcome != self.outcome:
            self.outcome = outcome
        if verdict is not self.verdict:
            # None is one too: of the SDK's own span it may have looked like a failure.
            self.verdict = verdict
        if verdict is not None and self.attempts and self.attempts[-1].blame is not None:
            # The body of a streamed call's error is read only after its attempt has ended.
            self.attempts[-1].blame = verdict.blame
        # A call that a parent began is the parent's, even if its stream is dropped in the child too.
        if self.generation == generation:
            on_end(self)
        if self.answers:
            self.answers = ()

    def fails(self, error: BaseException) -> None:
        """Ends the call with the exception that the application gets, or stopped it with. Never raises."""
        try:
            self._fails(error)
        except Exception:
            guard.failed("end")
            self.ends("error")

    def _fails(self, error: BaseException) -> None:
        self.ends(*self.failure(error))

    def failure(self, error: BaseException) -> tuple[Outcome, blame.Verdict]:
        """The outcome of a call that ends with `error`, and who is to blame."""
        verdict = blame.of_exception(error, answered=self.answered)
        if verdict.blame == "cancelled":
            return "cancelled", verdict
        if self.begun and verdict.error_type in (blame.CONNECTION, blame.CLIENT_TIMEOUT):
            return "truncated", verdict
        return "error", verdict

    def read_to_the_end(self) -> None:
        """Ends the call after its body was read to the end: cut short, if no whole message was in it."""
        if self.stopped or self.origin.operation != "chat":
            self.ends("completed")
        else:
            self.ends("truncated", blame.CUT)

    def closed(self, by_reader: bool = False) -> None:
        """Ends the call after the application closed the stream, or `by_reader` what reads its bytes for the SDK.

        A reader that runs closes the body itself when it comes to an end, and knows better how.
        """
        reader = self.reader() if self.reader is not None else None
        if reader is None and self.reader_owns:
            # Up to 1.13 a stream is collected with its generators, whose last act is to close the body.
            self.dropped()
            return
        if self.busy or getattr(reader, "gi_running", False) or getattr(reader, "ag_running", False):
            return
        # An event loop that ends closes what reads the bytes, maybe before what reads the events.
        self._let_go("abandoned" if by_reader else "closed_early")

    def dropped(self) -> None:
        """Ends the call after the application dropped the stream without closing it."""
        self._let_go("abandoned")

    def _let_go(self, outcome: Outcome) -> None:
        if not self.has_ended:
            drops.unless_locked(lambda: self.ends("completed" if self.stopped else outcome))
