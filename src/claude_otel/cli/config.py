"""claude-otel.yaml for the commands that go by it: its faults end the command, its warnings are told."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from claude_otel.cli.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claude_otel.monitoring.config_file import Loaded, Message

ConfigOption = Annotated[
    Optional[str],  # noqa: UP045 - typer on Python 3.10 reads this one
    typer.Option(
        "--config",
        metavar="FILE",
        help="The claude-otel.yaml to go by; by default CLAUDE_OTEL_CONFIG, else ./claude-otel.yaml, else no file.",
    ),
]

REFUSED = 1
"""The exit code when the file has faults."""


def loaded(named: str | None, *, dates_may_be_missing: bool = False) -> Loaded:
    """The file that holds. Raises `Problem` with all of its faults."""
    from claude_otel.monitoring import config_file

    try:
        return config_file.load(config_file.find(named), dates_may_be_missing=dates_may_be_missing)
    except config_file.ConfigError as error:
        count = len(error.faults)
        faults = "\n".join(f"  {fault.text}" for fault in error.faults)
        raise Problem(f"{error.faults[0].file} has {count} fault{'s' * (count != 1)}:\n{faults}", REFUSED) from error


def warn(warnings: Sequence[Message]) -> None:
    """Tells warnings on stderr."""
    sys.stderr.write("".join(f"warning: {warning.text}\n" for warning in warnings))
