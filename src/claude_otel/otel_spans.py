"""Spans of OpenTelemetry's SDK, started and given their attributes without the checks that are most of what they cost.

Our attributes need none: they are texts, numbers, booleans, and tuples of texts. Each function looks first whether the
SDK is as it knows it (1.43 to 1.45), by the private attributes it is about to use. Where it is not it returns `None` or
`False`, having done nothing, and its caller goes by the API.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from random import getrandbits
from threading import Lock
from typing import Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanContext, TraceFlags, get_current_span

from claude_otel import otel_attributes, otel_queues

SPAN = frozenset(
    {
        "_name", "_context", "_kind", "_instrumentation_info", "_instrumentation_scope", "_parent", "_start_time",
        "_end_time", "_attributes", "_events", "_links", "_resource", "_status", "_sampler", "_trace_config",
        "_record_exception", "_set_status_on_exception", "_span_processor", "_limits", "_lock", "_record_end_metrics",
    }
)  # fmt: skip
"""What a span of the SDK consists of."""

SAMPLED = TraceFlags(TraceFlags.SAMPLED)
RANDOM = TraceFlags(TraceFlags.SAMPLED | getattr(TraceFlags, "RANDOM_TRACE_ID", 0))
NO_STATE = SpanContext(1, 1, False).trace_state


OWN = frozenset({"_name", "_context", "_parent", "_start_time", "_attributes", "_lock"})
"""What of it is each span's own; the rest is as it was for the last one."""


class Recorded:
    """A span that `Starts` has started: its attributes, its events and its links are made as somebody looks at them.

    Most are looked at by an exporter only, once the call is settled, and have no events and links.
    """

    _events: Any = ()
    _links: Any = ()
    _end_time: int | None = None
    _facts: dict[str, Any]
    """The attributes that it starts with, and once it is settled all. Others have them too: nobody changes them."""
    _settled = False
    _held: Any = None
    """The attributes, once somebody has looked at them."""
    _make: otel_attributes.Make
    _settle: Callable[[], None]

    @property
    def _attributes(self) -> Any:
        ended = self._end_time is not None
        if ended and not self._settled:
            self._settle()
        held = self._held
        if held is None:
            if self._settled:
                held = self._held = self._make(self._facts)
            else:
                # Two threads may look at once, and set something: the first one to be there is what both get.
                held = vars(self).setdefault("_held", self._make(self._facts.copy()))
                if self._settled:
                    # Since then.
                    held._dict.update(self._facts)
        if ended and type(held) is BoundedAttributes:
            held._immutable = True
        return held

    @_attributes.setter
    def _attributes(self, held: Any) -> None:
        self._held = held

    def tell(self, facts: dict[str, Any]) -> None:
        """Makes `facts` the attributes, besides those that the application has set."""
        before, self._facts = self._facts, facts
        held = self._held
        if type(held) is BoundedAttributes:
            held._dict.update({name: value for name, value in facts.items() if name not in before})
        self._settled = True

    def _add_event(self, event: Any) -> None:
        theirs: Any = super()
        if self._events == ():
            self._events = theirs._new_events()
        theirs._add_event(event)

    def _add_link(self, link: Any) -> None:
        theirs: Any = super()
        if self._links == ():
            self._links = theirs._new_links(None)
        theirs._add_link(link)


class Pattern:
    """A span that the SDK has made, and what was in force then: as long as it is, others are made like it."""

    def __init__(self, tracer: Any, span: Any, settle: Callable[[], None]) -> None:
        """`span` has just been started by `tracer`. Raises AttributeError where it is not as it is known.

        `settle` has the spans told that have ended.
        """
        parts, theirs = vars(span), type(span)
        if parts.keys() != SPAN:
            raise AttributeError("another kind of span")
        make = otel_attributes.like(span._attributes)
        if make is None:
            raise AttributeError("other attributes, or few or short ones")
        told = span.get_span_context()
        if tuple(told) != (told.trace_id, told.span_id, False, told.trace_flags, told.trace_state, True):
            raise AttributeError("another kind of context")
        self.tracer, self.in_force = tracer, in_force(tracer)
        sampler, processors, *_ = self.in_force
        if not all(map(is_blind, (sampler, *processors))):
            raise AttributeError("somebody looks at the attributes of a span that starts")
        ended = parts["_record_end_metrics"]
        if ended is not None and ended.__name__ != "noop":
            raise AttributeError("the SDK counts spans")
        if not (hasattr(theirs, "_add_event") and hasattr(theirs, "_add_link")):
            raise AttributeError("other lists of events and links")
        ids = tracer.id_generator
        self.flags = RANDOM if ids.is_trace_id_random() else SAMPLED
        self.new_trace_id, self.new_span_id = ids.generate_trace_id, ids.generate_span_id
        if (type(ids).__module__, type(ids).__name__) == _RANDOM_IDS:
            # As those two do, but for the check that no such number is 0: none ever is.
            self.new_trace_id, self.new_span_id = partial(getrandbits, 128), partial(getrandbits, 64)
        self.root, self.local, self.remote = map(samples_all, delegates(sampler))
        common = {name: part for name, part in parts.items() if name not in OWN and name not in vars(Recorded)}
        common |= {"_make": make, "_settle": settle}
        # A function of a class would be one of its spans.
        common = {name: staticmethod(part) if callable(part) else part for name, part in common.items()}
        common["__module__"] = theirs.__module__
        self.span_type: Any = type(theirs.__name__, (Recorded, theirs), common)
        self.puts = [otel_queues.put_of(processor) or processor.on_end for processor in processors]


def in_force(tracer: Any) -> tuple[Any, ...]:
    """What decides how a span of `tracer` begins: it is made as before while this is the same."""
    config = tracer._tracer_config
    processors = tracer.span_processor._span_processors
    return (
        tracer.sampler,
        processors,
        tracer.resource,
        tracer._span_limits,
        tracer.id_generator,
        config,
        config.is_enabled,
    )


class Starts:
    """Starts the spans of a tracer, like one that the SDK has started, or not at all.

    Only where nobody looks at the attributes of a span that starts: no sampler or processor but the SDK's own.
    """

    def __init__(self, tracer: Any, settle: Callable[[], None]) -> None:
        self._tracer = tracer
        self._settle = settle
        self._pattern: Pattern | None = None
        self._learned_in: tuple[Any, ...] | None = None

    def learn(self, span: Span) -> None:
        """Takes `span`, which the SDK has just started, for the pattern of others."""
        try:
            tracer = sdk_tracer(self._tracer)
            if span.is_recording() and self._learned_in != (now := in_force(tracer)):
                self._learned_in, self._pattern = now, None
                self._pattern = Pattern(tracer, span, self._settle)
        except (AttributeError, TypeError):
            return

    def is_blind(self) -> bool:
        """Whether nobody looks at the attributes of a span that starts."""
        pattern = self._pattern
        return pattern is not None and pattern.in_force == in_force(pattern.tracer)

    def start(self, name: str, attributes: dict[str, Any], started_ns: int, context: Context) -> Span | None:
        """A span that is recorded, with `attributes`, which stay as they are, and the span in `context`, the current
        one, as its parent.
        """
        pattern = self._pattern
        if pattern is None or pattern.in_force != in_force(pattern.tracer):
            return None
        parent: SpanContext | None = get_current_span(context).get_span_context() if context else None
        if parent is None or not parent.is_valid:
            if not pattern.root:
                return None
            trace_id, state, flags, parent = pattern.new_trace_id(), NO_STATE, pattern.flags, None
        else:
            flags = parent.trace_flags
            if flags not in (SAMPLED, RANDOM) or not (pattern.remote if parent.is_remote else pattern.local):
                return None
            trace_id, state = parent.trace_id, parent.trace_state
        span = object.__new__(pattern.span_type)
        span._name = name
        # As `SpanContext(...)`, which is a function of Python.
        span._context = tuple.__new__(SpanContext, (trace_id, pattern.new_span_id(), False, flags, state, True))
        span._parent = parent
        span._start_time = started_ns
        span._facts = attributes
        span._lock = Lock()
        return span  # type: ignore[no-any-return]

    def end(self, span: Any) -> bool:
        """Ends `span`. The processors get it as it is, and not a copy that cannot be changed: nobody changes it now."""
        pattern = self._pattern
        if pattern is None or type(span) is not pattern.span_type:
            return False
        if span._span_processor._span_processors is not pattern.in_force[1]:
            return False
        with span._lock:
            if span._end_time is not None:
                return False
            span._end_time = time.time_ns()
        for put in pattern.puts:
            put(span)
        return True


def sdk_tracer(tracer: Any) -> Any:
    """The SDK's own tracer behind one that was made before the global provider was set."""
    return getattr(tracer, "_real_tracer", None) or tracer


def is_blind(part: Any) -> bool:
    """Whether `part`, a sampler or a processor, is one of the SDK's that do not look at attributes as a span starts."""
    if type(part).__name__ == "ParentBased":
        return type(part).__module__ == _SAMPLING and all(map(is_blind, vars(part).values()))
    return (type(part).__module__, type(part).__name__) in _BLIND


_RANDOM_IDS = ("opentelemetry.sdk.trace.id_generator", "RandomIdGenerator")
_SAMPLING = "opentelemetry.sdk.trace.sampling"
_BLIND = frozenset(
    {
        (_SAMPLING, "StaticSampler"),
        (_SAMPLING, "TraceIdRatioBased"),
        ("opentelemetry.sdk.trace.export", "BatchSpanProcessor"),
        ("opentelemetry.sdk.trace.export", "SimpleSpanProcessor"),
    }
)


def delegates(sampler: Any) -> tuple[Any, Any, Any]:
    """The samplers that decide on a span without a parent, and with a local and a remote one that is sampled."""
    if type(sampler).__name__ != "ParentBased":
        return sampler, sampler, sampler
    return sampler._root, sampler._local_parent_sampled, sampler._remote_parent_sampled


def samples_all(sampler: Any) -> bool:
    """Whether `sampler`, one of the SDK's own, samples every span."""
    return type(sampler).__name__ == "StaticSampler" and bool(sampler._decision.is_sampled())


def set_attributes(span: Any, values: Mapping[str, Any]) -> bool:
    """Sets the attributes `values` on the recording `span`."""
    held = getattr(span, "_attributes", None)
    if type(held) is not BoundedAttributes or held._immutable or held.max_value_len is not None:
        return False
    with held._lock:
        if held.maxlen is not None and len(held._dict) + len(values) > held.maxlen:
            return False
        held._dict.update(values)
    return True
