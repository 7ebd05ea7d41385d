"""Spans of an OTLP traces request, and which of them tell the tokens of the same call twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from claude_otel import telemetry
from claude_otel.cli.otlp import attributes

TOKEN_ATTRIBUTES = (
    telemetry.INPUT_TOKENS,
    telemetry.OUTPUT_TOKENS,
    "gen_ai.usage.prompt_tokens",
    "llm.usage.total_tokens",
    "llm.token_count.prompt",
    "llm.token_count.total",
)
"""By these a backend counts tokens."""

AROUND = ("invoke_agent", "invoke_workflow", "create_agent", "execute_tool")
"""Operations around calls, whose spans may sum up the tokens of several."""

AUTO_VERSION = "telemetry.auto.version"
"""On the resource of providers that `opentelemetry-instrument` has set up, and of no others."""


@dataclass(frozen=True)
class Span:
    """A span, as far as it says who made it and for which call."""

    scope: str
    name: str
    id: bytes
    parent: bytes
    attributes: dict[str, Any]
    automatic: bool
    """Whether the provider is the one that `opentelemetry-instrument` has set up."""

    @property
    def bears_tokens(self) -> bool:
        """Whether a backend counts the tokens of a call by this span."""
        around = self.attributes.get(telemetry.OPERATION) in AROUND
        return not around and any(name in self.attributes for name in TOKEN_ATTRIBUTES)


def spans(body: bytes) -> Iterator[Span]:
    """The spans of an OTLP traces request."""
    for resource_spans in ExportTraceServiceRequest.FromString(body).resource_spans:
        automatic = AUTO_VERSION in attributes(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            for each in scope_spans.spans:
                told = attributes(each.attributes)
                yield Span(scope_spans.scope.name, each.name, each.span_id, each.parent_span_id, told, automatic)


def doubled(seen: Sequence[Span]) -> int:
    """How many token-bearing spans tell of a call that another one tells of too: its parent, or of the same message."""
    bearing = [span for span in seen if span.bears_tokens]
    ids = {span.id for span in bearing}
    nested = {span.id for span in bearing if span.parent in ids}
    messages = Counter(message(span) for span in bearing if span.id not in nested and message(span))
    return len(nested) + sum(count - 1 for count in messages.values())


def message(span: Span) -> str:
    """The id of the message that a span tells of, empty when it does not say."""
    return str(span.attributes.get(telemetry.RESPONSE_ID, ""))
