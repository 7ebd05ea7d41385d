"""Docker, as the command line has it: whether it is there, and Docker Compose with the files of a stack."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claude_otel.cli.problem import Problem
from claude_otel.monitoring.compose import SECRETS, port_variable

COMPOSE_NEEDED = (2, 20)
"""The oldest Docker Compose that the files were made for."""

WITHOUT = "Or run the stack without containers: claude-otel stack up --native"

OURS = re.compile(rf"COMPOSE_|{SECRETS}$|{port_variable('x').removesuffix('X')}")
"""The variables that are in the stack's `.env`, which those of the environment would outdo."""


@dataclass(frozen=True)
class Container:
    """A container of the stack, as Docker has it."""

    name: str
    service: str
    state: str
    image: str
    started: str
    pid: int
    ports: frozenset[int]
    restarts: int
    unhealthy: bool
    """By its own health check, if it has one."""

    @property
    def runs(self) -> bool:
        """Whether it runs now."""
        return self.state == "running"


def check() -> None:
    """Raises `Problem` with the remedy when Docker, Docker Compose or the engine is not there."""
    if not shutil.which("docker"):
        raise Problem(
            "there is no `docker` on PATH. Install Docker Engine with the Compose plugin "
            f"(https://docs.docker.com/engine/install). {WITHOUT}"
        )
    version = ran(["docker", "compose", "version", "--short"])
    found = re.search(r"(\d+)\.(\d+)", version.stdout)
    needed = ".".join(map(str, COMPOSE_NEEDED))
    if version.returncode or not found:
        raise Problem(
            f"`docker compose` is not there. Install the Compose plugin {needed} or newer "
            f"(https://docs.docker.com/compose/install). {WITHOUT}"
        )
    if (int(found[1]), int(found[2])) < COMPOSE_NEEDED:
        raise Problem(f"Docker Compose is {version.stdout.strip()}; {needed} or newer is needed. {WITHOUT}")
    check_engine()


def check_engine() -> None:
    """Raises `Problem` when the engine does not answer."""
    engine = ran(["docker", "version", "--format", "{{.Server.Version}}"])
    if not engine.returncode:
        return
    said = (engine.stderr.strip().splitlines() or ["it said nothing"])[0]
    if "permission denied" in said.lower():
        remedy = "You may not use it: ask for membership of the group `docker`, or use rootless Docker."
    else:
        remedy = "Start it (Linux: sudo systemctl start docker; else: open Docker Desktop), and try again."
    raise Problem(f"the Docker engine does not answer: {said}\n{remedy} {WITHOUT}")


def ran(command: Sequence[str], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """`command` after it has ended, with what it printed."""
    return subprocess.run(
        command, cwd=cwd, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def shown(command: Sequence[str], cwd: Path) -> int:
    """The exit code of `command`, whose output the user sees as it comes."""
    return subprocess.run(command, cwd=cwd, env=environment(), stdin=subprocess.DEVNULL, check=False).returncode


def environment() -> dict[str, str]:
    """The environment without what would outdo the stack's `.env`."""
    return {name: value for name, value in os.environ.items() if not OURS.match(name)}


def containers(folder: Path) -> list[Container]:
    """The containers of the stack whose Compose files are in `folder`, those that have ended included."""
    ids = ran(["docker", "compose", "ps", "--all", "--quiet"], folder).stdout.split()
    if not ids:
        return []
    told = ran(["docker", "container", "inspect", *ids]).stdout
    return sorted((container(each) for each in json.loads(told or "[]")), key=lambda found: found.service)


def container(told: dict[str, Any]) -> Container:
    """One of them, from what `docker inspect` tells."""
    bindings = (told["HostConfig"].get("PortBindings") or {}).values()
    ports = {int(each["HostPort"]) for binding in bindings for each in binding or [] if each.get("HostPort")}
    state = told["State"]
    return Container(
        name=told["Name"].lstrip("/"),
        service=told["Config"]["Labels"]["com.docker.compose.service"],
        state="restarting" if state.get("Restarting") else state["Status"],
        image=told["Config"]["Image"],
        started=state["StartedAt"],
        pid=state["Pid"],
        ports=frozenset(ports),
        restarts=told["RestartCount"],
        unhealthy=state.get("Health", {}).get("Status") == "unhealthy",
    )


def volumes(project: str) -> dict[str, str]:
    """When each volume of a project was made, by its name in the Compose files."""
    names = ran(["docker", "volume", "ls", "--quiet", "--filter", f"label=com.docker.compose.project={project}"])
    found = names.stdout.split()
    told = json.loads(ran(["docker", "volume", "inspect", *found]).stdout or "[]") if found else []
    return {each["Labels"]["com.docker.compose.volume"]: each["CreatedAt"] for each in told}


def last_lines(folder: Path, service: str, count: int = 6) -> str:
    """The last lines that a service printed, and how to see more."""
    printed = ran(["docker", "compose", "logs", "--no-log-prefix", "--no-color", "--tail", str(count), service], folder)
    lines = "\n  ".join(line[:300] for line in printed.stdout.splitlines()[-count:]) or "(it printed nothing)"
    return f"It printed last:\n  {lines}\nAll of it: claude-otel stack logs {service}"


def digests(images: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each image with the digest that it was pulled by. Raises `Problem` for one that was not pulled."""
    for image in images:
        told = ran(["docker", "image", "inspect", "--format", "{{json .RepoDigests}}", image])
        known = json.loads(told.stdout) if not told.returncode else None
        repository = image.rpartition(":")[0]
        found = [each for each in known or [] if each.rpartition("@")[0].removeprefix("docker.io/") == repository]
        if not found:
            why = "is not here" if known is None else "was made here, not pulled from a registry: it has no digest"
            raise Problem(f"the image {image} {why}. Pull it (docker pull {image}), and try again.")
        yield image, found[0].rpartition("@")[2]
