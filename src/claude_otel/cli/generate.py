"""`claude-otel generate`: the rules, alerts, routes and the stack's configuration that claude-otel.yaml makes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from claude_otel.cli.config import ConfigOption
from claude_otel.cli.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claude_otel.monitoring.generated import Difference

Check = Annotated[bool, typer.Option("--check", help="Write nothing; show what differs, and exit with 1 if anything.")]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write below.")]
Kubernetes = Annotated[
    bool, typer.Option("--kubernetes", help="Write PrometheusRules and ConfigMaps for kube-prometheus-stack instead.")
]
Release = Annotated[
    str, typer.Option("--release", metavar="NAME", help="With --kubernetes: the name of the chart's release.")
]

DIFFERENT = 1
"""The exit code of --check when a file is not as it should be."""


def generate(
    check: Check = False,
    out: Out = Path("."),
    config: ConfigOption = None,
    kubernetes: Kubernetes = False,
    release: Release = "kube-prometheus-stack",
) -> None:
    """Write what claude-otel.yaml makes: alerts/rules, alerts/alertmanager.yml, its templates, dashboards/ and stack/.

    Only files that differ are written. Commit them, and let CI run generate --check: a file that was changed by hand,
    or that is generated no more and would still be read, is shown as a difference.

    Example: claude-otel generate --check
    """
    from claude_otel.cli.config import loaded, warn
    from claude_otel.monitoring import generated
    from claude_otel.monitoring.kubernetes import manifests

    found = loaded(config)
    warn(found.warnings)
    wanted = generated.files(found.config)
    if kubernetes:
        made = manifests(found.config, wanted, release)
        wanted = {path: generated.headed(text) for path, text in sorted(made.items())}
    try:
        changes = generated.differences(wanted, out)
        if check:
            show(changes, command(config, kubernetes))
            return
        generated.write(changes, out)
    except (OSError, UnicodeDecodeError) as error:
        where = getattr(error, "filename", None) or out
        why = getattr(error, "strerror", None) or "is not text"
        raise Problem(f"{where}: {why}. Name a folder that can be written with --out.") from error
    for change in changes:
        typer.echo(f"{'removed' if change.wanted is None else 'wrote'} {change.path}")
    typer.echo(
        f"{len(wanted) - sum(change.wanted is not None for change in changes)} of {len(wanted)} files were right."
    )


def command(config: str | None, kubernetes: bool) -> str:
    """The command that writes what is checked."""
    options = [" --kubernetes"] if kubernetes else []
    return "".join(["claude-otel generate", *options, f" --config {config}" if config else ""])


def show(changes: Sequence[Difference], command: str) -> None:
    """Prints the differences, and the `command` that takes them away."""
    for change in changes:
        sys.stdout.write(change.diff)
    if changes:
        what = "1 generated file differs" if len(changes) == 1 else f"{len(changes)} generated files differ"
        sys.stderr.write(
            f"claude-otel: {what} from what claude-otel.yaml makes. Run `{command}` and commit the result.\n"
        )
        raise typer.Exit(DIFFERENT)
