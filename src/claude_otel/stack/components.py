"""The programs of the stack: which there are, where they are found, and whether they are new enough.

A component is one program of the stack. `claude-otel stack components` (`make components`) builds those that the stack
needs into a directory of ours; programs on `PATH` serve as well.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from claude_otel.cli.problem import Problem

DIRECTORY_VARIABLE = "CLAUDE_OTEL_COMPONENTS"
"""Names the directory of the components, in place of the one that is worked out."""

VERSION = re.compile(r"version[^0-9\n]{0,3}(\d+)\.(\d+)\.(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Component:
    """A program: what it is called for people, its names as a file, and the version that was run with this stack."""

    title: str
    files: tuple[str, ...]
    version: str
    optional: bool = False
    arguments: tuple[str, ...] = ("--version",)
    shown: str = ""
    """The option that its help must name, where a distribution is known to leave a part out."""


COMPONENTS: dict[str, Component] = {
    "collector": Component("OpenTelemetry Collector", ("otelcol", "otelcol-contrib"), "0.155.0"),
    "prometheus": Component("Prometheus", ("prometheus",), "3.14.0", shown="web.enable-otlp-receiver"),
    "promtool": Component("promtool", ("promtool",), "3.14.0"),
    "alertmanager": Component("Alertmanager", ("alertmanager", "prometheus-alertmanager"), "0.33.1"),
    "amtool": Component("amtool", ("amtool",), "0.33.1"),
    "tempo": Component("Tempo", ("tempo",), "3.0.0", optional=True),
    "grafana": Component("Grafana", ("grafana",), "12.3.0", optional=True),
}


def find(name: str) -> Path:
    """The program of the component `name`. Raises `Problem` with the remedy when none is there or is new enough."""
    component = COMPONENTS[name]
    refused = []
    for file in candidates(component):
        fault = fault_of(file, component)
        if not fault:
            return file
        refused.append(f"{file} {fault}")
    found = f"not usable: {'; '.join(refused)}" if refused else "not found"
    raise Problem(
        f"{component.title} {component.version} is {found}. Build it with `claude-otel stack components` "
        f"(in a clone: make components), or put a release of {component.version} or newer on PATH."
    )


def candidates(component: Component) -> Iterator[Path]:
    """The files that may be `component`: what was built for us first, then what is on `PATH`."""
    for file in component.files:
        built = binaries() / file
        if built.is_file():
            yield built
    for file in component.files:
        on_path = shutil.which(file)
        if on_path:
            yield Path(on_path)


def fault_of(file: Path, component: Component) -> str:
    """Why `file` cannot be used as `component`, empty when it can."""
    version = version_of(file, component)
    if not version:
        return "does not tell its version"
    if numbers(version) < numbers(component.version):
        return f"is {version}"
    if component.shown and component.shown not in output([str(file), "--help"]):
        return f"was built without --{component.shown}"
    return ""


def version_of(file: Path, component: Component) -> str:
    """The version that `file` tells, empty when it tells none."""
    found = VERSION.search(output([str(file), *component.arguments]))
    return ".".join(found.groups()) if found else ""


def version(file: Path, name: str) -> str:
    """The version of the component `name` that `file` is."""
    return version_of(file, COMPONENTS[name])


def optional(name: str) -> Path | None:
    """The program of an optional component, `None` where there is none that can be used."""
    try:
        return find(name)
    except Problem:
        return None


def numbers(version: str) -> tuple[int, ...]:
    """A version in an order."""
    return tuple(int(part) for part in version.split("."))


def output(command: list[str]) -> str:
    """What `command` prints, empty when it cannot be run."""
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, errors="replace")
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ran.stdout + ran.stderr


def binaries() -> Path:
    """The directory of the programs that were built."""
    return directory() / "bin"


def directory() -> Path:
    """Where components are built: in the clone this is run from, else in the user's data directory."""
    named = os.environ.get(DIRECTORY_VARIABLE)
    if named:
        return Path(named).absolute()
    clone = clone_directory()
    if clone:
        return clone / ".cache" / "components"
    data = os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    return Path(data) / "claude-otel" / "components"


def clone_directory() -> Path | None:
    """The clone of the repository that this file is in, if it is in one."""
    root = Path(__file__).resolve().parents[3]
    return root if (root / "stack" / "components").is_dir() and (root / "pyproject.toml").is_file() else None


def manifests() -> Path:
    """The directory of the files that say what the components are made of; a wheel carries a copy."""
    clone = clone_directory()
    return clone / "stack" / "components" if clone else Path(__file__).resolve().parent / "manifests"
