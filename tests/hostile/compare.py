"""Makes calls without us and with us, on the same answers, and tells what differs and what our record has wrong."""

from __future__ import annotations

import asyncio
import gc
import logging
import math
import re
import sys
import traceback
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import anthropic
from anthropic import _base_client
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.metrics.export import MetricsData
from pydantic import BaseModel

import claude_otel
from claude_otel import blame, guard, telemetry
from conftest import Exported
from hostile.answers import Answer, answer
from hostile.calls import WAYS
from wire import http

# A case.

CLIENTS: dict[str, dict[str, Any]] = {
    "plain": {"max_retries": 0},
    "retrying": {"max_retries": 2},
    "strict": {"max_retries": 0, "_strict_response_validation": True},
    "traced": {"max_retries": 0},
    "falling_back": {"max_retries": 0},
}
"""The options of each client; `traced` ones make spans of the SDK's own, `falling_back` ones have its middleware."""

FALLING_BACK = ("beta_create", "beta_create_stream", "beta_helper")


@dataclass(frozen=True)
class Case:
    """A way of asking, the client that asks, and the answers it gets, the last of them again and again."""

    name: str
    way: str
    client: str
    asynchronous: bool
    answers: tuple[Answer, ...]


def case(chance: Random, name: str = "") -> Case:
    """Any case."""
    client = chance.choices(list(CLIENTS), (10, 3, 2, 3, 2))[0]
    way = chance.choice(FALLING_BACK if client == "falling_back" else list(WAYS))
    kinds = WAYS[way].kinds * (2 if client == "falling_back" else 1)
    return Case(name, way, client, chance.random() < 0.4, tuple(answer(chance, kind) for kind in kinds))


# The API.


class Body(http.SyncByteStream, http.AsyncByteStream):  # type: ignore[misc]
    """The body of an answer, that knows how much of it was read."""

    def __init__(self, answered: Answer) -> None:
        self._answer = answered
        self.read = 0
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._answer.pieces:
            self.read += 1
            yield piece
        if self._answer.breaks:
            raise BREAKS[self._answer.breaks]("cut")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece

    def close(self) -> None:
        self.closed += 1

    async def aclose(self) -> None:
        self.closed += 1


BREAKS = {"read": http.ReadError, "protocol": http.RemoteProtocolError, "timeout": http.ReadTimeout}

RECORDED = re.compile(r"/v1/messages(/count_tokens|/batches|/batches/[^/]+|/batches/[^/]+/results)?$")


class Api(http.BaseTransport, http.AsyncBaseTransport):  # type: ignore[misc]
    """Answers with the answers of one case, and knows what was asked."""

    def __init__(self) -> None:
        self.load(())

    def load(self, answers: tuple[Answer, ...]) -> None:
        """Takes the answers of the next case."""
        self._answers = answers
        self._redirects = False
        self.sent: list[Any] = []
        self.bodies: list[Body] = []
        self.calls = 0

    def handle_request(self, request: Any) -> Any:
        request.read()
        return self._response(request)

    async def handle_async_request(self, request: Any) -> Any:
        await request.aread()
        return self._response(request)

    def _response(self, request: Any) -> Any:
        names = sorted(name for name in request.headers if name not in ("traceparent", "tracestate"))
        first = request.headers.get("x-stainless-retry-count") == "0" and not self._redirects
        self.calls += first and RECORDED.search(request.url.path) is not None
        answered = self._answers[min(len(self.sent), len(self._answers) - 1)]
        self.sent.append((request.method, str(request.url), request.content, names))
        self.bodies.append(Body(answered))
        # The SDK does not compare the length that it is told with what comes, as no real connection is there.
        response = http.Response(
            answered.status, headers=list(answered.headers), stream=self.bodies[-1], request=request
        )
        self._redirects = response.has_redirect_location
        return response


class Clients:
    """A client of each sort, sync and async. The SDK's spans of those that are traced go to providers of their own."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.traced = Exported()
        self._made: dict[tuple[str, bool], Any] = {}

    def get(self, name: str, asynchronous: bool) -> Any:
        """The client for a case; made when first asked for."""
        key = name, asynchronous
        if key not in self._made:
            self._made[key] = self._make(name, asynchronous)
        return self._made[key]

    def _make(self, name: str, asynchronous: bool) -> Any:
        options = {"api_key": "key", **CLIENTS[name]}
        if name == "traced":
            options["open_telemetry"] = {"tracer_provider": self.traced.tracer_provider}
        if name == "falling_back":
            options["middleware"] = [anthropic.BetaRefusalFallbackMiddleware([{"model": "claude-sonnet-5-5"}])]
        if asynchronous:
            return anthropic.AsyncAnthropic(http_client=http.AsyncClient(transport=self._api), **options)
        return anthropic.Anthropic(http_client=http.Client(transport=self._api), **options)


class Record(Exported):
    """All that we recorded, in the form in which exporters get it."""

    def logs(self) -> list[Any]:
        """The events that were emitted."""
        return list(self._events.get_finished_logs())

    def data(self) -> Any:
        """All metrics now."""
        return self._metrics.get_metrics_data() or MetricsData(resource_metrics=[])


# What an application sees.


@dataclass
class Seen:
    """All that an application, its logs and its API can see of one case."""

    result: str = ""
    failed: bool = False
    items: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)
    unraisable: list[str] = field(default_factory=list)
    sent: list[Any] = field(default_factory=list)
    bodies: list[tuple[int, int]] = field(default_factory=list)
    sdk_spans: int = 0
    calls: int = 0


@dataclass
class Told:
    """What we recorded of one case, and what went wrong in our own code meanwhile."""

    spans: list[Any] = field(default_factory=list)
    logs: list[Any] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    errors: int = 0
    failures: list[str] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)


ADDRESS = re.compile(r"0x[0-9a-f]{6,}")


def described(value: Any) -> str:
    """All of `value` that an application can see, addresses left out."""
    text = f"{type(value).__module__}.{type(value).__qualname__} {value!r}"
    if isinstance(value, BaseModel):
        fields = sorted(value.model_fields_set)
        text += f" {fields} {getattr(value, '_request_id', '')!r} {dumped(value)}"
    return ADDRESS.sub("0x", text)


def dumped(value: BaseModel) -> str:
    """The content of a model, with what it has besides its fields."""
    try:
        return repr(value.model_dump(warnings=False))
    except Exception as error:
        return f"cannot be dumped: {error!r}"


def described_error(error: BaseException | None, depth: int = 0) -> str:
    """All of an exception that an application can see, with what it came from."""
    if error is None or depth > 8:
        return "-"
    response = getattr(error, "response", None)
    told = (
        described(error), str(error), described(error.args),
        getattr(error, "__notes__", None), error.__suppress_context__,
        *(described(getattr(error, name, None)) for name in ("body", "status_code", "request_id", "type", "message")),
        None if response is None else (response.status_code, response.headers.raw, response.is_closed),
    )  # fmt: skip
    cause, context = described_error(error.__cause__, depth + 1), described_error(error.__context__, depth + 1)
    return ADDRESS.sub("0x", f"{told!r}\n from {cause}\n in {context}")


class Ears(logging.Handler):
    """Keeps what is logged: all that is ours, and from warnings on what is others'."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING or record.name.startswith("claude_otel"):
            self.records.append(record)


class Watch:
    """Watches a process while it makes calls: its logs, warnings, exceptions that nobody catches, failures of ours."""

    def __init__(self) -> None:
        self._ears = Ears()
        self._warned: list[str] = []
        self._unraisable: list[str] = []
        self._failures: list[str] = []

    def take(self, seen: Seen, told: Told) -> None:
        """Puts what has come since the last time into `seen` and `told`."""
        for record in self._ears.records:
            line = ADDRESS.sub("0x", f"{record.levelname} {record.name}: {record.getMessage()}")
            (told if record.name.startswith("claude_otel") else seen).logged.append(line)
        seen.warned, seen.unraisable, told.failures = self._warned, self._unraisable, self._failures
        self._ears.records, self._warned, self._unraisable, self._failures = [], [], [], []

    @contextmanager
    def on(self) -> Iterator[None]:
        """Watches for as long as this runs."""
        root, ours = logging.getLogger(), logging.getLogger("claude_otel")
        level, hook = ours.level, sys.unraisablehook
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning = self._warn
            sys.unraisablehook = lambda what: self._unraisable.append(
                f"{what.err_msg} {described_error(what.exc_value)}"
            )
            root.addHandler(self._ears)
            ours.setLevel(logging.INFO)
            guard.listeners.append(self._failed)
            try:
                yield
            finally:
                guard.listeners.remove(self._failed)
                ours.setLevel(level)
                root.removeHandler(self._ears)
                sys.unraisablehook = hook

    def _warn(
        self, message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any, **__: Any
    ) -> None:
        self._warned.append(f"{category.__name__} {filename}:{lineno} {message}")

    def _failed(self, component: str) -> None:
        self._failures.append(f"{component}: {traceback.format_exc(limit=-4)[-2000:]}")

    def looped(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Takes what an event loop would log."""
        self._unraisable.append(f"{context.get('message')} {described_error(context.get('exception'))}")


@contextmanager
def without_waiting() -> Iterator[None]:
    """Has retries not wait, though the SDK still reads how long it should."""
    original: Any = _base_client.BaseClient._calculate_retry_timeout

    def at_once(*args: Any, **kwargs: Any) -> float:
        original(*args, **kwargs)
        return 0.0

    setattr(_base_client.BaseClient, "_calculate_retry_timeout", at_once)  # noqa: B010
    try:
        yield
    finally:
        setattr(_base_client.BaseClient, "_calculate_retry_timeout", original)  # noqa: B010


class Run:
    """Makes the calls of many cases, one after the other, in one process."""

    def __init__(self, exported: Record | None) -> None:
        self._api = Api()
        self._clients = Clients(self._api)
        self._watch = Watch()
        self._exported = exported

    def all(self, cases: list[Case]) -> list[tuple[Seen, Told]]:
        """What was seen, and what was told, of each case."""
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(self._watch.looped)
        try:
            with without_waiting(), self._watch.on():
                return [self._one(item, loop) for item in cases]
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    def _one(self, item: Case, loop: asyncio.AbstractEventLoop) -> tuple[Seen, Told]:
        self._api.load(item.answers)
        seen, told = Seen(), Told()
        client = self._clients.get(item.client, item.asynchronous)
        running = outcome(item, client, seen)
        if item.asynchronous:
            loop.run_until_complete(running)
            # What was dropped is closed by the loop, in its next rounds.
            loop.run_until_complete(rounds())
        else:
            to_the_end(running)
        seen.sent, seen.calls = self._api.sent, self._api.calls
        self._gather(seen, told)
        if self._exported is not None and len(told.events) < seen.calls:
            # A cycle that an exception made may keep a stream from being dropped.
            gc.collect()
            loop.run_until_complete(rounds())
            self._gather(seen, told)
        seen.bodies = [(body.read, body.closed) for body in self._api.bodies]
        seen.sdk_spans = len(self._clients.traced.spans)
        self._clients.traced.clear()
        self._watch.take(seen, told)
        return seen, told

    def _gather(self, seen: Seen, told: Told) -> None:
        if self._exported is not None:
            told.spans += self._exported.spans
            told.logs += self._exported.logs()
            told.events += self._exported.events()
            told.errors += len(self._exported.events("claude.error"))
            self._exported.clear()


async def outcome(item: Case, client: Any, seen: Seen) -> None:
    """Makes the call of a case, and describes what the application gets."""
    items: list[Any] = []
    try:
        seen.result = described(await WAYS[item.way].act(client, items))
    except Exception as error:
        seen.failed, seen.result = True, described_error(error)
    seen.items = [described(each) for each in items]


async def rounds() -> None:
    """Lets the event loop finish what is to be done."""
    for _ in range(3):
        await asyncio.sleep(0)


def to_the_end(running: Any) -> None:
    """Runs a coroutine that never waits."""
    try:
        running.send(None)
    except StopIteration:
        return
    raise AssertionError("a call of a sync client waited")


# What is wrong.


@dataclass
class Compared:
    """What came of many cases: how many there were, which answers were served, and each thing that is wrong."""

    cases: int = 0
    served: set[bytes] = field(default_factory=set)
    wrong: list[tuple[Case, str]] = field(default_factory=list)

    def add(self, other: Compared) -> None:
        """Adds what came of other cases."""
        self.cases += other.cases
        self.served |= other.served
        self.wrong += other.wrong


def compared(cases: list[Case]) -> Compared:
    """Makes the calls without us, then with us."""
    plain = Run(None).all(cases)
    exported = Record()
    exported.instrument()
    try:
        ours = Run(exported).all(cases)
    finally:
        claude_otel.uninstrument()
    result = Compared(len(cases))
    for item, (before, _), (after, told) in zip(cases, plain, ours, strict=True):
        result.served.update(each.digest for each in item.answers[: len(before.sent)])
        wrong = [*differences(before, after), *faults(item, after, told), *leaks(told)]
        result.wrong += [(item, each) for each in wrong]
    if wrong := exported_wrong(exported, [told for _, told in ours]):
        # Which case it was is seen when each is made alone.
        alone = [each for item in cases for each in compared([item]).wrong] if len(cases) > 1 else []
        result.wrong = alone or [*result.wrong, *((cases[0], each) for each in wrong)]
    return result


def differences(before: Seen, after: Seen) -> list[str]:
    """What an application can tell us by."""
    return [
        f"{name}: without us {clipped(one, other)}"
        for name in vars(before)
        if (one := getattr(before, name)) != (other := getattr(after, name))
    ]


def clipped(one: object, other: object) -> str:
    """Both values, from a little before they differ."""
    left, right = str(one), str(other)
    at = next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))
    start = max(at - 100, 0)
    return f"…{left[start : at + 400]}\n  with us …{right[start : at + 400]}"


def leaks(told: Told) -> list[str]:
    """What our own code did wrong, though the application did not see it."""
    return [f"logged: {line}" for line in told.logged] + [f"failed: {line}" for line in told.failures]


OUTCOMES = frozenset({"completed", "error", "closed_early", "abandoned", "cancelled", "truncated"})
BLAMES = frozenset({"provider", "quota", "budget", "caller", "network", "timeout", "refused"})
NAMES = frozenset({blame.CLIENT_TIMEOUT, blame.CONNECTION, blame.CLIENT, blame.UNKNOWN}) | blame.ERROR_TYPES
TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str) and len(value) <= 256,
    "string[]": lambda value: isinstance(value, (tuple, list)) and all(isinstance(item, str) for item in value),
    "int": lambda value: type(value) is int and 0 <= value < 2**53,
    "double": lambda value: isinstance(value, (int, float)) and math.isfinite(value) and value >= 0,
    "boolean": lambda value: isinstance(value, bool),
    "map": lambda value: isinstance(value, dict) and all(math.isfinite(usd) and usd >= 0 for usd in value.values()),
}
ATTRIBUTES = {each.name: each for each in telemetry.ATTRIBUTES}


def faults(item: Case, seen: Seen, told: Told) -> Iterator[str]:
    """What our record of a case has wrong."""
    calls = min(seen.calls, 1) if item.client == "falling_back" else seen.calls
    if "results" in WAYS[item.way].kinds and seen.failed and len(told.events) == calls + 1:
        # The URL of the results comes from the first answer: of one that is none, no request is seen.
        calls += 1
    # The SDK has spans for more than we record: for the tool runner, and for a list of models.
    if len(told.spans) + min(seen.sdk_spans, calls) != calls:
        yield f"{len(told.spans)} spans of ours, {seen.sdk_spans} of the SDK's, {calls} calls"
    if len(told.events) != calls:
        yield f"{len(told.events)} events of {calls} calls"
    failed = [event for event in told.events if event.get("claude.outcome") in ("error", "truncated")]
    if told.errors != len(failed):
        yield f"{told.errors} events of errors, of {len(failed)} calls that failed"
    for span in told.spans:
        if span.end_time is None or span.end_time < span.start_time:
            yield f"a span ends at {span.end_time}, and starts at {span.start_time}"
        yield from absurd("span", dict(span.attributes))
    for event in told.events:
        yield from absurd("event", event)
        yield from unlike(item, seen, event)


def absurd(home: str, attributes: dict[str, Any]) -> Iterator[str]:
    """The attributes that are none of ours, or of no type and size that theirs can be."""
    for name, value in attributes.items():
        known = ATTRIBUTES.get(name)
        if known is None or home not in known.on:
            yield f"attribute {name} on a {home}"
        elif not TYPES[known.type](value):
            yield f"{name} is {str(value)[:200]!r} on a {home}"


def unlike(item: Case, seen: Seen, event: dict[str, Any]) -> Iterator[str]:
    """What the record of a call says that cannot be, after what the application saw."""
    outcome, error, who = (event.get(name) for name in ("claude.outcome", "error.type", "claude.blame"))
    wrong = outcome in ("error", "truncated")
    if outcome not in OUTCOMES or outcome == "cancelled":
        yield f"outcome {outcome}"
    if (error is not None) != wrong or (wrong and who not in BLAMES) or (not wrong and who not in (None, "refused")):
        yield f"outcome {outcome} with {error}, blame {who}"
    if error is not None and error not in NAMES and not re.fullmatch("[45][0-9][0-9]", error):
        yield f"error.type {error}"
    way = WAYS[item.way]
    if way.plain and seen.failed and not wrong:
        yield f"outcome {outcome} of a call that raised"
    if way.plain and not way.leaves and not seen.failed and outcome not in ("completed", "truncated"):
        yield f"outcome {outcome} of a call that was read to its end"
    if way.kinds[0] == "stream" and way.plain and not way.leaves and not seen.failed and seen.items:
        whole = any("type='message_stop'" in each for each in seen.items)
        if "bytes" not in item.way and "text" not in item.way and "lines" not in item.way and whole != (not wrong):
            yield f"outcome {outcome} of a stream {'with' if whole else 'without'} its last event"
    cached = event.get("gen_ai.usage.cache_read.input_tokens", 0) + event.get(
        "gen_ai.usage.cache_write.input_tokens", 0
    )
    if cached > event.get("gen_ai.usage.input_tokens", 0):
        yield f"{cached} tokens of the cache in {event.get('gen_ai.usage.input_tokens')}"


def sums(exported: Record, everything: list[Told]) -> Iterator[str]:
    """What the metrics have wrong: numbers that cannot be, and sums that are not those of the events."""
    events = [event for told in everything for event in told.events]
    for name, point in points(exported):
        numbers = (point.value,) if hasattr(point, "value") else (point.sum, point.min, point.max)
        if not all(math.isfinite(number) and 0 <= number < 2**63 for number in numbers):
            yield f"{name} is {numbers} of {dict(point.attributes)}"
    active, errors = exported.value("claude.active_calls"), exported.value("claude.instrumentation.errors")
    if active or errors:
        yield f"{active} calls are active, {errors} failures of ours"
    if exported.value("claude.calls") != len(events):
        yield f"{exported.value('claude.calls')} calls are counted, of {len(events)}"
    # Results of a batch that this process has counted before are not counted again.
    chats = Counter[str]()
    for event in events:
        if "gen_ai.operation.name" not in event:
            yield f"an event has only {sorted(event)}"
        if event.get("gen_ai.operation.name") == "chat":
            for name in ("input_tokens", "output_tokens", "cache_read.input_tokens", "cache_write.input_tokens"):
                chats[name] += event.get(f"gen_ai.usage.{name}", 0)
    for name, tokens in chats.items():
        metric_name = f"gen_ai.client.inference.usage.{name}"
        counted = exported.value(metric_name, gen_ai__operation__name="chat")
        if counted != tokens:
            yield f"{metric_name} is {counted}, the events say {tokens}"


def points(exported: Record) -> Iterator[tuple[str, Any]]:
    """Every data point, with the name of its metric."""
    data = exported.data()
    for resource in data.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                yield from ((metric.name, point) for point in metric.data.data_points)


def exported_wrong(exported: Record, everything: list[Told]) -> list[str]:
    """What metrics and exports have wrong, what is logged meanwhile included."""
    ears = Ears()
    logging.getLogger().addHandler(ears)
    try:
        wrong = [*sums(exported, everything), *exports(exported, everything)]
    finally:
        logging.getLogger().removeHandler(ears)
    return wrong + [f"logged at export: {record.getMessage()}" for record in ears.records]


def exports(exported: Record, everything: list[Told]) -> Iterator[str]:
    """What an exporter could not send."""
    for name, encode in (
        ("spans", lambda: encode_spans([span for told in everything for span in told.spans])),
        ("metrics", lambda: encode_metrics(exported.data())),
        ("events", lambda: encode_logs([log for told in everything for log in told.logs])),
    ):
        try:
            encode().SerializeToString()
        except Exception as error:
            yield f"{name} cannot be encoded: {error!r}"
