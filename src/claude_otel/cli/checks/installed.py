"""What is installed: versions and their ranges, our entry point, the distro that configures OpenTelemetry."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata

from packaging.requirements import Requirement

from claude_otel.cli.checks.finding import Finding, error, ok, warning

OURS = "claude-otel"
ENTRY_POINT = "claude"
SDK = "anthropic"

DISTRO = "opentelemetry-distro"

SHOWN = (
    OURS,
    SDK,
    "opentelemetry-api",
    "opentelemetry-sdk",
    "opentelemetry-instrumentation",
    "opentelemetry-distro",
    "opentelemetry-exporter-otlp-proto-grpc",
    "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry-proto",
    "wrapt",
)
"""The distributions whose versions are told."""

TOLD = ("python", SDK)
"""Of these, those that have a finding of their own."""

CONFIGURES = (
    ("opentelemetry_distro", "OTEL_PYTHON_DISTRO"),
    ("opentelemetry_configurator", "OTEL_PYTHON_CONFIGURATOR"),
)
"""The entry points that set up providers and exporters, and the variable that picks one."""


def version_of(name: str) -> str | None:
    """The installed version of a distribution, `None` when there is none."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def versions() -> dict[str, str | None]:
    """The version of Python and of each distribution that matters here."""
    return {"python": platform.python_version(), **{name: version_of(name) for name in SHOWN}}


def installed() -> list[Finding]:
    """Python, and every requirement of claude-otel: there, and in its range."""
    found = [in_range(requirement) for requirement in requirements()]
    good = ", ".join(f"{name} {version}" for name, version in versions().items() if version and name not in TOLD)
    return [
        ok("python", f"Python {platform.python_version()}, {sys.executable}"),
        *(finding for finding in found if finding.level != "ok" or finding.check == "sdk"),
        ok("versions", good),
    ]


def requirements() -> Iterator[Requirement]:
    """What claude-otel needs to record calls, the SDK first."""
    needed = [Requirement(line) for line in metadata.requires(OURS) or ()]
    yield from (each for each in needed if each.marker and each.marker.evaluate({"extra": "instruments"}))
    # A distro that is missing has a finding of its own.
    yield from (each for each in needed if each.marker is None and (each.name != DISTRO or version_of(DISTRO)))


def in_range(requirement: Requirement) -> Finding:
    """Whether a distribution is installed in a version that claude-otel supports."""
    check = "sdk" if requirement.name == SDK else "versions"
    version = version_of(requirement.name)
    install = f"{sys.executable} -m pip install '{requirement.name}{requirement.specifier}'"
    if version is None:
        consequence = "there is nothing to instrument" if check == "sdk" else "claude-otel cannot do without it"
        return error(check, f"{requirement.name} is not installed: {consequence}", "Install it:", install)
    if requirement.specifier.contains(version, prereleases=True):
        return ok(check, f"{requirement.name} {version}")
    what = f"{requirement.name} {version} is outside of the supported range ({requirement.specifier})"
    after = ": opentelemetry-instrument leaves it alone, and no call is recorded" if check == "sdk" else ""
    return error(check, what + after, "Install a version that is supported:", install)


def entry_point(env: Mapping[str, str]) -> list[Finding]:
    """Whether `opentelemetry-instrument` finds our instrumentor, and may load it."""
    names = [point.name for point in metadata.entry_points(group="opentelemetry_instrumentor")]
    if ENTRY_POINT not in names:
        reinstall = f"{sys.executable} -m pip install --force-reinstall --no-deps {OURS}"
        what = f"the entry point {ENTRY_POINT!r} of {OURS} is missing: the installation is damaged"
        return [error("instrumentor", what, "Install it again:", reinstall)]
    return [switched_off(env) or ok("instrumentor", f"the entry point {ENTRY_POINT!r} is found and not disabled")]


def switched_off(env: Mapping[str, str]) -> Finding | None:
    """The finding that the environment disables our instrumentor."""
    variable = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
    names = [name.strip() for name in env.get(variable, "").split(",")]
    by = [name for name in names if name in (ENTRY_POINT, "*")]
    if not by:
        return None
    rest = ",".join(name for name in names if name and name not in by)
    command = f"export {variable}={rest}" if rest else f"unset {variable}"
    what = f"{variable} has {by[0]!r} in it, which switches claude-otel off"
    return error("instrumentor", what, "Take it out:", command)


def has_distro() -> bool:
    """Whether something sets up providers and exporters."""
    return all(metadata.entry_points(group=group) for group, _ in CONFIGURES)


def distro(env: Mapping[str, str]) -> list[Finding]:
    """Whether something sets up providers and exporters; without it telemetry is recorded by nobody."""
    if not has_distro():
        version = version_of("opentelemetry-instrumentation")
        wanted = f"opentelemetry-distro=={version}" if version else "opentelemetry-distro"
        what = (
            "no OpenTelemetry distro is installed: opentelemetry-instrument then sets up "
            "no providers and no exporters, and everything that is recorded is dropped"
        )
        install = f"{sys.executable} -m pip install '{wanted}'"
        return [error("distro", what, "Install it, in the version of your instrumentation:", install)]
    return [picked(group, variable, env) for group, variable in CONFIGURES]


def picked(group: str, variable: str, env: Mapping[str, str]) -> Finding:
    """Which entry point of `group` is used, and whether a variable names one that is not there."""
    points = list(metadata.entry_points(group=group))
    names = [point.name for point in points]
    wanted = env.get(variable)
    if wanted is not None and wanted not in names:
        what = f"{variable}={wanted!r} names none that is installed ({', '.join(names)}): nothing is set up"
        return error("distro", what, "Let the installed one be used:", f"unset {variable}")
    point = points[names.index(wanted)] if wanted is not None else points[0]
    what = f"{variable.rpartition('_')[2].lower()}: {point.name}, of {name_of(point)}"
    if wanted is None and len(points) > 1:
        choice = f"export {variable}={point.name}"
        return warning("distro", f"{what}; others are installed: {', '.join(names[1:])}", "Pick one:", choice)
    return ok("distro", what)


def name_of(point: metadata.EntryPoint) -> str:
    """The distribution that brings an entry point, or its module."""
    dist = getattr(point, "dist", None)
    return f"{dist.name} {dist.version}" if dist is not None else point.module


def named(points: Sequence[metadata.EntryPoint], module: str) -> metadata.EntryPoint | None:
    """The entry point that leads into `module`."""
    return next((each for each in points if each.module == module or each.module.startswith(f"{module}.")), None)
