"""The ports of the native stack, all on loopback, and who holds one that is taken."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from claude_otel.cli.problem import Problem

HOST = "127.0.0.1"

DEFAULTS: dict[str, int] = {
    "otlp-grpc": 4317,
    "otlp-http": 4318,
    "collector-health": 13133,
    "collector-metrics": 8888,
    "prometheus": 9090,
    "alertmanager": 9093,
    "notifications": 9099,
    "tempo": 3200,
    "tempo-grpc": 9095,
    "tempo-otlp": 14317,
    "grafana": 3000,
}
"""The ports by what listens on them, as they are unless others are asked for."""

LISTENING = "0A"
"""The state of a listening socket in /proc/net/tcp."""

Ports = Mapping[str, int]


def parsed(changes: Iterable[str], known: Ports = DEFAULTS) -> dict[str, int]:
    """The `known` ports, with the changes `NAME=NUMBER`. Raises `Problem` on one that is none."""
    ports = dict(known)
    for change in changes:
        name, _, number = change.partition("=")
        if name not in ports:
            raise Problem(f"--port {change}: there is no port {name!r}. There are {', '.join(ports)}.")
        if not number.isdigit() or not 0 < int(number) < 65536:
            raise Problem(f"--port {change}: {number!r} is no port. Say a number from 1 to 65535: --port {name}=19090")
        ports[name] = int(number)
    check_distinct(ports)
    return ports


def check_distinct(ports: Ports) -> None:
    """Raises `Problem` when two of `ports` are the same."""
    by_number: dict[int, str] = {}
    for name, number in ports.items():
        if number in by_number:
            raise Problem(
                f"the port {number} is asked for twice: {by_number[number]} and {name}. "
                f"Give one of them another: --port {name}={number + 1}"
            )
        by_number[number] = name


def free_ports() -> dict[str, int]:
    """Ports that nothing listens on now, for tests and drills beside another stack."""
    sockets = {name: socket.socket() for name in DEFAULTS}
    for each in sockets.values():
        each.bind((HOST, 0))
    ports = {name: int(each.getsockname()[1]) for name, each in sockets.items()}
    for each in sockets.values():
        each.close()
    return ports


def check_free(ports: Ports, command: str = "claude-otel stack up --native") -> None:
    """Raises `Problem` that names every port of `ports` that is taken, by whom, and the way out by `command`."""
    taken = [(name, number) for name, number in ports.items() if not is_free(number)]
    if taken:
        faults = [f"port {number} ({name}) is in use by {holder(number)}" for name, number in taken]
        name, number = taken[0]
        raise Problem(
            "\n  ".join([*faults, ""]).rstrip() + "\nStop what holds it, or choose another: "
            f"{command} --port {name}={number + 10000 if number < 50000 else number + 1}"
        )


def is_free(port: int) -> bool:
    """Whether `port` can be listened on."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((HOST, port))
        except OSError:
            return False
    return True


def holder(port: int) -> str:
    """The process that listens on `port`: its id and command, as far as this user may see it."""
    pid = next(listeners(port), None)
    return f"process {pid} ({command_of(pid)})" if pid else "a process that this user cannot see"


def listeners(port: int) -> Iterator[int]:
    """The ids of the processes that listen on `port`."""
    if sys.platform == "linux":
        yield from listeners_in_proc(port)
    elif shutil.which("lsof"):
        ran = subprocess.run(
            ["lsof", "-nP", "-t", f"-iTCP:{port}", "-sTCP:LISTEN"],  # noqa: S607 - where it is differs
            capture_output=True,
            text=True,
            check=False,
        )
        yield from (int(line) for line in ran.stdout.split())


def listeners_in_proc(port: int) -> Iterator[int]:
    """The same from /proc."""
    wanted = {f"socket:[{inode}]" for inode in listening_inodes(port)}
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit() and wanted & open_files(directory):
            yield int(directory.name)


def listening_inodes(port: int) -> Iterator[str]:
    """The inodes of the sockets that listen on `port`."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]


def open_files(directory: Path) -> set[str]:
    """What the file descriptors of a process in /proc point to; nothing when it is another user's."""
    found = set()
    try:
        for link in (directory / "fd").iterdir():
            with suppress(FileNotFoundError):  # closed since it was listed
                found.add(os.readlink(link))
    except OSError:
        return set()
    return found


def command_of(pid: int) -> str:
    """The command of a process, shortened."""
    try:
        told = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        told = subprocess.run(
            ["ps", "-o", "command=", "-p", str(pid)],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
        ).stdout.strip()
    return re.sub(r"\s+", " ", told)[:80] or "?"
