"""The last run is kept for `claude-otel report`: whole, for this user only, bounded, and without content."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from claude_otel import telemetry
from claude_otel.cli import browser, last_run
from claude_otel.cli.call_files import calls_in_order, calls_of, line_of
from claude_otel.cli.document import document
from claude_otel.cli.finished import Finished
from claude_otel.cli.health import FAILURES, QUEUED, Health
from claude_otel.cli.last_run import Keeper
from claude_otel.cli.otlp import Event, Point
from claude_otel.cli.record import read
from claude_otel.cli.report import Report
from claude_otel.fakeapi import FakeAPI
from cli_child import chat, claude_otel, emitting, event, failed
from html_page import parsed

BEGIN = 1_795_000_000.0


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where runs are kept."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "claude-otel"


def finished(report: Report, health: Health | None = None) -> Finished:
    return Finished(["app"], 0, 1.0, report, health or Health())


def kept(events: list[Event], health: Health | None = None, each: int = 10) -> tuple[Report, Keeper]:
    """A run with these calls, which came `each` at a time, after it has ended: its report, and what keeps it."""
    report, keeper = Report(), Keeper(last_run.place())
    for number in range(0, len(events), each):
        for one in events[number : number + each]:
            report.add(read(one))
        keeper.keep(events[number : number + each])
    assert keeper.finish(finished(report, health))
    return report, keeper


class TestReport:
    """What `claude-otel report` says is what `claude-otel run` said."""

    def test_text_json_and_page(self, tmp_path: Path) -> None:
        """Of the last run that made calls."""
        env = {"XDG_STATE_HOME": str(tmp_path)}
        calls = [chat(), failed(), chat(miss_reason="expired", missed_cost=0.1)]
        ended = claude_otel("run", "--quiet", "--json", str(tmp_path / "r.json"), *emitting(*calls), **env)
        claude_otel("run", "true", **env)
        again = claude_otel("report", **env)
        assert again.stdout.splitlines() == ended.stderr.splitlines()[1:]
        assert json.loads(claude_otel("report", "--json", **env).stdout) == json.loads(
            (tmp_path / "r.json").read_text()
        )
        written = claude_otel("report", "--html", str(tmp_path / "r.html"), **env)
        assert written.stderr == f"The page: {tmp_path / 'r.html'}\n"
        tree = parsed((tmp_path / "r.html").read_text())
        assert tree.figures()["calls"] == "3, 1 error (33%)"
        assert len(tree.named("figure")) == 0

    def test_more_calls_than_samples(self, state: Path) -> None:
        """Percentiles of a random sample are the same ones again."""
        events = [event(chat(duration=(n * 7919 % 6007) / 100, surface=f"s{n % 3}"), at=BEGIN + n) for n in range(6000)]
        report, _ = kept(events)
        again = last_run.last_run()
        assert document(again) == document(finished(report))
        assert document(again)["latency_seconds"]["duration"]["exact"] is False
        assert [span.cost for _, span in again.report.timeline.spans] == [
            span.cost for _, span in report.timeline.spans
        ]

    def test_health_is_kept(self, state: Path) -> None:
        """What the telemetry said of itself."""
        health = Health()
        health.requests = 1
        health.add(Point(FAILURES, "p1", {telemetry.COMPONENT: "stream"}, 2))
        health.add(Point(QUEUED, "p1", {telemetry.ERROR_TYPE: "queue_full"}, 7))
        kept([event(chat())], health)
        again = last_run.last_run()
        assert document(again)["telemetry"] == {"instrumentation_errors": {"stream": 2}, "lost_events": 7}

    def test_a_program_that_was_killed(self, tmp_path: Path) -> None:
        """Its note is there again."""
        script = tmp_path / "dies.py"
        script.write_text(
            "import os\nfrom cli_child import chat\nfrom emit_calls import emit\nfrom opentelemetry._logs import *\n"
            "emit([chat()])\nget_logger_provider().force_flush()\nos.kill(os.getpid(), 9)\n"
        )
        env = {"XDG_STATE_HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parent)}
        claude_otel("run", "python", str(script), **env)
        assert claude_otel("report", **env).stdout.endswith(
            "It was ended by SIGKILL: what it did last may be missing.\n"
        )

    def test_calls_of_the_stack(self, tmp_path: Path) -> None:
        """The same from what the Collector has written."""
        (tmp_path / "calls.jsonl").write_text(line_of([event(chat(), at=BEGIN), event(failed(), at=BEGIN + 90)]) + "\n")
        ended = claude_otel("report", "--dir", str(tmp_path))
        assert ended.stdout.splitlines()[0] == "claude-otel  app  90.0s"
        assert "  calls       2, 1 error (50%)" in ended.stdout
        told = json.loads(claude_otel("report", "--json", "--dir", str(tmp_path)).stdout)
        assert (told["command"], told["exit_code"], told["seconds"]) == ([], None, 90.0)

    def test_a_kept_run_is_found_by_calls(self, state: Path) -> None:
        """By request id."""
        kept([event(chat(request_id=f"req_{n}"), at=BEGIN + n) for n in range(30)])
        found = claude_otel("calls", "--request-id", "req_17", "--dir", str(last_run.place()))
        assert found.stdout.endswith(" req_17\n")


class TestKeeping:
    """On disk."""

    def test_only_this_user_may_read_it(self, state: Path) -> None:
        """Folder, calls, facts and page, whatever the umask."""
        before = os.umask(0)
        try:
            kept([event(chat())])
            claude_otel("report", "--open", XDG_STATE_HOME=str(state.parent), CI="true")
        finally:
            os.umask(before)
        modes = {
            path.name: stat.S_IMODE(path.stat().st_mode) for path in [last_run.place(), *last_run.place().iterdir()]
        }
        assert modes == {"last-run": 0o700, "calls.jsonl": 0o600, "run.json": 0o600, "page.html": 0o600}

    def test_no_content_is_kept(self, tmp_path: Path) -> None:
        """Of a real call: nothing of prompt, answer or key, and no attribute that is not in the table."""
        script = tmp_path / "app.py"
        script.write_text(
            "import anthropic\n"
            "ask = {'role': 'user', 'content': 'my secret question'}\n"
            "client = anthropic.Anthropic(api_key='sk-ant-api03-secret')\n"
            "client.messages.create(model='claude-opus-5-5', max_tokens=50, system='hidden', messages=[ask])\n"
        )
        with FakeAPI(script=[{"answer": {"text": "the answer to it"}}]) as api:
            command = ["run", "python", str(script), "sk-ant-api03-argument"]
            claude_otel(*command, XDG_STATE_HOME=str(tmp_path), **api.environment)
            assert len(api.journal.completed) == 1
        files = list((tmp_path / "claude-otel" / "last-run").iterdir())
        told = "".join(path.read_text() for path in files)
        assert api.journal.completed[0].request_id in told  # type: ignore[operator]
        for private in ("secret", "hidden", "the answer", "argument"):
            assert private not in told.replace(str(tmp_path), "")
        names = {name for each in calls_in_order(files[0].parent) for name in each.attributes}
        assert names - {each.name for each in telemetry.ATTRIBUTES} == set()

    def test_values_come_back_as_they_were(self) -> None:
        """Of every type, and times to the last bit."""
        values: dict[str, Any] = {
            "a": 1, "b": 0.1, "c": "ü\"\n\u2028", "d": True, "e": ["x", 2], "f": {"m": 0.25}, "g": None, "h": -3,
        }  # fmt: skip
        events = [Event(BEGIN + n / 7, "ab" * 16, {"service.name": f"s{n // 2}"}, values) for n in range(5)]
        assert calls_of(line_of(events)) == events

    def test_it_is_bounded(self, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The newest calls are kept, and the report says how many are not."""
        monkeypatch.setattr(last_run, "FILE_BYTES", 20_000)
        events = [event(chat(request_id=f"req_{n}"), at=BEGIN + n) for n in range(400)]
        _, keeper = kept(events)
        folder = last_run.place()
        assert len(list(folder.glob("calls*.jsonl"))) == last_run.MOST_FILES
        assert sum(path.stat().st_size for path in folder.iterdir()) < 150_000
        again = last_run.last_run()
        assert again.report.calls == 400 - keeper.left_out < 400
        assert again.left_out == keeper.left_out
        ids = [each.attributes[telemetry.REQUEST_ID] for each in calls_in_order(folder)]
        assert ids == [f"req_{n}" for n in range(keeper.left_out, 400)]
        assert again.notes() == [f"The first {keeper.left_out} calls are no longer kept: they are not in this report."]

    def test_what_killed_runs_left_is_removed_and_what_runs_is_not(self, state: Path) -> None:
        """A folder that nobody holds locked is left over."""
        running = Keeper(last_run.place())
        running.keep([event(chat(request_id="req_running"))])
        left = state / "running-left"
        left.mkdir()
        (left / "calls.jsonl").write_text("")
        kept([event(chat(request_id="req_short"))])
        assert not left.exists()
        assert running.finish(finished(Report()))
        (only,) = calls_in_order(last_run.place())
        assert only.attributes[telemetry.REQUEST_ID] == "req_running"
        assert [path.name for path in state.iterdir()] == ["last-run"]

    def test_a_run_that_cannot_be_kept_is_a_run(self, tmp_path: Path) -> None:
        """With its report, and a line that says so."""
        (tmp_path / "file").write_text("")
        ended = claude_otel("run", *emitting(chat()), XDG_STATE_HOME=str(tmp_path / "file"))
        assert ended.returncode == 0
        assert "  calls       1, 0 errors" in ended.stderr
        assert "this run is not kept for `claude-otel report` (Not a directory: " in ended.stderr.splitlines()[-1]


class TestOpening:
    """`--open` shows the page, or says where it is."""

    @pytest.mark.parametrize(
        ("env", "said"),
        [
            ({"CI": "true", "DISPLAY": ":0"}, "this is CI"),
            ({"SSH_CONNECTION": "a b c d", "DISPLAY": ":0"}, "this is another machine's terminal"),
            ({}, "there is no graphical session"),
            ({"DISPLAY": ":0"}, ""),
            ({"WAYLAND_DISPLAY": "wayland-0"}, ""),
        ],
    )
    def test_where_a_browser_is_expected(self, env: dict[str, str], said: str) -> None:
        """On macOS without a display too."""
        assert browser.no_browser(env, "linux") == said
        assert browser.no_browser(env, "darwin") == said.replace("there is no graphical session", "")

    def test_without_a_browser_the_page_is_named(self, tmp_path: Path) -> None:
        """After the report, and it is there."""
        ended = claude_otel("run", "--open", *emitting(chat()), XDG_STATE_HOME=str(tmp_path), CI="true")
        page = tmp_path / "claude-otel" / "last-run" / "page.html"
        assert ended.stderr.splitlines()[-1] == f"The page: {page} (this is CI: open it yourself, or copy it)"
        assert parsed(page.read_text()).figures()["calls"] == "1, 0 errors"

    def test_a_browser_gets_the_page(self, tmp_path: Path) -> None:
        """As a file, with the signals that it would have without us, and what it prints is not shown."""
        program = tmp_path / "browser"
        program.write_text(
            f"#!{sys.executable}\nimport signal, sys\nprint('noise', flush=True)\n"
            f"open({str(tmp_path / 'seen')!r}, 'w').write(f'{{sys.argv[1]}} {{signal.pthread_sigmask(0, [])}}')\n"
        )
        program.chmod(0o700)
        env = {"XDG_STATE_HOME": str(tmp_path), "DISPLAY": ":0", "BROWSER": str(program), "SSH_CONNECTION": ""}
        ended = claude_otel("run", "--open", *emitting(chat()), **env)
        page = tmp_path / "claude-otel" / "last-run" / "page.html"
        assert ended.stderr.splitlines()[-1] == f"The page: {page}"
        assert "noise" not in ended.stderr + ended.stdout
        assert (tmp_path / "seen").read_text() == f"{page.as_uri()} set()"

    def test_a_browser_that_fails(self, tmp_path: Path) -> None:
        """Is no browser."""
        env = {"XDG_STATE_HOME": str(tmp_path), "DISPLAY": ":0", "BROWSER": "/bin/false", "SSH_CONNECTION": ""}
        claude_otel("run", *emitting(chat()), **env)
        ended = claude_otel("report", "--open", PATH=str(tmp_path), **env)
        assert "(no browser could be started: open it yourself" in ended.stderr

    def test_a_place_that_cannot_be_written_to_is_found_before_the_program_starts(self, tmp_path: Path) -> None:
        """And the program is not started."""
        (tmp_path / "file").write_text("")
        env = {"XDG_STATE_HOME": str(tmp_path / "file")}
        ended = claude_otel("run", "--open", "touch", "started", cwd=tmp_path, **env)
        assert ended.returncode == 125
        assert "Name another place: XDG_STATE_HOME=DIR" in ended.stderr
        assert not (tmp_path / "started").exists()


class TestProblems:
    """One message that says what, where and the remedy."""

    def report(self, tmp_path: Path, *options: str) -> subprocess.CompletedProcess[str]:
        ended = claude_otel("report", *options, XDG_STATE_HOME=str(tmp_path))
        assert (ended.returncode, ended.stderr.count("\n")) == (125, 1)
        return ended

    def test_no_run_is_kept(self, tmp_path: Path) -> None:
        """With the command that makes one."""
        assert "no run is kept in" in self.report(tmp_path).stderr
        assert "Make one: claude-otel run PROGRAM" in self.report(tmp_path).stderr

    def test_facts_that_cannot_be_read(self, tmp_path: Path) -> None:
        """Are no run."""
        folder = tmp_path / "claude-otel" / "last-run"
        folder.mkdir(parents=True)
        for text in ("", "[]", "{}", '{"command": 3}'):
            (folder / "run.json").write_text(text)
            assert "no run is kept in" in self.report(tmp_path).stderr

    def test_since_is_for_the_stack(self, tmp_path: Path) -> None:
        """The last run is reported whole."""
        assert "--since goes with --dir" in self.report(tmp_path, "--since", "1h").stderr

    def test_nothing_since(self, tmp_path: Path) -> None:
        """Calls that are older."""
        (tmp_path / "calls.jsonl").write_text(line_of([event(chat(), at=BEGIN - 1e8)]) + "\n")
        said = self.report(tmp_path, "--dir", str(tmp_path), "--since", "1h").stderr
        assert "ended within 1h. Look further back: --since 1d" in said

    def test_a_page_that_cannot_be_written(self, tmp_path: Path) -> None:
        """With the place and the remedy."""
        claude_otel("run", *emitting(chat()), XDG_STATE_HOME=str(tmp_path))
        said = self.report(tmp_path, "--html", str(tmp_path / "none" / "page.html")).stderr
        assert "cannot write the page to" in said
        assert "No such file or directory. Name a file in a directory that exists" in said
