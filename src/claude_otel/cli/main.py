"""The entry point of `claude-otel`. Imports only the standard library until the rest is seen to be there."""

from __future__ import annotations

import sys

EXTRA = frozenset(
    {"anthropic", "click", "google", "opentelemetry", "pydantic", "rich", "starlette", "typer", "uvicorn", "yaml"}
)
"""The top-level packages that the extra `cli` brings."""


def main() -> None:
    """Runs the command line and exits. A library of the extra that is missing is one message, wherever it is met."""
    try:
        from claude_otel.cli.commands import start

        start()
    except ModuleNotFoundError as error:
        missing(error)


def missing(error: ModuleNotFoundError) -> None:
    """Exits with what to install, if the module that was not found is one of the extra `cli`."""
    if (error.name or "").partition(".")[0] not in EXTRA:
        raise error
    sys.stderr.write(
        f"claude-otel: the command line needs the Python module {error.name!r}, which is not installed. "
        'Install it: pip install "claude-otel[cli]"\n'
    )
    sys.exit(1)
