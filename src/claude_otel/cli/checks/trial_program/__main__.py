"""One call, as an application makes it, and then what OpenTelemetry was set up with. Run by `doctor`."""

import json
import sys

import anthropic
from opentelemetry import metrics, trace
from opentelemetry._logs import get_logger_provider

from claude_otel import ClaudeInstrumentor, surface


def name(provider: object) -> str:
    """The class of a provider, and its module."""
    return f"{type(provider).__module__}.{type(provider).__qualname__}"


def main() -> None:
    """Makes the call, then prints one line for `doctor`."""
    with surface("doctor"):
        anthropic.Anthropic(max_retries=0, timeout=5).messages.create(
            model=sys.argv[2], max_tokens=64, messages=[{"role": "user", "content": "Are you there?"}]
        )
    told = {
        "instrumented": ClaudeInstrumentor().is_instrumented_by_opentelemetry,
        "providers": {
            "traces": name(trace.get_tracer_provider()),
            "metrics": name(metrics.get_meter_provider()),
            "logs": name(get_logger_provider()),
        },
    }
    sys.stdout.write(f"\n{sys.argv[1]}{json.dumps(told)}\n")


main()
