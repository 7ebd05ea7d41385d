"""The parts of the native stack that need none of its programs."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from native_stack import eventually, files

from claude_otel.cli.fmt import Style
from claude_otel.cli.problem import Problem
from claude_otel.cli.stack_page import age, lines, size
from claude_otel.monitoring.prometheus import target_files
from claude_otel.stack import build, components, data_versions, native
from claude_otel.stack.health import OPENER, await_ledger
from claude_otel.stack.notification_log import Server, notifications
from claude_otel.stack.ports import DEFAULTS, check_free, free_ports, holder, is_free, parsed
from claude_otel.stack.rotation import aside, rotate
from claude_otel.stack.running import Running, running, start, stop
from claude_otel.stack.service import LISTENERS, Service
from claude_otel.stack.state import State, write
from claude_otel.stack.status import Program, Queue, Status
from cli_child import claude_otel

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[[list[str]], Running | None]]:
    """Starts a background process that is ended after the test, and waits until it says it is up."""
    file, log = tmp_path / "run.json", tmp_path / "run.log"

    def begun(command: list[str]) -> Running | None:
        found = start(command, file, log, tmp_path, {}, "1.2.3")
        eventually(log.read_text, lambda text: "up" in text)
        return found

    yield begun
    stop(file, 0)


def test_process_is_known_until_it_ends(begin: Callable[[list[str]], Running], tmp_path: Path) -> None:
    started = begin(SLEEP)
    assert running(tmp_path / "run.json") == started
    assert started.version == "1.2.3"
    os.kill(started.pid, signal.SIGKILL)
    assert eventually(lambda: running(tmp_path / "run.json") is None, bool)


def test_second_process_is_not_started(begin: Callable[[list[str]], Running], tmp_path: Path) -> None:
    begin(SLEEP)
    assert start(SLEEP, tmp_path / "run.json", tmp_path / "run.log", tmp_path, {}) is None


def test_process_id_of_another_is_not_ours(tmp_path: Path) -> None:
    """A file that was left behind names a process that has nothing to do with us: it is left alone."""
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    (tmp_path / "run.json").write_text(json.dumps({"pid": other.pid, "since": 0, "command": [], "version": ""}))
    assert running(tmp_path / "run.json") is None
    assert stop(tmp_path / "run.json", 1) == ""
    assert other.poll() is None
    other.kill()
    other.wait()


def test_process_is_ended(begin: Callable[[list[str]], Running], tmp_path: Path) -> None:
    begin(SLEEP)
    assert stop(tmp_path / "run.json", 10) == "ended"
    assert stop(tmp_path / "run.json", 10) == ""


def test_process_that_does_not_end_is_killed(begin: Callable[[list[str]], Running], tmp_path: Path) -> None:
    begin(STUBBORN)
    assert stop(tmp_path / "run.json", 0.2) == "killed"
    assert running(tmp_path / "run.json") is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("promethius=1", "there is no port 'promethius'. There are otlp-grpc,"),
        ("prometheus", "'' is no port"),
        ("prometheus=0", "'0' is no port"),
        ("prometheus=70000", "--port prometheus=19090"),
        ("prometheus=9093", "the port 9093 is asked for twice: prometheus and alertmanager"),
    ],
)
def test_wrong_ports(change: str, said: str) -> None:
    with pytest.raises(Problem) as problem:
        parsed([change])
    assert said in problem.value.message


def test_ports() -> None:
    assert parsed(["prometheus=19090"]) == {**DEFAULTS, "prometheus": 19090}
    assert sorted(name for names in LISTENERS.values() for name in names) == sorted(DEFAULTS)


def test_port_in_use_names_the_process() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        assert not is_free(port)
        assert holder(port).startswith(f"process {os.getpid()} (")
        with pytest.raises(Problem) as problem:
            check_free({"prometheus": port})
    assert f"port {port} (prometheus) is in use by process {os.getpid()}" in problem.value.message
    assert "Stop what holds it, or choose another: claude-otel stack up --native --port prometheus=" in str(
        problem.value
    )


def test_log_is_set_aside_when_full(tmp_path: Path) -> None:
    """Its writer goes on in the same file, and three older ones are kept."""
    log = tmp_path / "a.log"
    with log.open("ab", buffering=0) as writer:
        for number in range(6):
            assert not rotate(log, full=10)
            writer.write(f"{number} text in full\n".encode())
            assert rotate(log, full=10)
        writer.write(b"last")
    assert log.read_text() == "last"
    assert [aside(log, number).read_text()[0] for number in (1, 2, 3)] == ["5", "4", "3"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.log", "a.log.1", "a.log.2", "a.log.3"]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Server]:
    """A local log of notifications that is up."""
    server = Server(0, tmp_path / "notifications.jsonl")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def post(server: Server, path: str, body: bytes) -> int:
    """The status of a notification."""
    request = urllib.request.Request(f"http://127.0.0.1:{server.server_address[1]}{path}", body)
    try:
        with OPENER.open(request, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_notifications_are_written(log: Server) -> None:
    assert post(log, "/oncall", b'{"status": "firing"}') == 200
    assert post(log, "/log", b'{"status": "resolved"}') == 200
    found = list(notifications(log.file))
    assert [(each["path"], each["notification"]["status"]) for each in found] == [
        ("/oncall", "firing"),
        ("/log", "resolved"),
    ]


def test_what_is_no_notification_is_refused(log: Server) -> None:
    assert post(log, "/log", b"not json") == 400
    assert list(notifications(log.file)) == []


def test_notification_that_cannot_be_written_is_refused(log: Server) -> None:
    """Alertmanager sends it again then."""
    log.file = log.file / "no" / "such" / "folder"
    assert post(log, "/log", b"{}") == 503


def program(folder: Path, name: str, text: str) -> Path:
    """An executable that prints `text`."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n/bin/cat <<'E'\n{text}\nE\n")
    file.chmod(0o755)
    return file


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The directory of built programs and one that is on PATH."""
    built, path = tmp_path / "components" / "bin", tmp_path / "path"
    monkeypatch.setenv("CLAUDE_OTEL_COMPONENTS", str(tmp_path / "components"))
    monkeypatch.setenv("PATH", str(path))
    return built, path


def test_program_that_was_built_comes_first(places: tuple[Path, Path]) -> None:
    built, path = places
    on_path = program(path, "otelcol-contrib", "otelcol-contrib version 0.160.1")
    assert components.find("collector") == on_path
    ours = program(built, "otelcol", "otelcol version 0.155.0")
    assert components.find("collector") == ours


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prometheus, version 2.42.0+ds (branch: debian)", "is 2.42.0"),
        ("prometheus, version 3.14.0 (branch: HEAD)", "was built without --web.enable-otlp-receiver"),
        ("hello", "does not tell its version"),
    ],
)
def test_program_that_cannot_be_used(places: tuple[Path, Path], text: str, said: str) -> None:
    file = program(places[1], "prometheus", text)
    with pytest.raises(Problem) as problem:
        components.find("prometheus")
    assert f"not usable: {file} {said}" in problem.value.message
    assert "`claude-otel stack components`" in problem.value.message


def test_program_that_is_missing(places: tuple[Path, Path], tmp_path: Path) -> None:
    """Nothing is started, and the remedy is named."""
    del places
    with pytest.raises(Problem, match=r"Alertmanager 0.33.1 is not found. Build it with .*make components"):
        native.up(files(), State(tmp_path / "state"), free_ports(), print)
    assert not native.any_running(State(tmp_path / "state"))


def test_no_go(places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(places[1]))
    with pytest.raises(Problem, match=r"there is no `go` on PATH. Install Go 1.25 or newer"):
        build.build_all(print)


def test_old_go(places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    program(places[1], "go", "go version go1.19.8 linux/amd64")
    with pytest.raises(Problem, match=r"need a newer Go than 1.19. Install"):
        build.build_all(print)


def test_build_that_fails(places: tuple[Path, Path], tmp_path: Path) -> None:
    """Its last lines are shown, and nothing is stamped as built."""
    go = places[1] / "go"
    program(places[1], "go", "")
    go.write_text("#!/bin/sh\n[ $1 = version ] && echo go1.30.1 && exit\necho no route to the proxy >&2\nexit 1\n")
    with pytest.raises(Problem, match="no route to the proxy"):
        build.build_all(print)
    assert not list((tmp_path / "components").glob("*.stamp"))


def test_what_is_built_is_left_alone(places: tuple[Path, Path]) -> None:
    built, _ = places
    for recipe in build.RECIPES:
        for file in recipe.files:
            program(built, file, "")
        build.stamp_file(recipe).write_text(recipe.stamp())
    said: list[str] = []
    build.build_all(said.append)
    assert [line.split(": ")[1] for line in said] == ["there"] * 3


def test_recipes_build_the_versions_that_are_looked_for() -> None:
    for recipe in build.RECIPES:
        for file in recipe.files:
            (component,) = [each for each in components.COMPONENTS.values() if file in each.files]
            assert component.version == recipe.version


def test_manifests_name_these_versions() -> None:
    manifest = (components.manifests() / "collector-builder.yaml").read_text()
    assert f"version: {components.COMPONENTS['collector'].version}\n" in manifest
    module = (components.manifests() / "prometheus" / "go.mod").read_text()
    major, minor, patch = components.COMPONENTS["prometheus"].version.split(".")
    assert f"github.com/prometheus/prometheus v0.{major}{int(minor):02}.{patch} " in module


def test_files_that_are_generated_no_more_are_removed(tmp_path: Path) -> None:
    """A rule file that is left behind would still be evaluated."""
    state, ports = State(tmp_path), free_ports()
    state.make()
    first = native.write_files({"alerts/rules/a.yml": "a", "alerts/rules/b.yml": "b"}, state, ports)
    assert {"alerts/rules/a.yml", "alerts/rules/b.yml"} < set(first)
    assert native.write_files({"alerts/rules/a.yml": "a"}, state, ports) == ["alerts/rules/b.yml"]
    assert native.write_files({"alerts/rules/a.yml": "a"}, state, ports) == []
    assert json.loads((state.config / "stack/targets/prometheus.yml").read_text()) == [
        {"targets": [f"127.0.0.1:{ports['prometheus']}"]}
    ]


def test_targets() -> None:
    addresses = {"collector": "c:1", "prometheus": "p:2", "alertmanager": "a:3"}
    assert target_files(addresses)["targets/alertmanager.yml"] == '[{"targets": ["a:3"]}]\n'


def test_secret_files_are_for_this_user(tmp_path: Path) -> None:
    write(tmp_path / "secret", "text", mode=0o600)
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


def test_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Problem, match=r"Name a directory that you may write to: --dir DIR"):
        State(tmp_path / "file" / "stack").make()


def test_page_of_a_status() -> None:
    ran = Running(7, time.time() - 7300, [], "3.14.0")
    programs = [
        Program("prometheus", ran, True, {"prometheus": 9090}, ""),
        Program("collector", None, False, {"otlp-http": 4318, "collector-health": 13133}, ""),
    ]
    found = Status("/state", programs, [Queue("otlp_http/prometheus", 1536, 268435456)], {"logs": 2048, "none": 0})
    assert lines(found, Style(False)) == [
        "The stack in /state",
        "  prometheus  up    3.14.0  for 2 h 1 min  prometheus:9090",
        "  collector   down                         otlp-http:4318 health:13133",
        "  queue of otlp_http/prometheus: 1.5 KiB of 256.0 MiB",
        "  on disk: logs 2.0 KiB",
        "Not well: collector. Start it again: claude-otel stack up --native; what it printed: claude-otel stack logs",
    ]


@pytest.mark.parametrize(("seconds", "text"), [(5, "5 s"), (125, "2 min"), (90_000, "1 d 1 h"), (-3, "0 s")])
def test_age(seconds: float, text: str) -> None:
    assert age(seconds) == text


def test_size() -> None:
    assert [size(amount) for amount in (0, 1023, 1024, 5 * 1024**3)] == ["0 B", "1023 B", "1.0 KiB", "5.0 GiB"]


def test_logs_of_processes(tmp_path: Path) -> None:
    """The last lines of the one that is named; of none that is not there."""
    state = State(tmp_path)
    state.make()
    state.log("prometheus").write_text("one\ntwo\nthree\n")
    state.log("collector").write_text("four\n")
    done = claude_otel("stack", "logs", "prometheus", "--tail", "2", "--dir", str(tmp_path))
    assert (done.returncode, done.stdout) == (0, "two\nthree\n")
    refused = claude_otel("stack", "logs", "promethus", "--dir", str(tmp_path))
    assert refused.returncode == 125
    assert "There are collector, prometheus." in refused.stderr


def test_open_without_a_grafana(tmp_path: Path) -> None:
    done = claude_otel("stack", "open", "--dir", str(tmp_path))
    assert done.returncode == 125
    assert "Grafana is not up. Start it: claude-otel stack up --native" in done.stderr


def test_data_is_deleted_with_a_word_only(tmp_path: Path) -> None:
    """What a stack of processes has kept; its files and secrets stay."""
    state = State(tmp_path)
    state.make()
    for file in (state.data("prometheus") / "wal", state.collector / "calls.jsonl", state.notifications):
        file.parent.mkdir(exist_ok=True)
        file.write_text("x")
    kept = state.secrets / "grafana-admin"
    kept.write_text("x")
    data_versions.remember(state, {"prometheus": "3.14.0"}, native.kept_data(state))
    refused = claude_otel("stack", "down", "--volumes", "--dir", str(tmp_path))
    assert refused.returncode == 125
    assert state.notifications.exists()
    done = claude_otel("stack", "down", "--volumes", "--yes", "--dir", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.rglob("calls.jsonl"))
    assert not state.data("prometheus").exists()
    assert not state.notifications.exists()
    assert kept.exists()
    assert data_versions.written(state) == {}


def test_native_stack_of_an_older_version_on_newer_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told before a file is written or a program is started."""
    state = State(tmp_path)
    state.make()
    state.data("prometheus").mkdir()
    data_versions.remember(state, {"prometheus": "3.15.0"}, native.kept_data(state))
    service = Service("prometheus", ["false"], {}, "http://127.0.0.1:1", tmp_path, version="3.14.0")
    monkeypatch.setattr(native, "services", lambda around: [service])
    with pytest.raises(Problem, match=r"last written by 3\.15\.0, and this would be 3\.14\.0"):
        native.up({"stack/prometheus.yml": "x"}, state, free_ports(), print, optional=False)
    assert not (state.config / "stack").exists()


@contextmanager
def prometheus(answers: list[bytes]) -> Iterator[int]:
    """The port of a server that gives `answers` one after the other, and the last one again and again."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answers.pop(0) if len(answers) > 1 else answers[0])

        def log_message(self, *_: object) -> None:
            """Prints nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


NOTHING_YET = b'{"status": "success", "data": {"result": []}}'
BEGUN = b'{"status": "success", "data": {"result": [{"metric": {}, "value": [1, "1"]}]}}'


def test_stack_is_up_when_the_rules_have_been_evaluated_once() -> None:
    """Answers that say nothing of it, or are none, are asked again."""
    answers = [NOTHING_YET, b"starting", b"[]", BEGUN]
    said: list[str] = []
    with prometheus(answers) as port:
        assert await_ledger(port, said.append)
    assert answers == [BEGUN]


def test_rules_that_are_not_evaluated_are_told_of() -> None:
    """The stack is up all the same; the message says where to look."""
    said: list[str] = []
    with prometheus([NOTHING_YET]) as port:
        assert not await_ledger(port, said.append, limit=0.2)
    assert said == [f"No rule was evaluated in 0 s: see http://127.0.0.1:{port}/rules. Sums have not begun."]
