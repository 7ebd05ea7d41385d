"""Claude calls to OpenTelemetry."""
