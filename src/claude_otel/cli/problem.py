"""What the command cannot do, as one message for the user: what, where, and the remedy."""

from __future__ import annotations

FAILED = 125
"""The exit code when `claude-otel` itself fails; 126, 127 and all others are as a shell has them."""


class Problem(Exception):  # noqa: N818
    """Ends the command with `message` on stderr and the exit code `code`."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
