"""The command line `claude-otel`."""
