"""`CLAUDE_OTEL_FLUSH_ON_SIGTERM`: what a process that SIGTERM ends had not exported yet."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import wire
from claude_otel import config, flush, instrumentor, sigterm
from claude_otel.fakeapi import FakeAPI
from cli_child import claude_otel
from conftest import Exported
from programs import INSTRUMENT, environment
from receiver import Receiver

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no SIGTERM that can be handled")

ON = {"CLAUDE_OTEL_FLUSH_ON_SIGTERM": "1"}

LATER = {
    "OTEL_BSP_SCHEDULE_DELAY": "600000",
    "OTEL_BLRP_SCHEDULE_DELAY": "600000",
    "OTEL_METRIC_EXPORT_INTERVAL": "600000",
}
"""Nothing is exported in the ordinary course of a test."""

START = """
import asyncio, os, signal, sys, threading, time
import anthropic
client = anthropic.Anthropic()
ask = dict(model="claude-opus-5-5", max_tokens=100, messages=[{"role": "user", "content": "Hello"}])
def ready():
    os.write(1, b"ready\\n")
client.messages.create(**ask)
"""

WAITS = {
    "pauses": "ready(); signal.pause(); sys.exit('went on')",
    "runs asyncio": "ready(); asyncio.run(asyncio.sleep(600))",
    "runs uvloop": "import uvloop; ready(); uvloop.run(asyncio.sleep(600))",
    "calls": "ready()\nwhile True: client.messages.create(**ask)",
}


@pytest.fixture(scope="module")
def api() -> Iterator[FakeAPI]:
    with FakeAPI() as running:
        yield running


def started(path: Path, text: str, api: FakeAPI, *more: dict[str, str]) -> subprocess.Popen[str]:
    """A program under `opentelemetry-instrument` that has said that it is ready."""
    script = path / "program.py"
    script.write_text(START + text)
    process = subprocess.Popen(
        [INSTRUMENT, sys.executable, str(script)], env=environment(api.environment, LATER, *more), cwd=path,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def ended(process: subprocess.Popen[str], number: signal.Signals | None = signal.SIGTERM) -> tuple[int, str]:
    """The exit status and the errors of a program, after it was sent `number`. The deadline is one against a hang."""
    if number is not None:
        process.send_signal(number)
    errors = process.communicate(timeout=120)[1]
    return process.returncode, errors


class TestProgram:
    """A program of which SIGTERM is the end."""

    @pytest.mark.parametrize("waits", WAITS)
    def test_everything_is_exported(self, api: FakeAPI, tmp_path: Path, waits: str) -> None:
        """Whatever it is doing, and the signal is what it ends by."""
        with Receiver() as received:
            process = started(tmp_path, WAITS[waits], api, received.environment, ON)
            assert received.bodies == {}
            assert ended(process) == (-signal.SIGTERM, "")
        calls = received.value("claude.calls")
        assert calls == len(received.events()) == len(received.token_spans) >= 1
        assert calls == 1 or waits == "calls"

    def test_nothing_is_without_the_variable(self, api: FakeAPI, tmp_path: Path) -> None:
        """A program that handles no SIGTERM ends as it does without us."""
        with Receiver() as received:
            process = started(tmp_path, WAITS["pauses"], api, received.environment)
            assert ended(process) == (-signal.SIGTERM, "")
        assert received.bodies == {}

    def test_an_open_stream_is_abandoned(self, api: FakeAPI, tmp_path: Path) -> None:
        """As at any exit. A call that still waits for its answer has nothing to tell."""
        text = "stream = client.messages.create(**ask, stream=True); next(stream); ready(); signal.pause()"
        with Receiver() as received:
            assert ended(started(tmp_path, text, api, received.environment, ON)) == (-signal.SIGTERM, "")
        assert [event["claude.outcome"] for event in received.events()] == ["completed", "abandoned"]
        assert (received.value("claude.calls"), received.value("claude.active_calls")) == (2, 0)

    def test_a_lock_that_was_held_is_waited_for(self, api: FakeAPI, tmp_path: Path) -> None:
        """The signal may come while the main thread holds the very lock that the export needs."""
        text = (
            "import claude_otel.metrics\n"
            "ready()\n"
            "table = claude_otel.metrics._global[0].table\n"
            "with table.lock, table.settle_lock:\n"
            "    os.kill(os.getpid(), signal.SIGTERM)\n"
            "    time.sleep(0.01)\n"
            "time.sleep(600)"
        )
        with Receiver() as received:
            assert ended(started(tmp_path, text, api, received.environment, ON), None) == (-signal.SIGTERM, "")
        assert received.value("claude.calls") == len(received.events()) == 1

    def test_a_backend_that_does_not_answer_is_not_waited_for(self, api: FakeAPI, tmp_path: Path) -> None:
        """Not for as long as an exporter would try."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            host, port = silent.getsockname()
            backend = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{host}:{port}", "OTEL_EXPORTER_OTLP_TIMEOUT": "600"}
            process = started(
                tmp_path, WAITS["pauses"], api, backend, ON, {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
            )
            assert ended(process)[0] == -signal.SIGTERM

    def test_a_program_that_handles_it_does_so_alone(self, api: FakeAPI, tmp_path: Path) -> None:
        """Its own handler takes the place of ours, and an exit exports as ever."""
        text = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); ready(); signal.pause()"
        with Receiver() as received:
            assert ended(started(tmp_path, text, api, received.environment, ON)) == (7, "")
        assert received.value("claude.calls") == len(received.events()) == 1

    def test_a_server_that_ends_itself_by_the_signal(self, api: FakeAPI, tmp_path: Path) -> None:
        """uvicorn handles SIGTERM, and then raises it anew for the handler that was there before."""
        text = (
            "import uvicorn\n"
            "async def app(scope, receive, send):\n"
            "    while scope['type'] == 'lifespan':\n"
            "        message = await receive()\n"
            "        await send({'type': message['type'] + '.complete'})\n"
            "        if message['type'] == 'lifespan.startup': ready()\n"
            "        else: return client.messages.create(**ask)\n"
            "uvicorn.run(app, port=0, log_level='critical')"
        )
        with Receiver() as received:
            assert ended(started(tmp_path, text, api, received.environment, ON)) == (-signal.SIGTERM, "")
        assert received.value("claude.calls") == len(received.events()) == 2

    def test_a_forked_child_exports_what_is_its_own(self, api: FakeAPI, tmp_path: Path) -> None:
        """And its parent goes on."""
        text = (
            "import warnings; warnings.simplefilter('ignore')\n"
            "mine, childs = os.pipe()\n"
            "pid = os.fork()\n"
            "if not pid:\n"
            "    client.messages.create(**ask); client.messages.create(**ask)\n"
            "    os.write(childs, b'.'); signal.pause()\n"
            "os.read(mine, 1)\n"
            "os.kill(pid, signal.SIGTERM)\n"
            "status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])\n"
            "ready(); sys.exit(-status)"
        )
        with Receiver() as received:
            assert ended(started(tmp_path, text, api, received.environment, ON), None) == (signal.SIGTERM, "")
        assert received.value("claude.calls") == len(received.events()) == 3

    def test_a_run_exports_it_without_the_variable(self, api: FakeAPI, tmp_path: Path) -> None:
        """`claude-otel run` sets it."""
        (tmp_path / "program.py").write_text(START + "os.kill(os.getpid(), signal.SIGTERM); time.sleep(600)")
        done = claude_otel("run", "--json", "-", "--no-report", "python", "program.py", cwd=tmp_path, **api.environment)
        assert done.returncode == -signal.SIGTERM
        assert json.loads(done.stdout)["calls"] == 1


@pytest.fixture
def default() -> Iterator[None]:
    """SIGTERM as a process finds it."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before)


def mine(number: int, frame: Any) -> None:
    """A handler of the application's."""


@pytest.mark.usefixtures("default")
class TestHandler:
    """Whose handler SIGTERM has."""

    @pytest.fixture(autouse=True)
    def on(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.setenv(config.FLUSH_ON_SIGTERM, "1")
        yield
        instrumentor.uninstrument()

    @pytest.mark.parametrize("rounds", [1, 2])
    def test_it_is_ours_while_instrumented(self, rounds: int) -> None:
        """And the default one after that."""
        for _ in range(rounds):
            Exported().instrument()
            assert isinstance(signal.getsignal(signal.SIGTERM), sigterm.Handler)
            instrumentor.uninstrument()
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL

    @pytest.mark.parametrize("value", ["0", "false", ""])
    def test_it_is_left_alone_without_the_variable(self, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
        """Which is the default."""
        monkeypatch.setenv(config.FLUSH_ON_SIGTERM, value)
        Exported().instrument()
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL

    @pytest.mark.parametrize("theirs", [mine, signal.SIG_IGN])
    def test_another_one_stays(self, theirs: Any) -> None:
        """One that handles it, and the will to ignore it."""
        signal.signal(signal.SIGTERM, theirs)
        Exported().instrument()
        assert signal.getsignal(signal.SIGTERM) is theirs

    def test_a_later_one_survives_us(self) -> None:
        """Uninstrumenting takes out only what is ours."""
        Exported().instrument()
        signal.signal(signal.SIGTERM, mine)
        instrumentor.uninstrument()
        assert signal.getsignal(signal.SIGTERM) is mine

    def test_outside_of_the_main_thread_there_is_a_warning(self, caplog: pytest.LogCaptureFixture) -> None:
        """Python lets no other thread handle signals; everything else works."""
        exported = Exported()
        in_thread(exported.instrument)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        assert [record.getMessage() for record in caplog.records] == [
            "CLAUDE_OTEL_FLUSH_ON_SIGTERM has no effect: instrumented outside of the main thread"
        ]
        wire.client().messages.create(**wire.ASK)
        assert len(exported.spans) == 1

    def test_uninstrumented_outside_of_the_main_thread_it_stays(self) -> None:
        """It does no harm."""
        Exported().instrument()
        in_thread(instrumentor.uninstrument)
        assert isinstance(signal.getsignal(signal.SIGTERM), sigterm.Handler)


def in_thread(function: Callable[[], object]) -> None:
    """Calls `function` in another thread."""
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


class Provider:
    """A provider whose last export takes as long as it is told, or fails."""

    def __init__(self, wait: float = 0.0, fails: bool = False) -> None:
        self.wait, self.fails, self.flushed = wait, fails, False

    def force_flush(self) -> None:
        time.sleep(self.wait)
        if self.fails:
            raise RuntimeError("the backend's")
        self.flushed = True


def test_one_backend_that_is_down_does_not_keep_the_others_waiting(
    monkeypatch: pytest.MonkeyPatch, failures: list[str]
) -> None:
    """Neither one that hangs nor one that fails."""
    monkeypatch.setattr(flush, "SECONDS", 0.2)
    hangs, fails, works = Provider(wait=30), Provider(fails=True), Provider()
    flush.LastExport((hangs, fails, works))()
    assert (hangs.flushed, works.flushed) == (False, True)
    assert failures == ['end: RuntimeError("the backend\'s")']
    failures.clear()


def test_the_global_providers_are_found_when_they_are_needed() -> None:
    """Without any there is nothing to do."""
    flush.LastExport((None, None, None))()
