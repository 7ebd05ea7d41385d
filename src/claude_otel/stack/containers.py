"""The stack as containers: the files that Docker Compose reads, up, down, and how it is.

The stack's directory has the same folders as that of the native stack. Its `config/stack` is where Compose is run, with
an `.env` that says which files, ports and secrets are in force, so that `docker compose` by hand does the same. Data is
in named volumes.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from claude_otel.cli.problem import Problem
from claude_otel.monitoring import compose
from claude_otel.monitoring.alertmanager import LOCAL_LOG_URL_FILE
from claude_otel.monitoring.config import Config
from claude_otel.stack import data_versions, docker
from claude_otel.stack.health import instant_query, is_healthy
from claude_otel.stack.ports import HOST, Ports, check_free, parsed
from claude_otel.stack.running import Running
from claude_otel.stack.state import State, default_directory, write
from claude_otel.stack.status import Program, Queue, Status

Say = Callable[[str], None]

DEFAULTS: dict[str, int] = {name: inside for name, (_, inside) in compose.PUBLISHED.items()}
"""The published ports, as they are unless others are asked for."""

OPTIONAL = ("tempo", "loki")
"""The services that have a file of their own."""

PINNED = "compose-pinned.yaml"
"""The file with the digests of the images."""

NO_LOCAL_LOG = "http://collector:4318/v1/logs"
"""Where notifications go that nobody is told: the Collector takes them and, as they are no logs, forgets them."""

LIMIT = 300.0
"""Seconds after which a service is given up that still lives. Prometheus first reads its write-ahead log."""

SETTLES = 3
"""How often a container may be seen to start again before it is given up."""

READ_AGAIN: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "alertmanager": ("kill --signal SIGHUP", ("alerts/alertmanager.yml", "alerts/templates/")),
    "prometheus": ("kill --signal SIGHUP", ("stack/prometheus.yml", "stack/targets/", "alerts/rules/")),
    "collector": ("restart", ("stack/collector",)),
    "tempo": ("restart", ("stack/tempo.yaml",)),
    "loki": ("restart", ("stack/loki.yaml",)),
    "grafana": ("restart", ("stack/grafana/",)),
}
"""How a service that was up is made to read files that changed, and which: a folder is mounted, or single files."""


@dataclass(frozen=True)
class Choice:
    """What is asked for; `None` is as it was before, or as usual."""

    ports: Sequence[str] = ()
    tempo: bool | None = None
    loki: bool | None = None


def is_here(state: State) -> bool:
    """Whether the directory is that of a stack of containers."""
    return env_file(state).is_file()


def folder(state: State) -> Path:
    """Where Compose is run."""
    return state.config / "stack"


def env_file(state: State) -> Path:
    """The variables that Compose reads."""
    return folder(state) / ".env"


def init(files: Mapping[str, str], state: State, choice: Choice) -> list[str]:
    """Writes all that Docker Compose needs, and keeps secrets that are there. Returns the paths whose text is new."""
    try:
        state.config.mkdir(parents=True, exist_ok=True)
        state.secrets.mkdir(mode=0o700, exist_ok=True)
        wanted_variables(state, choice)  # its faults come before anything is written
        changed = [path for path, text in files.items() if write(state.config / path, text)]
        changed += remove_others(state, files)
        readable(state.config)
        secret(state.secrets / compose.GRAFANA_PASSWORD, secrets.token_urlsafe(24))
        write(state.secrets / LOCAL_LOG_URL_FILE, NO_LOCAL_LOG, mode=0o644)
        (state.secrets / LOCAL_LOG_URL_FILE).chmod(0o644)
        write_env(state, choice)
    except OSError as error:
        raise Problem(
            f"cannot write {error.filename}: {error.strerror}. Name a directory that you may write to: --dir DIR"
        ) from None
    return changed


def write_env(state: State, choice: Choice) -> None:
    """Writes the `.env`. What the user has put there stays."""
    chosen = {**variables(state), **wanted_variables(state, choice)}
    text = "".join(f"{name}={value}\n" for name, value in chosen.items())
    write(env_file(state), f"# Written by claude-otel for docker compose. Variables that you add here stay.\n{text}")


def secret(file: Path, text: str) -> None:
    """Makes a secret that is not there yet. Containers read it by users of theirs: its folder keeps others out."""
    if not file.exists():
        write(file, text, mode=0o600)
    file.chmod(0o644)


def readable(config: Path) -> None:
    """Lets every user of a container read the generated files, whatever the umask says. There is no secret in them."""
    for path in (config, *config.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def remove_others(state: State, files: Mapping[str, str]) -> list[str]:
    """Removes files that are generated no more: a rule file that is left behind would still be evaluated."""
    kept = {*files, f"stack/{PINNED}", "stack/.env"}
    found = {str(PurePosixPath(file.relative_to(state.config))): file for file in state.config.rglob("*")}
    removed = [path for path, file in found.items() if file.is_file() and path not in kept]
    for path in removed:
        found[path].unlink()
    return removed


def variables(state: State) -> dict[str, str]:
    """What is in the `.env`."""
    try:
        lines = env_file(state).read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    parts = [line.partition("=") for line in lines if "=" in line and not line.startswith("#")]
    return {name.strip(): value.strip() for name, _, value in parts}


def wanted_variables(state: State, choice: Choice) -> dict[str, str]:
    """What has to be in the `.env`."""
    before = variables(state)
    ports = parsed(choice.ports, known_ports(state))
    there = before.get("COMPOSE_FILE", "compose.yaml:compose-tempo.yaml").split(":")
    asked = {"tempo": choice.tempo, "loki": choice.loki}
    added = [
        file
        for name in OPTIONAL
        for file in [f"compose-{name}.yaml"]
        if (asked[name] if asked[name] is not None else file in there)
    ]
    optional = [file.removeprefix("compose-").removesuffix(".yaml") for file in added]
    pinned = [PINNED] if pins_hold(state, optional) else []
    return {
        "COMPOSE_PROJECT_NAME": before.get("COMPOSE_PROJECT_NAME") or project(state),
        "COMPOSE_PATH_SEPARATOR": ":",
        "COMPOSE_FILE": ":".join(["compose.yaml", *added, *pinned]),
        compose.SECRETS: "../../secrets",
        **{compose.port_variable(name): str(number) for name, number in ports.items()},
    }


def project(state: State) -> str:
    """The name by which Docker knows the stack: of the usual directory the plain one."""
    if state.directory == default_directory().absolute():
        return "claude-otel"
    return f"claude-otel-{hashlib.sha256(str(state.directory).encode()).hexdigest()[:8]}"


def known_ports(state: State) -> dict[str, int]:
    """The published ports that the stack has."""
    told = variables(state)
    return {name: int(told.get(compose.port_variable(name)) or usual) for name, usual in DEFAULTS.items()}


def services(variables: Mapping[str, str]) -> list[str]:
    """The services that belong to a stack with these variables, in the order in which they start."""
    files = variables.get("COMPOSE_FILE", "").split(":")
    return [name for name in compose.HEALTH if name not in OPTIONAL or f"compose-{name}.yaml" in files]


def up(config: Config, files: Mapping[str, str], state: State, choice: Choice, say: Say) -> None:
    """Starts what does not run, and waits until all of it is healthy, as seen from outside."""
    docker.check()
    check_secrets(config)
    wanted = wanted_variables(state, choice)
    names, project_name = services(wanted), wanted["COMPOSE_PROJECT_NAME"]
    versions = {name: compose.IMAGES[name].rpartition(":")[2].removeprefix("v") for name in names}
    data_versions.check(state, versions, docker.volumes(project_name))
    before = docker.containers(folder(state)) if is_here(state) else []
    check_ports(wanted, before)
    changed = init(files, state, choice)
    if docker.shown(["docker", "compose", "up", "--detach", "--remove-orphans"], folder(state)):
        raise Problem(failure(state))
    read_again(state, before, changed, say)
    for service in names:
        await_health(service, state, say)
    kept = docker.volumes(project_name)
    data_versions.remember(state, {each: versions[each] for each in data_versions.KEEPERS if each in names}, kept)


def check_ports(wanted: Mapping[str, str], before: Sequence[docker.Container]) -> None:
    """Raises `Problem` when a port that is wanted is taken by somebody else than the stack itself."""
    held = {port for found in before if found.runs for port in found.ports}
    names = services(wanted)
    ports = {
        port: int(wanted[compose.port_variable(port)])
        for port, (service, _) in compose.PUBLISHED.items()
        if service in names
    }
    check_free({port: number for port, number in ports.items() if number not in held}, "claude-otel stack up")


def check_secrets(config: Config) -> None:
    """Raises `Problem` when Alertmanager could not read a file that a receiver names."""
    faults = [fault for path in compose.named_secrets(config).values() if (fault := secret_fault(Path(path)))]
    if faults:
        raise Problem("\n  ".join(faults) + "\nNothing was started.")


def secret_fault(file: Path) -> str:
    """Why the user of Alertmanager's container cannot read `file`, empty when it can."""
    user, group = (int(number) for number in compose.USERS["alertmanager"].split(":"))
    try:
        told = file.stat()
    except OSError as error:
        return (
            f"{file}, which a receiver names: {error.strerror}. Write the secret into it, or correct claude-otel.yaml."
        )
    if not file.is_file():
        return f"{file}, which a receiver names, is no file. Correct claude-otel.yaml."
    mine = told.st_uid == user and told.st_mode & 0o400
    ours = told.st_gid == group and told.st_mode & 0o040
    if mine or ours or told.st_mode & 0o004:
        return ""
    return (
        f"{file} cannot be read by Alertmanager, which is user {user} in its container. Give the file to it: "
        f"sudo chown {user} {file}. Or let everybody read it who gets there, and keep others out by its folder: "
        f"chmod 644 {file}; chmod 700 {file.parent}"
    )


def failure(state: State) -> str:
    """What to say when `docker compose up` has failed: which service it was, and its last lines."""
    there = docker.containers(folder(state))
    bad = [each for each in there if has_failed(each)] or [each for each in there if each.restarts or each.unhealthy]
    if not bad:
        return (
            "`docker compose up` failed, and says why above; nothing that was kept is lost. Images come from Docker "
            "Hub, which this machine must reach. Try again, or end what has started: claude-otel stack down"
        )
    return f"{bad[0].service} did not start. {docker.last_lines(folder(state), bad[0].service)}"


def has_failed(found: docker.Container) -> bool:
    """Whether a container has ended that should not have."""
    return found.state in ("restarting", "dead") or (found.state == "exited" and found.service != "collector-volume")


def read_again(state: State, before: Sequence[docker.Container], changed: Sequence[str], say: Say) -> None:
    """Makes services that were up before read the files that have changed. New containers have read them."""
    same = {each.service: each.started for each in before if each.runs}
    for found in docker.containers(folder(state)):
        how, prefixes = READ_AGAIN.get(found.service, ("", ()))
        if same.get(found.service) != found.started or not any(path.startswith(prefixes) for path in changed):
            continue
        docker.ran(["docker", "compose", *how.split(), found.service], folder(state))
        say(f"{found.service} was up, and reads its changed files again")


def health_url(service: str, state: State) -> str:
    """Where a service says whether it is well."""
    port, path = compose.HEALTH[service]
    return f"http://{HOST}:{known_ports(state)[port]}{path}"


def await_health(service: str, state: State, say: Say, limit: float = LIMIT) -> None:
    """Waits until a service is healthy. Raises `Problem` with its last lines when it ends or is not in time."""
    began, told, restarts = time.monotonic(), 0.0, 0
    while not is_healthy(health_url(service, state)):
        waited = time.monotonic() - began
        found = next((each for each in docker.containers(folder(state)) if each.service == service), None)
        restarts += found is None or has_failed(found)
        if restarts > SETTLES:
            raise Problem(f"{service} ended as it started. {docker.last_lines(folder(state), service)}")
        if waited > limit:
            raise Problem(
                f"{service} is not ready after {limit:.0f} s ({health_url(service, state)}). "
                f"{docker.last_lines(folder(state), service)}"
            )
        if waited - told > 5:
            told = waited
            say(f"  {service} is starting, {waited:.0f} s …")
        time.sleep(0.5)
    say(f"{service} is up")


def down(state: State, say: Say, volumes: bool = False) -> bool:
    """Ends the stack; with `volumes`, deletes what it kept. Whether there was anything."""
    docker.check()
    name = variables(state)["COMPOSE_PROJECT_NAME"]
    there = bool(docker.containers(folder(state))) or (volumes and bool(docker.volumes(name)))
    command = ["docker", "compose", "down", "--remove-orphans", *(["--volumes"] if volumes else [])]
    if there and docker.shown(command, folder(state)):
        raise Problem("`docker compose down` failed, and says why above.")
    if there:
        say(
            "It has ended, and what it kept is deleted."
            if volumes
            else "It has ended; what it keeps is in its volumes."
        )
    return there


def status(state: State) -> Status:
    """How the stack in `state` is now."""
    docker.check()
    found = {each.service: each for each in docker.containers(folder(state))}
    ports = known_ports(state)
    programs = [program(name, found.get(name), ports, state) for name in services(variables(state))]
    return Status(str(state.directory), programs, list(queues(ports["prometheus"])), start="claude-otel stack up")


def queues(port: int) -> Iterator[Queue]:
    """The queues of the Collector as Prometheus saw them last; none while it does not answer."""
    told: dict[str, dict[str, int]] = {}
    for key in ("size", "capacity"):
        try:
            found = instant_query(port, f"max by (exporter) (otelcol_exporter_queue_{key})")
        except OSError:
            return
        for each in found:
            told.setdefault(each["metric"].get("exporter", ""), {})[key] = int(float(each["value"][1]))
    for exporter, values in sorted(told.items()):
        yield Queue(exporter, values.get("size", 0), values.get("capacity", 0))


def program(name: str, found: docker.Container | None, ports: Ports, state: State) -> Program:
    """How one service is."""
    runs = found is not None and found.runs
    own = {port: ports[port] for port, (service, _) in compose.PUBLISHED.items() if service == name}
    running = None
    if found is not None and runs:
        version = found.image.partition("@")[0].rpartition(":")[2].removeprefix("v")
        running = Running(found.pid, seconds_of(found.started), ["docker", "container", found.name], version)
    return Program(name, running, runs and is_healthy(health_url(name, state)), own, f"claude-otel stack logs {name}")


def seconds_of(at: str) -> float:
    """Unix seconds of a time as Docker tells it, which has more digits than Python takes."""
    return datetime.fromisoformat(at[:19] + "+00:00").timestamp()


def logs(state: State, names: Sequence[str], lines: int, follow: bool) -> int:
    """Shows what services printed. The exit code of Compose."""
    docker.check()
    known = services(variables(state))
    for name in names:
        if name not in known:
            raise Problem(f"there is no service {name!r}. There are {', '.join(known)}.")
    options = ["--tail", str(lines), *(["--follow"] if follow else [])]
    return docker.shown(["docker", "compose", "logs", *options, *names], folder(state))


def pin(state: State, say: Say) -> None:
    """Writes the digests of the images that are here, so that a tag that moves changes nothing."""
    docker.check()
    wanted = wanted_images(services(variables(state)))
    known = dict(docker.digests(sorted(set(wanted.values()))))
    document = {"services": {name: {"image": f"{image}@{known[image]}"} for name, image in wanted.items()}}
    write(folder(state) / PINNED, "# Written by `claude-otel stack pin`.\n" + yaml.safe_dump(document, sort_keys=True))
    for image, digest in known.items():
        say(f"{image}@{digest}")
    write_env(state, Choice())


def pins_hold(state: State, optional: Sequence[str]) -> bool:
    """Whether the digests are of these services, in the versions that the files name now. Others are left out."""
    try:
        told: dict[str, Any] = yaml.safe_load((folder(state) / PINNED).read_text(encoding="utf-8"))
        pinned = {name: service["image"].partition("@")[0] for name, service in told["services"].items()}
    except (OSError, TypeError, KeyError, yaml.YAMLError):
        return False
    return pinned == wanted_images(name for name in compose.HEALTH if name not in OPTIONAL or name in optional)


def wanted_images(names: Iterable[str]) -> dict[str, str]:
    """The image of each of these services, and of the one that comes before the Collector."""
    return {**{name: compose.IMAGES[name] for name in names}, "collector-volume": compose.IMAGES["prometheus"]}


def addresses(state: State) -> dict[str, str]:
    """What people open, by service."""
    ports = known_ports(state)
    return {name: f"http://{HOST}:{ports[name]}" for name in ("grafana", "prometheus", "alertmanager")}


def copy_calls(state: State) -> None:
    """Brings what the Collector has written out of its volume, for `claude-otel calls`, as far as it can be reached."""
    if is_here(state) and shutil.which("docker"):
        state.collector.mkdir(exist_ok=True)
        source = f"collector:{compose.COLLECTOR_DATA}/."
        docker.ran(["docker", "compose", "cp", source, str(state.collector)], folder(state))
