"""What a Claude application costs, how fast it answers and why it fails, from the `anthropic` SDK to OpenTelemetry."""

from claude_otel.attribution import surface
from claude_otel.instrumentor import ClaudeInstrumentor, instrument, uninstrument

__all__ = ["ClaudeInstrumentor", "instrument", "surface", "uninstrument"]
