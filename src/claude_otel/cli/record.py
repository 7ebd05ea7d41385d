"""A call, as read from its `claude.call` event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from claude_otel import telemetry
from claude_otel.cli.otlp import Event, number, text, whole

NOT_ERRORS = frozenset({"cancelled", "refused"})
"""Blames that are not errors: the application's own wish, and an answer of the model."""

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Bill:
    """What a call cost in USD. `usd` is `None` when the cost is unknown or the call has none."""

    usd: float | None = None
    components: Mapping[str, float] = field(default_factory=dict)
    by_model: Mapping[str, float] = field(default_factory=dict)
    uncached_usd: float | None = None
    unpriced: bool = False


@dataclass(frozen=True)
class Call:
    """One call as the application sees it: who asked, what came back, how long it took, what it cost."""

    at: float
    """When it ended, in Unix seconds; 0 when that is not known."""
    instance: str
    service: str
    version: str
    operation: str
    model: str
    served: str | None
    """The model that answered; `None` when none did."""
    surface: str
    call_site: str | None
    prompt: str | None
    """The fingerprint of tools and system prompt."""
    outcome: str
    blame: str | None
    error_type: str | None
    error_code: str | None
    status: int | None
    stop_reason: str | None
    request_id: str | None
    duration: float | None
    first_text: float | None
    first_chunk: float | None
    per_token: float | None
    attempts: int
    statuses: tuple[str, ...]
    backoff: float
    input_tokens: int
    output_tokens: int
    cache_read: int
    cache_write: int
    reasoning: int
    counted: int
    bill: Bill
    miss_reason: str | None
    missed_tokens: int
    missed_usd: float
    limit: str | None
    headroom: float | None
    batch_id: str | None
    batch_requests: int
    batch_succeeded: int
    batch_failed: int

    @property
    def failed(self) -> bool:
        """Whether the call went wrong; a cancelled or refused one did not."""
        return self.blame is not None and self.blame not in NOT_ERRORS

    @property
    def is_message(self) -> bool:
        """Whether the call asked for a message: batches and `count_tokens` did not."""
        return self.operation == "chat"

    @property
    def cached_share(self) -> float | None:
        """The share of the input that was read from the cache."""
        return self.cache_read / self.input_tokens if self.input_tokens else None


def read(event: Event) -> Call:
    """The call that an event tells of."""
    data = event.attributes
    return Call(
        at=event.at,
        instance=event.instance,
        service=event.service,
        version=event.version,
        operation=text(data, telemetry.OPERATION) or UNKNOWN,
        model=text(data, telemetry.RESPONSE_MODEL) or text(data, telemetry.REQUEST_MODEL) or UNKNOWN,
        served=text(data, telemetry.RESPONSE_MODEL),
        surface=text(data, telemetry.SURFACE) or UNKNOWN,
        call_site=text(data, telemetry.CALL_SITE),
        prompt=text(data, telemetry.PROMPT_FINGERPRINT),
        outcome=text(data, telemetry.OUTCOME) or UNKNOWN,
        blame=text(data, telemetry.BLAME),
        error_type=text(data, telemetry.ERROR_TYPE),
        error_code=text(data, telemetry.ERROR_CODE),
        status=whole(data, telemetry.STATUS_CODE) or None,
        stop_reason=text(data, telemetry.STOP_REASON),
        request_id=text(data, telemetry.REQUEST_ID),
        duration=number(data, telemetry.DURATION),
        first_text=number(data, telemetry.TIME_TO_FIRST_TEXT),
        first_chunk=number(data, telemetry.TIME_TO_FIRST_CHUNK),
        per_token=number(data, telemetry.TIME_PER_OUTPUT_TOKEN),
        attempts=whole(data, telemetry.ATTEMPTS),
        statuses=tuple(str(status) for status in data.get(telemetry.ATTEMPT_STATUSES) or ()),
        backoff=number(data, telemetry.BACKOFF) or 0.0,
        input_tokens=whole(data, telemetry.INPUT_TOKENS),
        output_tokens=whole(data, telemetry.OUTPUT_TOKENS),
        cache_read=whole(data, telemetry.CACHE_READ_TOKENS),
        cache_write=whole(data, telemetry.CACHE_WRITE_TOKENS),
        reasoning=whole(data, telemetry.REASONING_TOKENS),
        counted=whole(data, telemetry.COUNTED_INPUT_TOKENS),
        bill=bill(data),
        miss_reason=text(data, telemetry.MISS_REASON),
        missed_tokens=whole(data, telemetry.MISSED_TOKENS),
        missed_usd=number(data, telemetry.MISSED_COST) or 0.0,
        limit=text(data, telemetry.RATE_LIMIT_TYPE),
        headroom=number(data, telemetry.RATE_LIMIT_HEADROOM),
        batch_id=text(data, telemetry.BATCH_ID),
        batch_requests=whole(data, telemetry.BATCH_REQUESTS),
        batch_succeeded=whole(data, telemetry.BATCH_SUCCEEDED),
        batch_failed=whole(data, telemetry.BATCH_FAILED),
    )


def bill(data: Mapping[str, Any]) -> Bill:
    """The money of the call."""
    parts = {name: number(data, f"claude.cost.{name}") or 0.0 for name in telemetry.COST_COMPONENTS}
    models = data.get(telemetry.COST_BY_MODEL)
    return Bill(
        usd=number(data, telemetry.COST),
        components={name: usd for name, usd in parts.items() if usd},
        by_model={str(m): float(usd) for m, usd in models.items()} if isinstance(models, dict) else {},
        uncached_usd=number(data, telemetry.UNCACHED_COST),
        unpriced=data.get(telemetry.UNPRICED) is True,
    )
