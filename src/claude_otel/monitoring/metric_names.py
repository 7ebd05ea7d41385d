"""Prometheus' names of the metrics and attributes in the table of telemetry.

They are what the OTLP receiver makes with `translation_strategy: UnderscoreEscapingWithSuffixes`.
"""

from __future__ import annotations

from claude_otel import telemetry as t

_UNITS = {"s": "seconds", "USD": "USD"}


def label(attribute: str) -> str:
    """The label of an attribute."""
    return attribute.replace(".", "_")


def name(metric: t.Metric) -> str:
    """The name of a metric, a histogram's without `_bucket`, `_count` or `_sum`."""
    plain = label(metric.name)
    unit = _UNITS.get(metric.unit)
    if unit:
        plain = f"{plain}_{unit}"
    return f"{plain}_total" if metric.kind == "counter" else plain


def series(metric: t.Metric) -> tuple[str, ...]:
    """Every series name of a metric."""
    base = name(metric)
    if metric.kind == "histogram":
        return (f"{base}_bucket", f"{base}_count", f"{base}_sum")
    return (base,)


JOB = "job"
INSTANCE = ("job", "instance", "service_instance_id")
"""What tells one process from another. `instance` is missing where only our own attribute tells them apart."""

ENVIRONMENT = "deployment_environment_name"
VERSION = "service_version"
"""Attributes of the resource, which the OTLP receiver promotes to labels."""

SURFACE = label(t.SURFACE)
CALL_SITE = label(t.CALL_SITE)
PROVIDER = label(t.PROVIDER)
REQUEST_MODEL = label(t.REQUEST_MODEL)
RESPONSE_MODEL = label(t.RESPONSE_MODEL)
COST_COMPONENT = label(t.COST_COMPONENT)
OUTCOME = label(t.OUTCOME)
STOP_REASON = label(t.STOP_REASON)
BLAME = label(t.BLAME)
ERROR_TYPE = label(t.ERROR_TYPE)
STATUS = label(t.STATUS_CODE)
MISS_REASON = label(t.MISS_REASON)
LIMIT_TYPE = label(t.RATE_LIMIT_TYPE)
OPERATION = label(t.OPERATION)
COMPONENT = label(t.COMPONENT)
TIER = label(t.RESPONSE_TIER)
EFFORT = label(t.EFFORT)
AGENT = label(t.AGENT)
RETRIED = label(t.RETRIED)
CACHE_TTL = label(t.CACHE_TTL)

COST = name(t.COST_METRIC)
UNCACHED_COST = name(t.UNCACHED_COST_METRIC)
MISSED_COST = name(t.MISSED_COST_METRIC)
MISSED_TOKENS = name(t.MISSED_TOKENS_METRIC)
INPUT_TOKENS = name(t.INPUT_METRIC)
OUTPUT_TOKENS = name(t.OUTPUT_METRIC)
CACHE_READ_TOKENS = name(t.CACHE_READ_METRIC)
CACHE_WRITE_TOKENS = name(t.CACHE_WRITE_METRIC)
CALLS = name(t.CALLS_METRIC)
UNPRICED_CALLS = name(t.UNPRICED_METRIC)
ATTEMPTS = name(t.ATTEMPTS_METRIC)
REMAINING = name(t.REMAINING_METRIC)
LIMIT = name(t.LIMIT_METRIC)
REASONING_TOKENS = name(t.REASONING_METRIC)
BACKOFF = name(t.BACKOFF_METRIC)
INSTRUMENTATION_ERRORS = name(t.ERRORS_METRIC)
DURATION = name(t.DURATION_METRIC)
FIRST_CHUNK = name(t.FIRST_CHUNK_METRIC)
FIRST_TEXT = name(t.FIRST_TEXT_METRIC)
PER_TOKEN = name(t.PER_TOKEN_METRIC)

RAW = frozenset(one for metric in t.METRICS for one in series(metric))
"""Every series that the instrumentor writes."""
