"""`claude-otel run`: the program is left alone, and its calls are seen."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from cli_child import TESTS, chat, claude_otel, command, emitting, environment, failed, report_of

WAITS = str(TESTS / "cli_programs" / "waits.py")


def script(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


class TestOutput:
    """What is shown, and where."""

    def test_lines_and_report_are_on_stderr(self) -> None:
        """A line for each call, in order, then the report."""
        ended = claude_otel("run", *emitting(chat(), failed()))
        lines = ended.stderr.splitlines()
        assert lines[0].startswith("claude-opus-5-5 chat checkout-chat 1.24s ttft 0.41s in 12.3k (94% cached)")
        assert lines[1].startswith("claude-opus-5-5 chat checkout-chat 0.82s 529 overloaded_error provider")
        assert "  calls       2, 1 error (50%)" in lines
        assert ended.stdout == ""

    def test_without_a_terminal_there_are_no_escape_codes(self) -> None:
        """A log file gets plain lines."""
        assert "\x1b" not in claude_otel("run", *emitting(chat(), failed()), TERM="xterm").stderr

    def test_quiet_shows_only_the_report(self) -> None:
        """No line for each call."""
        ended = claude_otel("run", "--quiet", *emitting(chat()))
        assert ended.stderr.splitlines()[1].startswith("claude-otel  python ")

    def test_no_report(self) -> None:
        """Only the lines."""
        assert len(claude_otel("run", "--no-report", *emitting(chat())).stderr.splitlines()) == 1

    def test_json_to_a_file(self, tmp_path: Path) -> None:
        """The file holds one document."""
        report = report_of(emitting(chat(), failed()), tmp_path / "report.json")
        assert (report["calls"], report["errors"]["by_blame"]) == (2, {"provider": 1})

    def test_json_to_stdout_comes_after_the_programs_own_output(self) -> None:
        """The program's output is its own, the report is the rest."""
        ended = claude_otel("run", "--json", "-", "sh", "-c", "echo mine")
        own, _, rest = ended.stdout.partition("\n")
        assert own == "mine"
        assert json.loads(rest)["calls"] == 0

    def test_options_after_the_program_are_the_programs(self) -> None:
        """`--json` there is no option of ours."""
        assert claude_otel("run", "echo", "--json", "--help").stdout == "--json --help\n"


class TestProgram:
    """The program cannot tell that it is run by us, save by its environment."""

    @pytest.mark.parametrize("code", [0, 1, 3, 255])
    def test_its_exit_code_is_ours(self, code: int) -> None:
        """Whatever it is."""
        assert claude_otel("run", "sh", "-c", f"exit {code}").returncode == code

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGABRT, signal.SIGINT])
    def test_we_end_by_the_signal_that_ended_it(self, number: signal.Signals) -> None:
        """A shell shows 128 + N for both."""
        assert claude_otel("run", "sh", "-c", f"kill -{int(number)} $$").returncode == -number

    def test_a_program_that_fails_has_its_report(self, tmp_path: Path) -> None:
        """The calls before the failure are what one wants to see."""
        text = "from cli_child import chat\nfrom emit_calls import emit\nemit([chat()])\nraise SystemError\n"
        ended = claude_otel("run", "python", str(script(tmp_path / "fails.py", text)), PYTHONPATH=str(TESTS))
        assert ended.returncode == 1
        assert "SystemError" in ended.stderr
        assert "1, 0 errors" in ended.stderr

    def test_stdin_stdout_and_stderr_are_its_own(self) -> None:
        """Bytes go through untouched, and nothing of ours is among those of stdout."""
        ended = subprocess.run(
            command("run", "--no-report", "sh", "-c", "cat; echo err >&2"),
            input=b"in\x00\xff", capture_output=True, env=environment(), timeout=180, check=False,
        )  # fmt: skip
        assert (ended.stdout, ended.stderr) == (b"in\x00\xff", b"err\n")

    def test_ignored_signals_and_open_files_are_as_a_shell_starts_it(self) -> None:
        """SIGPIPE ends a program that writes to nobody, and an inherited descriptor is there."""
        shell = " ".join(command("run", "--no-report", "sh", "-c")) + " 'trap; cat <&5; yes' 5<<X | head -1\nfive\nX\n"
        ended = subprocess.run(
            ["sh", "-c", shell], capture_output=True, text=True, env=environment(), timeout=180, check=False
        )
        assert (ended.stdout, ended.stderr) == ("five\n", "")

    def test_its_children_are_seen_too(self, tmp_path: Path) -> None:
        """A Python program that is started by another."""
        path = script(
            tmp_path / "outer.py", "import subprocess, sys\nsubprocess.run([sys.executable, *sys.argv[2:]])\n"
        )
        seen = report_of(["python", str(path), *emitting(chat())], tmp_path / "report.json")
        assert seen["calls"] == 1

    def test_a_user_s_exporter_settings_are_overridden(self, tmp_path: Path) -> None:
        """A Collector that is configured gets nothing of a run, and does not keep it from being seen."""
        settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_LOGS_EXPORTER": "none"}
        assert report_of(emitting(chat()), tmp_path / "report.json", **settings)["calls"] == 1

    def test_what_is_sent_just_before_the_end_is_seen(self, tmp_path: Path) -> None:
        """Nothing that an exporter delivers is lost, however much it is."""
        assert report_of(["python", str(TESTS / "emit_many.py"), "3000"], tmp_path / "r.json")["calls"] == 3000


class TestSignals:
    """Signals that we get are the program's."""

    def started(self, how: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command("run", "--no-report", "python", WAITS, how), env=environment(),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout
        assert process.stdout.readline().startswith("ready ")
        return process

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_it_decides_how_to_end(self, number: signal.Signals) -> None:
        """Its handler runs once, takes its time, and its exit code is ours."""
        process = self.started("exits")
        process.send_signal(number)
        out, _ = process.communicate(timeout=120)
        assert out.splitlines() == [f"got {number.name}", "exits after 1"]
        assert process.returncode == 7

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
    def test_one_that_it_does_not_handle_ends_both(self, number: signal.Signals) -> None:
        """By the same signal."""
        process = self.started("dies")
        process.send_signal(number)
        process.communicate(timeout=120)
        assert process.returncode == -number

    def test_others_are_passed_on_as_well(self) -> None:
        """gunicorn reloads on SIGHUP, and many a program does something on SIGUSR1."""
        process = self.started("exits")
        assert process.stdout
        for number in (signal.SIGHUP, signal.SIGUSR1):
            process.send_signal(number)
            assert process.stdout.readline() == f"got {number.name}\n"
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)
        assert process.returncode == 7

    def test_ctrl_c_of_a_terminal_reaches_it_once(self) -> None:
        """The terminal sends it to both of us; we do not send it again."""
        pid, terminal = os.forkpty()
        if pid == 0:
            os.execve(command()[0], command("run", "--no-report", "python", WAITS, "exits"), environment())
        assert b"ready" in read_until(terminal, b"ready")
        os.write(terminal, b"\x03")
        shown = read_until(terminal, b"exits after")
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
        os.close(terminal)
        assert b"exits after 1" in shown


def read_until(terminal: int, mark: bytes) -> bytes:
    """What the terminal shows up to the line with `mark`."""
    shown = b""
    while mark not in shown or not shown.endswith(b"\n"):
        shown += os.read(terminal, 4096)
    return shown


class TestProblems:
    """One message that says what, where and the remedy."""

    @pytest.mark.parametrize(
        ("program", "code", "said"),
        [
            ("no-such-program", 127, "there is no such program on PATH. Check its spelling, or give its path."),
            ("./none", 127, "there is no such file."),
            ("./", 126, "it is a directory."),
            ("./plain.py", 126, "it is not executable. Run it with Python: claude-otel run python ./plain.py"),
            ("plain.py", 127, "Run it with Python: claude-otel run python plain.py"),
            ("./broken", 126, "Exec format error. Is it a program, or a script with a #! line?"),
        ],
    )
    def test_a_program_that_cannot_be_run(self, tmp_path: Path, program: str, code: int, said: str) -> None:
        """With the exit codes of a shell."""
        script(tmp_path / "plain.py", "")
        script(tmp_path / "broken", "no program").chmod(stat.S_IRWXU)
        ended = claude_otel("run", program, cwd=tmp_path)
        assert (ended.returncode, ended.stderr.count("\n")) == (code, 1)
        assert ended.stderr.startswith("claude-otel: cannot run ")
        assert said in ended.stderr

    def test_a_report_that_cannot_be_written_is_found_before_the_program_starts(self, tmp_path: Path) -> None:
        """And the program is not started."""
        ended = claude_otel("run", "--json", str(tmp_path / "none" / "r.json"), "touch", "started", cwd=tmp_path)
        assert ended.returncode == 125
        assert "none/r.json': No such file or directory. Name a file in a directory that exists" in ended.stderr
        assert not (tmp_path / "started").exists()

    def test_no_program(self) -> None:
        """The usage is shown."""
        ended = claude_otel("run")
        assert ended.returncode == 2
        assert "Missing argument" in ended.stderr

    @pytest.mark.parametrize(
        ("arguments", "env", "said"),
        [
            (["python", "-c", "pass"], {}, "no call to Claude through the `anthropic` package was seen"),
            (["python", "-S", "-c", "pass"], {}, "Python was started with -S"),
            (["python", "-Ic", "pass"], {}, "Python was started with -I"),
            (["true"], {}, "Only Python programs are seen"),
            (["python", "-c", "pass"], {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "a,claude"}, "take `claude` out of"),
        ],
    )
    def test_nothing_seen(self, arguments: list[str], env: dict[str, str], said: str) -> None:
        """Why, as far as it can be told, and what to do."""
        ended = claude_otel("run", *arguments, **env)
        assert ended.returncode == 0
        assert said in ended.stderr

    def test_another_python_is_named(self, tmp_path: Path) -> None:
        """With the command that installs us there."""
        python = tmp_path / "python3"
        script(python, "#!/bin/sh\nexit 0\n").chmod(stat.S_IRWXU)
        assert f"{python} -m pip install claude-otel" in claude_otel("run", str(python), "app.py").stderr
