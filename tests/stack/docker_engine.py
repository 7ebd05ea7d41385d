"""A Docker engine of our own, and images made of the real programs, for the tests of the Compose file.

No image can be pulled here. One that holds the same program in the same version, below the name and tag that the
Compose file has, is started by Compose as if it had been pulled.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from claude_otel.monitoring.compose import IMAGES, USERS
from claude_otel.stack import components

HOST = "10.213.0.1"
"""The address at which containers reach this machine."""

BRIDGE = "claude-otel0"
"""The engine's own bridge: `docker0` may be that of another engine."""

NETWORKS = "10.214.0.0/16"

INSTALL = (
    "Debian: apt-get install docker.io, and docker-compose 2.20 or newer (Debian testing; Docker's own packages "
    "docker-ce and docker-compose-plugin do as well)"
)

STAND_IN = """\
{extensions: {health_check: {endpoint: "0.0.0.0:3000", path: /api/health}},
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:4317"}}}}, exporters: {debug: {}},
service: {extensions: [health_check], telemetry: {metrics: {level: none}},
pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}}"""
"""A Collector that answers Grafana's health check, where there is no Grafana."""


def missing() -> str:
    """What is missing for an engine of our own, empty when nothing is."""
    programs = [name for name in ("dockerd", "docker", "ip") if not shutil.which(name)]
    if programs:
        return f"{' and '.join(programs)} not found. {INSTALL}"
    compose = subprocess.run(["docker", "compose", "version", "--short"], capture_output=True, text=True, check=False)
    if compose.returncode or not re.match(r"v?[2-9]", compose.stdout):
        return f"Docker Compose 2 not found. {INSTALL}"
    if os.environ.get("CI") != "true" and answers("unix:///var/run/docker.sock"):
        return (
            "a Docker engine runs here, and starting a second one takes away its network rules. Stop it, or use CI=true"
        )
    if os.geteuid() != 0:
        return "only root starts an engine: sudo --preserve-env=CI,START_DOCKERD,PATH make test-compose"
    return ""


def answers(host: str) -> bool:
    """Whether an engine answers at `host`."""
    return subprocess.run(["docker", "--host", host, "version"], capture_output=True, check=False).returncode == 0


@contextmanager
def engine(directory: Path) -> Iterator[str]:
    """An engine with its own socket and data below `directory`, which has ended afterwards. Yields `DOCKER_HOST`."""
    if os.environ.get("CI") != "true" and os.environ.get("START_DOCKERD") != "1":
        pytest.fail("this starts a Docker engine, on a socket of its own. Say so: START_DOCKERD=1 make test-compose")
    if missing():
        pytest.fail(missing())
    host = f"unix://{directory}/docker.sock"
    command = ["dockerd", "--data-root", f"{directory}/data", "--exec-root", f"{directory}/exec", "--host", host]
    command += ["--pidfile", f"{directory}/pid", "--bridge", BRIDGE]
    command += ["--default-address-pool", f"base={NETWORKS},size=24"]
    with bridge(), (directory / "dockerd.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            await_engine(process, host, directory / "dockerd.log")
            yield host
        finally:
            process.terminate()
            process.wait(120)


@contextmanager
def bridge() -> Iterator[None]:
    """A bridge of this machine, which is gone afterwards."""
    subprocess.run(["ip", "link", "add", "name", BRIDGE, "type", "bridge"], check=True)
    try:
        subprocess.run(["ip", "address", "add", f"{HOST}/24", "dev", BRIDGE], check=True)
        subprocess.run(["ip", "link", "set", BRIDGE, "up"], check=True)
        yield
    finally:
        subprocess.run(["ip", "link", "delete", BRIDGE], check=False)


def await_engine(process: subprocess.Popen[bytes], host: str, log: Path, seconds: float = 60) -> None:
    """Waits until the engine answers."""
    limit = time.monotonic() + seconds
    while not answers(host):
        if process.poll() is not None or time.monotonic() > limit:
            pytest.fail("the engine did not start:\n" + "\n".join(log.read_text().splitlines()[-10:]))
        time.sleep(0.3)


@dataclass(frozen=True)
class Image:
    """What an image is made of: programs by their paths in it, directories by their owners, folders copied whole."""

    entrypoint: list[str]
    programs: Mapping[str, Path]
    directories: Mapping[str, int] = field(default_factory=dict)
    folders: Mapping[str, Path] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


def images() -> dict[str, Image]:
    """The images of the services, with the directories and owners that the published ones have."""
    nobody, grafana = (int(USERS[name].split(":")[0]) for name in ("prometheus", "grafana"))
    found = {
        "collector": Image(["/otelcol-contrib"], {"/otelcol-contrib": components.find("collector")}),
        "prometheus": Image(
            ["/bin/prometheus"],
            {
                "/bin/prometheus": components.find("prometheus"),
                "/bin/promtool": components.find("promtool"),
                "/bin/chown": Path("/bin/chown"),
            },
            {"/prometheus": nobody, "/var/lib": 0},
        ),
        "alertmanager": Image(
            ["/bin/alertmanager"],
            {"/bin/alertmanager": components.find("alertmanager"), "/bin/amtool": components.find("amtool")},
            {"/alertmanager": nobody},
        ),
        "grafana": grafana_image(grafana),
    }
    tempo = components.optional("tempo")
    if tempo:
        found["tempo"] = Image(["/tempo"], {"/tempo": tempo}, {"/var/tempo": int(USERS["tempo"].split(":")[0])})
    return found


def grafana_image(user: int) -> Image:
    """Grafana where there is one, else a stand-in that answers its health check."""
    curl = {"/usr/bin/curl": Path(shutil.which("curl") or "/usr/bin/curl")}
    binary = components.optional("grafana")
    if binary is None:
        command = ["/otelcol", f"--config=yaml:{' '.join(STAND_IN.split())}"]
        return Image(command, {"/otelcol": components.find("collector"), **curl}, {"/var/lib/grafana": user})
    home = binary.resolve().parent.parent
    paths = {
        "GF_PATHS_DATA": "/var/lib/grafana",
        "GF_PATHS_LOGS": "/var/log/grafana",
        "GF_PATHS_PROVISIONING": "/etc/grafana/provisioning",
    }
    owned = ["/var/lib/grafana", "/var/log/grafana", "/etc/grafana/provisioning"]
    owned += [f"/etc/grafana/provisioning/{name}" for name in ("datasources", "dashboards", "plugins", "alerting")]
    return Image(
        ["/usr/share/grafana/bin/grafana", "server", "--homepath=/usr/share/grafana"],
        {"/usr/share/grafana/bin/grafana": binary.resolve(), **curl},
        dict.fromkeys(owned, user),
        {f"/usr/share/grafana/{name}": home / name for name in ("conf", "public")},
        paths,
    )


def make(host: str, name: str, image: Image) -> None:
    """Gives the engine an image below the name and tag that the Compose file has."""
    changes = [f"ENTRYPOINT {json.dumps(image.entrypoint)}", "ENV PATH=/bin:/usr/bin"]
    changes += [f"ENV {key}={value}" for key, value in image.environment.items()]
    options = [option for change in changes for option in ("--change", change)]
    command = ["docker", "--host", host, "import", *options, "-", IMAGES[name]]
    importing = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert importing.stdin
    with tarfile.open(fileobj=importing.stdin, mode="w|", dereference=True) as archive:
        fill(archive, image)
    importing.stdin.close()
    assert importing.wait(600) == 0


def fill(archive: tarfile.TarFile, image: Image) -> None:
    """The files of an image."""
    for path, user in {"/tmp": 0, "/etc": 0, "/bin": 0, **image.directories}.items():
        told = tarfile.TarInfo(path.lstrip("/"))
        told.type, told.mode, told.uid, told.gid = tarfile.DIRTYPE, 0o755, user, user
        archive.addfile(told)
    passwd = b"root:x:0:0::/:\nnobody:x:65534:65534::/:\n"
    told = tarfile.TarInfo("etc/passwd")
    told.size = len(passwd)
    archive.addfile(told, io.BytesIO(passwd))
    files = dict(image.programs)
    for program in image.programs.values():
        files.update({str(library): library for library in libraries(program)})
    for path, file in files.items():
        archive.add(file, path.lstrip("/"), filter=executable)
    for path, folder in image.folders.items():
        archive.add(folder, path.lstrip("/"))


def executable(told: tarfile.TarInfo) -> tarfile.TarInfo:
    """A file that everybody may run."""
    told.mode, told.uid, told.gid = 0o755, 0, 0
    return told


def libraries(program: Path) -> list[Path]:
    """The libraries that a program links, its loader included."""
    told = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False).stdout
    return [Path(path) for path in re.findall(r"(/\S+) \(0x", told)]
