"""The neighbours: how each is installed and removed, as its documentation says."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def nothing(*_: Any) -> None:
    """Installs nothing: the SDK's own tracing is there already."""


@dataclass(frozen=True)
class Neighbour:
    """One other instrumentor."""

    install: Callable[[Any], None] = nothing
    remove: Callable[[], None] = nothing
    """Does nothing where the neighbour cannot be removed."""
    provider: Callable[[Any], Any] | None = None
    """Makes the tracer provider that all use, where the neighbour wants its own."""
    sdk: bool = False
    option: bool = False
    network: bool = False


def genai() -> Any:
    from opentelemetry.instrumentation.genai.anthropic import AnthropicInstrumentor

    return AnthropicInstrumentor()


def traceloop() -> Any:
    from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor

    return AnthropicInstrumentor()


def openinference() -> Any:
    from openinference.instrumentation.anthropic import AnthropicInstrumentor

    return AnthropicInstrumentor()


def install_openlit(_: Any) -> None:
    import openlit

    # Its prices are read from a file, else they are fetched from the network.
    prices = Path(tempfile.mkdtemp()) / "prices.json"
    prices.write_text('{"chat": {}}')
    openlit.init(pricing_json=str(prices), disable_metrics=True, disable_events=True)


def httpx() -> Any:
    from opentelemetry.instrumentation.httpx import HTTPX2ClientInstrumentor

    return HTTPX2ClientInstrumentor()


def by(instrumentor: Callable[[], Any], **fields: Any) -> Neighbour:
    """A neighbour with an instrumentor as OpenTelemetry has them."""
    return Neighbour(
        install=lambda provider: instrumentor().instrument(tracer_provider=provider),
        remove=lambda: instrumentor().uninstrument(),
        **fields,
    )


def logfire_provider(observed: Any) -> Any:
    import logfire
    from opentelemetry import trace

    processor = observed.tracer_provider._active_span_processor
    logfire.configure(
        send_to_logfire=False, console=False, additional_span_processors=[processor], inspect_arguments=False
    )
    return trace.get_tracer_provider()


_logfire: list[Any] = []


def install_logfire(_: Any) -> None:
    import logfire

    _logfire.append(logfire.instrument_anthropic())


def remove_logfire() -> None:
    with _logfire.pop():
        pass


def set_variable(_: Any) -> None:
    os.environ["ANTHROPIC_OPEN_TELEMETRY"] = "true"


def unset_variable() -> None:
    del os.environ["ANTHROPIC_OPEN_TELEMETRY"]


NEIGHBOURS = {
    "genai-anthropic": by(genai),
    "traceloop": by(traceloop),
    "openinference": by(openinference),
    "openlit": Neighbour(install_openlit),
    "logfire": Neighbour(install_logfire, remove_logfire, logfire_provider),
    "httpx": by(httpx, network=True),
    "sdk": Neighbour(sdk=True),
    "sdk-option": Neighbour(sdk=True, option=True),
    "sdk-environment": Neighbour(set_variable, unset_variable, sdk=True),
}
