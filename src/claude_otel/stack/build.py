"""Builds the components from the public Go module proxy: nothing of the system is changed, and no root is needed.

Each recipe writes its programs to the directory of the components. A stamp keeps what they were made of, so that
building again does nothing until a version or a manifest changes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from claude_otel.cli.problem import Problem
from claude_otel.stack import components

GO_NEEDED = (1, 25)
"""The oldest Go that the components' sources ask for."""

ALERTMANAGER_SUM = "h1:PJHGvTdb8Q0ZEpJnWff120WxB2kxIScLa707AaIudTo="
"""The checksum of Alertmanager's module, as go.sum has those of the others."""

NO_PAGES = "<!doctype html><title>Alertmanager</title><p>This build has the API only; use amtool or Grafana.</p>\n"
"""The page in place of Alertmanager's web pages, which its Go module lacks."""

LINKED = ("-trimpath", "-ldflags=-s -w")

Say = Callable[[str], None]


class Go:
    """Runs Go commands in a directory, with what they print in a file."""

    def __init__(self, log: Path) -> None:
        self.log = log

    def __call__(self, *command: str, cwd: Path, env: Mapping[str, str] | None = None, may_fail: bool = False) -> None:
        """Runs `command`. Raises `Problem` with its last lines when it fails, unless it may."""
        with self.log.open("a", encoding="utf-8") as stream:
            stream.write(f"$ {' '.join(command)}\n")
            stream.flush()
            ran = run(command, cwd, env or {}, stream)
        if ran and not may_fail:
            raise Problem(f"`{command[0]} {command[1]}` failed. {failure(self.log)}")


def run(command: Sequence[str], cwd: Path, env: Mapping[str, str], stream: TextIO) -> int:
    """The exit code of `command`."""
    return subprocess.run(
        command, cwd=cwd, env={**os.environ, **env}, stdout=stream, stderr=stream, stdin=subprocess.DEVNULL, check=False
    ).returncode


def failure(log: Path) -> str:
    """The last lines of the build, and what to do."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:]
    return (
        "Its last lines:\n  " + "\n  ".join(lines) + f"\nThe whole output is in {log}. "
        "See that `go env GOPROXY` names a Go module proxy that this machine reaches, and try again."
    )


@dataclass(frozen=True)
class Recipe:
    """How one source becomes programs. `make` gets the work directory, where the programs go, and Go."""

    title: str
    version: str
    files: tuple[str, ...]
    minutes: int
    manifest: str
    make: Callable[[Path, Path, Go], None]

    def stamp(self) -> str:
        """What the programs are made of."""
        made_of = hashlib.sha256(f"{self.version} {ALERTMANAGER_SUM}".encode())
        for file in self.made_from():
            made_of.update(file.read_bytes())
        return made_of.hexdigest()

    def made_from(self) -> list[Path]:
        """The manifest's files."""
        if not self.manifest:
            return []
        path = components.manifests() / self.manifest
        return sorted(path.iterdir()) if path.is_dir() else [path]


def build_collector(work: Path, into: Path, go: Go) -> None:
    """The Collector, from the sources that the official builder writes for the manifest.

    The builder's last step, `go mod tidy`, asks for modules that only tests of others need and that the proxy does not
    serve. Sources and go.mod are written by then, so its exit code says nothing, and what is missing fails the build.
    """
    manifest = components.manifests() / "collector-builder.yaml"
    version = components.COMPONENTS["collector"].version
    tool = f"go.opentelemetry.io/collector/cmd/builder@v{version}"
    go("go", "install", tool, cwd=work, env={"GOBIN": str(work)})
    builder = (str(work / "builder"), "--config", str(manifest), "--skip-compilation")
    go(*builder, cwd=work, may_fail=True)
    go("go", "build", *LINKED, "-mod=mod", "-o", str(into / "otelcol"), ".", cwd=work / "build")


def build_prometheus(work: Path, into: Path, go: Go) -> None:
    """Prometheus and promtool, as the tools of a module of ours whose go.sum is committed."""
    for file in (components.manifests() / "prometheus").iterdir():
        shutil.copy(file, work / file.name)
    base = "github.com/prometheus/prometheus/cmd"
    go("go", "build", *named("prometheus"), "-o", f"{into}/", f"{base}/prometheus", f"{base}/promtool", cwd=work)


def build_alertmanager(work: Path, into: Path, go: Go) -> None:
    """Alertmanager and amtool, from a copy of their module with a page in place of the web pages that it lacks."""
    source = work / "source"
    shutil.copytree(downloaded_alertmanager(work), source, copy_function=shutil.copyfile)
    for path in (source, *source.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    pages = source / "ui" / "app" / "dist"
    pages.mkdir(parents=True)
    (pages / "index.html").write_text(NO_PAGES, encoding="utf-8")
    go("go", "build", *named("alertmanager"), "-o", f"{into}/", "./cmd/alertmanager", "./cmd/amtool", cwd=source)


def downloaded_alertmanager(work: Path) -> Path:
    """The directory of Alertmanager's module, whose checksum is the one we know."""
    module = f"github.com/prometheus/alertmanager@v{components.COMPONENTS['alertmanager'].version}"
    (work / "go.mod").write_text("module claude-otel/components/alertmanager\n", encoding="utf-8")
    ran = subprocess.run(
        ["go", "mod", "download", "-json", module],  # noqa: S607 - Go is found on PATH, as the user has it
        cwd=work,
        capture_output=True,
        text=True,
        check=False,
    )
    told = json.loads(ran.stdout or "{}")
    if ran.returncode or "Dir" not in told:
        raise Problem(
            f"cannot download {module}: {told.get('Error') or ran.stderr.strip()}. "
            "See that `go env GOPROXY` names a module proxy that this machine reaches, and try again."
        )
    if told["Sum"] != ALERTMANAGER_SUM:
        raise Problem(f"{module} has the checksum {told['Sum']}, not {ALERTMANAGER_SUM}: it is not what was reviewed.")
    return Path(told["Dir"])


def named(name: str) -> tuple[str, ...]:
    """The flags of `go build` that also put the version in, which a module build does not know."""
    version = components.COMPONENTS[name].version
    return LINKED[0], f"{LINKED[1]} -X github.com/prometheus/common/version.Version={version}"


RECIPES: tuple[Recipe, ...] = (
    Recipe("Alertmanager and amtool", "0.33.1", ("alertmanager", "amtool"), 1, "", build_alertmanager),
    Recipe(
        "OpenTelemetry Collector", "0.155.0", ("otelcol",), 2, "collector-builder.yaml", build_collector
    ),
    Recipe("Prometheus and promtool", "3.14.0", ("prometheus", "promtool"), 5, "prometheus", build_prometheus),
)  # fmt: skip


def build_all(say: Say) -> None:
    """Builds what is not there yet, and says what it does."""
    into = components.binaries()
    wanted = [recipe for recipe in RECIPES if not is_built(recipe)]
    for recipe in RECIPES:
        if recipe not in wanted:
            say(f"{recipe.title} {recipe.version}: there")
    if wanted:
        check_go()
        say(f"Building into {into}, from the Go module proxy; nothing else on this machine is changed.")
        into.mkdir(parents=True, exist_ok=True)
    for recipe in wanted:
        build(recipe, say)


def build(recipe: Recipe, say: Say) -> None:
    """Builds one recipe, and stamps it. What fails leaves its output behind."""
    work = components.directory() / "build" / recipe.files[0]
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    log = components.directory() / f"{recipe.files[0]}.log"
    log.unlink(missing_ok=True)
    say(f"{recipe.title} {recipe.version}: about {recipe.minutes} min on two cores the first time …")
    began = time.monotonic()
    with ticking(lambda: say(f"  {time.monotonic() - began:.0f} s: {activity(log)}")):
        recipe.make(work, components.binaries(), Go(log))
    stamp_file(recipe).write_text(recipe.stamp() + "\n", encoding="utf-8")
    shutil.rmtree(work, ignore_errors=True)
    say(f"{recipe.title} {recipe.version}: built in {time.monotonic() - began:.0f} s")


def activity(log: Path) -> str:
    """What the build printed last, which names the module that is fetched or the command that runs."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    return lines[-1][:100] if lines else "downloading"


class ticking:  # noqa: N801 - used as a `with`
    """Calls `tick` every 20 seconds while its block runs, so that a long build is seen to live."""

    def __init__(self, tick: Callable[[], None], every: float = 20) -> None:
        self.tick, self.every, self.over = tick, every, threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self) -> None:
        """Ticks until the block is over."""
        while not self.over.wait(self.every):
            self.tick()

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()


def is_built(recipe: Recipe) -> bool:
    """Whether the recipe's programs are there and made of what the recipe says now."""
    stamp = stamp_file(recipe)
    made = stamp.is_file() and stamp.read_text(encoding="utf-8").strip() == recipe.stamp()
    return made and all((components.binaries() / file).is_file() for file in recipe.files)


def stamp_file(recipe: Recipe) -> Path:
    """Where the stamp of a recipe is kept."""
    return components.directory() / f"{recipe.files[0]}.stamp"


def check_go() -> None:
    """Raises `Problem` when there is no Go that is new enough."""
    remedy = (
        f"Install Go {GO_NEEDED[0]}.{GO_NEEDED[1]} or newer (https://go.dev/dl, or your package manager), or do not "
        "build: put releases of otelcol-contrib, prometheus, promtool, alertmanager and amtool on PATH."
    )
    if not shutil.which("go"):
        raise Problem(f"the components are built with Go, and there is no `go` on PATH. {remedy}")
    found = re.search(r"go(\d+)\.(\d+)", components.output(["go", "version"]))
    if not found:
        raise Problem(f"`go version` does not tell a version. {remedy}")
    if (int(found[1]), int(found[2])) < GO_NEEDED:
        raise Problem(f"the components need a newer Go than {found[0][2:]}. {remedy}")
