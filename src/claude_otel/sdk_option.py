"""Whether the user configured the SDK's own tracing of a client: then the span of its calls is left to the SDK."""

from __future__ import annotations

import os
from typing import Any

PREFIX = "ANTHROPIC_OPEN_TELEMETRY"
"""How the variables begin that the SDK reads when a client is constructed without the option `open_telemetry`."""

_ATTRIBUTE = "_self_claude_otel_configured"


class Inherited(dict[str, Any]):
    """The option of a client that was constructed without one, on its way to a copy of that client."""


def decide(client: Any, option: Any) -> None:
    """Notes on `client` whether `option`, which it is constructed with, or the environment configures its tracing.

    One that is only switched off is not: its calls have no span that ours could be left out for.
    """
    by_environment = option is None and any(name.startswith(PREFIX) for name in os.environ)
    by_option = option is not None and option is not False and not isinstance(option, Inherited)
    vars(client)[_ATTRIBUTE] = by_environment or by_option


def configured(client: Any) -> bool:
    """Whether the user configured the SDK's own tracing of `client`; for a client older than us, by option only."""
    known: bool | None = vars(client).get(_ATTRIBUTE)
    if known is None:
        known = vars(client)[_ATTRIBUTE] = has_option(client)
    return known


def has_option(client: Any) -> bool:
    """Whether `client` was constructed with an option for its tracing, other than to have none."""
    option = getattr(client, "_open_telemetry", None)
    if option is None:
        return False
    from anthropic._tracing import resolve_open_telemetry

    return bool(option != resolve_open_telemetry({}) and option["traces"]["enabled"])


def span_expected(client: Any, options: Any) -> bool:
    """Whether the SDK will make a span of its own for this request."""
    return bool(getattr(options, "span_name", None)) and getattr(client, "_tracer", None) is not None
