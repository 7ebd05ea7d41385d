"""What a terminal shows: lines in rows of their own, a live total in the last row, and no trace of it afterwards."""

from __future__ import annotations

import fcntl
import os
import re
import struct
import termios

import pytest

from cli_child import TESTS, chat, command, emitting, environment

STREAMS = str(TESTS / "cli_programs" / "streams.py")
UNINSTRUMENTED = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "claude"}
"""The programs here emit by themselves, and start faster without."""


def on_terminal(*arguments: str, columns: int = 100, rows: int = 24, **env: str) -> str:
    """Everything that `claude-otel` with `arguments` writes to a terminal of this size."""
    pid, terminal = os.forkpty()
    if pid == 0:
        os.execve(command()[0], command(*arguments), environment(TERM="xterm-256color", **UNINSTRUMENTED, **env))
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    shown = b""
    while True:
        try:
            shown += os.read(terminal, 4096)
        except OSError:
            break
    os.waitpid(pid, 0)
    os.close(terminal)
    return shown.decode()


def test_the_last_row_is_kept_for_the_total_and_given_back() -> None:
    """The scroll region ends above it, and is the whole terminal again in the end."""
    shown = on_terminal("run", "python", STREAMS)
    assert "\x1b[1;23r" in shown
    totals = re.findall(r"\x1b7\x1b\[24;1H\x1b\[0m\x1b\[K.*?( claude-otel .*?)\x1b\[0m\x1b8", shown)
    assert any("2 calls · $0.0264" in total for total in totals)
    after = shown.rpartition("\x1b[r")[2]
    assert "claude-otel " in after
    assert "\x1b[24;1H" not in after


def test_a_line_starts_in_the_first_column_whatever_the_program_has_written() -> None:
    """As many blanks as there are columns wrap the cursor, or leave it where it is."""
    shown = on_terminal("run", "python", STREAMS)
    assert shown.count(" " * 100 + "\r\x1b[K") >= 2


def test_a_small_terminal_has_no_total() -> None:
    """There would be no room for anything else."""
    assert "r\x1b8" not in on_terminal("run", "--no-report", "python", STREAMS, rows=4)


@pytest.mark.parametrize("variable", ["NO_COLOR", "CI"])
def test_no_escape_codes_where_none_are_wanted(variable: str) -> None:
    """Not one."""
    shown = on_terminal("run", *emitting(chat()), **{variable: "1"})
    assert "claude-opus-5-5 chat checkout-chat" in shown
    assert "\x1b" not in shown


def test_quiet_leaves_the_terminal_alone_until_the_report() -> None:
    """No total either."""
    shown = on_terminal("run", "--quiet", "python", STREAMS)
    assert "\x1b7" not in shown
    assert "calls" in shown
