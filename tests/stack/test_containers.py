"""The stack as containers, as far as it goes without Docker: a script stands in for it."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
import yaml

from claude_otel.cli.problem import Problem
from claude_otel.monitoring import compose, generated
from claude_otel.monitoring.config import Config
from claude_otel.monitoring.config_file import read
from claude_otel.stack import containers, data_versions, docker
from claude_otel.stack.containers import Choice
from claude_otel.stack.state import State
from cli_child import claude_otel

FILES = generated.files(Config())
DIGEST = "sha256:" + "ab" * 32


@pytest.fixture
def state(tmp_path: Path) -> State:
    """A stack whose files are written."""
    found = State(tmp_path / "stack")
    containers.init(FILES, found, Choice())
    return found


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, commands: str) -> None:
    """Puts a `docker` on PATH, which is all that is on it but the shell's own."""
    folder.mkdir(exist_ok=True)
    script = folder / "docker"
    script.write_text(f'#!/bin/sh\ncase "$*" in\n{commands}\nesac\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def mode(path: Path) -> int:
    """Who may do what with `path`."""
    return stat.S_IMODE(path.stat().st_mode)


def test_init_writes_what_compose_needs(state: State) -> None:
    """Every generated file, readable by the users of containers, and secrets in a folder that is this user's alone."""
    assert {path: (state.config / path).read_text() for path in FILES} == FILES
    assert {mode(path) for path in state.config.rglob("*") if path.is_file()} == {0o644}
    assert {mode(path) for path in state.config.rglob("*") if path.is_dir()} == {0o755}
    assert mode(state.secrets) == 0o700
    assert {path.name for path in state.secrets.iterdir()} == {"grafana-admin", "notification-log.url"}
    assert len((state.secrets / "grafana-admin").read_text()) >= 24


def test_files_can_be_read_whatever_the_umask_is(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        containers.init(FILES, State(tmp_path / "stack"), Choice())
    finally:
        os.umask(before)
    assert mode(tmp_path / "stack" / "config" / "stack" / "prometheus.yml") == 0o644
    assert mode(tmp_path / "stack" / "secrets" / "grafana-admin") == 0o644
    assert mode(tmp_path / "stack" / "secrets") == 0o700


def test_second_init_changes_nothing(state: State) -> None:
    """The password is the one from before, and so are ports and parts that were asked for then."""
    password = (state.secrets / "grafana-admin").read_text()
    containers.init(FILES, state, Choice(["grafana=13000"], tempo=False, loki=True))
    first = containers.env_file(state).read_text()
    assert containers.init(FILES, state, Choice()) == []
    assert containers.env_file(state).read_text() == first
    assert containers.known_ports(state) == {**containers.DEFAULTS, "grafana": 13000}
    assert containers.variables(state)["COMPOSE_FILE"] == "compose.yaml:compose-loki.yaml"
    assert containers.services(containers.variables(state)) == [
        "alertmanager",
        "prometheus",
        "loki",
        "collector",
        "grafana",
    ]
    assert (state.secrets / "grafana-admin").read_text() == password


def test_variables_of_the_user_stay(state: State) -> None:
    file = containers.env_file(state)
    file.write_text(file.read_text() + "# why\nCLAUDE_OTEL_GRAFANA_ANONYMOUS=true\n")
    containers.init(FILES, state, Choice(["prometheus=19090"]))
    told = containers.variables(state)
    assert told["CLAUDE_OTEL_GRAFANA_ANONYMOUS"] == "true"
    assert told["CLAUDE_OTEL_PORT_PROMETHEUS"] == "19090"


def test_what_is_generated_no_more_is_removed(state: State) -> None:
    """A rule file that is left behind would still be evaluated."""
    containers.init({**FILES, "alerts/rules/own.yml": "groups: []\n"}, state, Choice())
    assert containers.init(FILES, state, Choice()) == ["alerts/rules/own.yml"]
    assert not (state.config / "alerts" / "rules" / "own.yml").exists()
    assert containers.is_here(state)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("loke=1", "there is no port 'loke'"),
        ("loki=0", "'0' is no port"),
        ("grafana=9090", "the port 9090 is asked for twice: prometheus and grafana"),
    ],
)
def test_wrong_port(tmp_path: Path, change: str, said: str) -> None:
    """Nothing is written."""
    with pytest.raises(Problem, match=said):
        containers.init(FILES, State(tmp_path / "stack"), Choice([change]))
    assert not list(tmp_path.rglob("*.yaml"))


def test_two_stacks_have_two_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker would take the containers of one for those of the other."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    names = [containers.project(State(tmp_path / path)) for path in ("claude-otel/stack", "a", "b")]
    assert names[0] == "claude-otel"
    assert len(set(names)) == 3


def test_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = claude_otel("stack", "init", str(tmp_path / "file" / "stack"))
    assert done.returncode == 125
    assert "Name a directory that you may write to" in done.stderr


def test_init_as_a_command(tmp_path: Path) -> None:
    """It tells where the password is, and how to go on."""
    done = claude_otel("stack", "init", str(tmp_path / "s"), "--no-tempo", cwd=tmp_path, PATH="/nonexistent")
    assert done.returncode == 0, done.stderr
    assert f"password in {tmp_path}/s/secrets/grafana-admin" in done.stdout
    assert f"cd {tmp_path}/s/config/stack && docker compose up --detach" in done.stdout
    assert "COMPOSE_FILE=compose.yaml\n" in (tmp_path / "s" / "config" / "stack" / ".env").read_text()


def test_no_docker(tmp_path: Path) -> None:
    done = claude_otel("stack", "up", "--dir", str(tmp_path), cwd=tmp_path, PATH="/nonexistent")
    assert done.returncode == 125
    assert "there is no `docker` on PATH" in done.stderr
    assert "claude-otel stack up --native" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("commands", "said"),
    [
        ("*) exit 1;;", "`docker compose` is not there. Install the Compose plugin 2.20 or newer"),
        ("compose*) echo 2.19.1;;", "Docker Compose is 2.19.1; 2.20 or newer is needed"),
        (
            "compose*) echo v2.40.3;; *) echo 'Cannot connect to the Docker daemon' >&2; exit 1;;",
            "the Docker engine does not answer: Cannot connect to the Docker daemon\nStart it",
        ),
        (
            "compose*) echo 5.0.0;; *) echo 'permission denied while trying to connect' >&2; exit 1;;",
            "You may not use it: ask for membership of the group `docker`",
        ),
    ],
)
def test_docker_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, commands: str, said: str) -> None:
    """Each has its remedy, and the way without containers."""
    stand_in(tmp_path / "bin", monkeypatch, commands)
    with pytest.raises(Problem) as problem:
        docker.check()
    assert said in str(problem.value)
    assert "claude-otel stack up --native" in str(problem.value)


def test_docker_that_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path / "bin", monkeypatch, "compose*) echo 2.40.3-3;; version*) echo 20.10.24;;")
    docker.check()


def test_variables_that_would_outdo_those_of_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    """`docker compose` reads them from the environment first."""
    for name in ("COMPOSE_FILE", "COMPOSE_PROJECT_NAME", "CLAUDE_OTEL_SECRETS", "CLAUDE_OTEL_PORT_GRAFANA"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("CLAUDE_OTEL_GRAFANA_ANONYMOUS", "true")
    monkeypatch.setenv("DOCKER_HOST", "unix:///x")
    left = docker.environment()
    assert not [name for name in left if name.startswith(("COMPOSE_", "CLAUDE_OTEL_PORT", "CLAUDE_OTEL_SECRETS"))]
    assert (left["CLAUDE_OTEL_GRAFANA_ANONYMOUS"], left["DOCKER_HOST"]) == ("true", "unix:///x")


@pytest.mark.parametrize(
    ("allowed", "user", "readable"),
    [(0o600, 0, False), (0o644, 0, True), (0o640, 0, False), (0o400, 65534, True), (0o040, 65534, True)],
)
def test_secret_that_alertmanager_can_or_cannot_read(tmp_path: Path, allowed: int, user: int, readable: bool) -> None:
    """As the user of its container, whoever starts the stack."""
    if os.geteuid() != 0:
        pytest.skip("only root gives a file to another user")
    file = tmp_path / "key"
    file.write_text("x")
    file.chmod(allowed)
    os.chown(file, user, user)
    assert (containers.secret_fault(file) == "") is readable


def test_secret_that_is_not_there(tmp_path: Path) -> None:
    """Every fault of every file, before anything else."""
    (tmp_path / "folder").mkdir()
    config = read(
        f"notify: {{receivers: {{a: {{pagerduty: {{routing_key_file: '{tmp_path}/none'}}, "
        f"slack: {{webhook_url_file: '{tmp_path}/folder'}}}}}}}}\n"
    ).config
    with pytest.raises(Problem) as problem:
        containers.check_secrets(config)
    assert f"{tmp_path}/none, which a receiver names: No such file or directory" in str(problem.value)
    assert f"{tmp_path}/folder, which a receiver names, is no file" in str(problem.value)


def inspecting(image_digests: object) -> str:
    """A `docker` whose images have these digests."""
    return f"compose*) echo 2.40.3;; version*) echo 27;; *inspect*) echo '{json.dumps(image_digests)}';;"


def test_pin(state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every image is held to the digest it was pulled by, in a file that Compose reads after the others."""
    digests = [f"{image.rpartition(':')[0]}@{DIGEST}" for image in compose.IMAGES.values()]
    stand_in(tmp_path / "bin", monkeypatch, inspecting(digests))
    said: list[str] = []
    containers.pin(state, said.append)
    written = yaml.safe_load((containers.folder(state) / containers.PINNED).read_text())["services"]
    assert {name: each["image"] for name, each in written.items()} == {
        name: f"{image}@{DIGEST}"
        for name, image in containers.wanted_images(containers.services(containers.variables(state))).items()
    }
    assert containers.variables(state)["COMPOSE_FILE"].endswith(f":{containers.PINNED}")
    assert f"{compose.IMAGES['grafana']}@{DIGEST}" in said


def test_pins_of_other_images_are_left_out(state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of another version, or of services that take no part: they would bring back what is not wanted."""
    digests = [f"{image.rpartition(':')[0]}@{DIGEST}" for image in compose.IMAGES.values()]
    stand_in(tmp_path / "bin", monkeypatch, inspecting(digests))
    containers.pin(state, lambda _: None)
    containers.init(FILES, state, Choice(tempo=False))
    assert containers.PINNED not in containers.variables(state)["COMPOSE_FILE"]
    containers.init(FILES, state, Choice(tempo=True))
    assert containers.PINNED in containers.variables(state)["COMPOSE_FILE"]
    monkeypatch.setitem(compose.IMAGES, "grafana", "grafana/grafana:99.0.0")
    containers.init(FILES, state, Choice())
    assert containers.PINNED not in containers.variables(state)["COMPOSE_FILE"]


def test_image_without_a_digest_is_not_pinned(state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path / "bin", monkeypatch, inspecting([f"somewhere/else@{DIGEST}"]))
    with pytest.raises(Problem, match="was made here, not pulled from a registry: it has no digest"):
        containers.pin(state, lambda _: None)
    assert not (containers.folder(state) / containers.PINNED).exists()


def test_volumes_are_not_deleted_without_a_word(state: State) -> None:
    done = claude_otel("stack", "down", "--volumes", "--dir", str(state.directory), PATH="/nonexistent")
    assert done.returncode == 125
    assert "Say that you want it: --volumes --yes. Nothing was ended or deleted." in done.stderr


def test_older_version_on_newer_data(tmp_path: Path) -> None:
    """It is refused for the data that is there, not for what was deleted since."""
    state = State(tmp_path)
    data_versions.remember(state, {"prometheus": "3.15.0", "grafana": "12.3.0"}, {"prometheus": "1", "grafana": "1"})
    data_versions.check(state, {"prometheus": "3.15.0"}, {"prometheus": "1"})
    data_versions.check(state, {"prometheus": "3.14.0"}, {"prometheus": "2"})
    data_versions.check(state, {"grafana": "13.0.0", "prometheus": "3.20.0"}, {"prometheus": "1", "grafana": "1"})
    with pytest.raises(
        Problem, match=r"the data of prometheus was last written by 3\.15\.0, and this would be 3\.9\.0"
    ):
        data_versions.check(state, {"prometheus": "3.9.0"}, {"prometheus": "1"})
    data_versions.remember(state, {"prometheus": "3.16.0"}, {"prometheus": "1"})
    assert data_versions.written(state)["grafana"]["version"] == "12.3.0"
