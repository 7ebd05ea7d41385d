"""The program that is run: started as a shell would start it, given every signal, waited for.

The program shares our process group, stdin, stdout and stderr, so that a terminal treats both as one job.
Signals are blocked here and waited for, which leaves no moment in which one is lost; the program starts with
the signal mask and dispositions that we were started with.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from claude_otel.cli.problem import Problem

FORWARDED = frozenset(
    {
        signal.SIGINT,
        signal.SIGTERM,
        signal.SIGHUP,
        signal.SIGQUIT,
        signal.SIGUSR1,
        signal.SIGUSR2,
        signal.SIGTSTP,
    }
)
"""The signals that the program gets when we get them."""

AWAITED = FORWARDED | {signal.SIGCHLD}

PYTHON_IGNORES = (signal.SIGPIPE, signal.SIGXFSZ)
"""Signals that Python sets to be ignored, which the program must not inherit."""


@contextmanager
def blocked_signals() -> Iterator[set[signal.Signals]]:
    """Keeps the awaited signals for `wait`; yields the mask of before. Enter it before starting threads."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, AWAITED)
    on_child = signal.signal(signal.SIGCHLD, lambda *_: None)
    try:
        yield {signal.Signals(number) for number in before}
    finally:
        signal.signal(signal.SIGCHLD, on_child)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def executable(program: str, path: str) -> str:
    """The file that `program` names, looked for on `path`. Raises `Problem` as a shell would: 127 or 126."""
    found = shutil.which(program, path=path)
    if found:
        return found
    if os.path.dirname(program) and os.path.exists(program):
        fault = "it is a directory" if os.path.isdir(program) else "it is not executable"
        raise Problem(f"cannot run {program!r}: {fault}. {remedy(program)}", 126)
    raise Problem(f"cannot run {program!r}: {absence(program)}. {remedy(program)}", 127)


def absence(program: str) -> str:
    """Why `program` was not found."""
    return "there is no such file" if os.path.dirname(program) else "there is no such program on PATH"


def remedy(program: str) -> str:
    """What to do about a program that cannot be run."""
    if os.path.isfile(program) and program.endswith(".py"):
        return f"Run it with Python: claude-otel run python {program}"
    if os.path.isfile(program):
        path = program if os.path.dirname(program) else os.path.join(".", program)
        return f"Make it executable and name it with its directory: chmod +x {path}; claude-otel run {path}"
    return "Check its spelling, or give its path."


def start(command: list[str], env: Mapping[str, str], mask: set[signal.Signals]) -> int:
    """The process id of `command`, started with `env` and the signal mask `mask`."""
    file = executable(command[0], env.get("PATH", os.defpath))
    try:
        return os.posix_spawn(file, command, env, setsigmask=mask, setsigdef=PYTHON_IGNORES)
    except OSError as error:
        raise Problem(
            f"cannot run {file!r}: {error.strerror}. Is it a program, or a script with a #! line?", 126
        ) from None


def wait(pid: int, pause: Callable[[], None], resume: Callable[[], None]) -> int:
    """The exit status of `pid`, as `os.waitpid` has it. Until then every signal that comes is passed on.

    `pause` and `resume` are called before and after our own stop by the terminal (Ctrl-Z).
    """
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status
        number, from_terminal = next_signal()
        if number in FORWARDED and not from_terminal:
            os.kill(pid, number)
        if number == signal.SIGTSTP:
            pause()
            os.kill(os.getpid(), signal.SIGSTOP)
            resume()


def next_signal() -> tuple[int, bool]:
    """The next signal, and whether the terminal sent it, which then has sent it to the program as well."""
    if sys.platform == "darwin":  # has no sigwaitinfo: a terminal's signals come to a foreground job
        return signal.sigwait(AWAITED), in_foreground()
    info = signal.sigwaitinfo(AWAITED)
    return info.si_signo, info.si_code > 0


def in_foreground() -> bool:
    """Whether we are the job that a terminal's keys send signals to."""
    try:
        return os.tcgetpgrp(sys.stderr.fileno()) == os.getpgrp()
    except OSError:
        return False


def exit_code(status: int) -> int:
    """The exit status as a shell shows it: 128 + N for the signal N."""
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code


def ending(status: int) -> str:
    """The exit status in words: `exit code 3`, `SIGTERM`."""
    code = os.waitstatus_to_exitcode(status)
    return f"exit code {code}" if code >= 0 else f"ended by {signal.Signals(-code).name}"


def was_killed(status: int) -> bool:
    """Whether a signal ended the program before it could finish what it was doing; on SIGINT Python does."""
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) != signal.SIGINT


def end_like(status: int) -> None:
    """Ends this process as the program ended: with its exit code, or by the same signal."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        die_by(-code)
    sys.exit(exit_code(status))


def die_by(number: int) -> None:
    """Ends this process by the signal `number`, without a core of its own. Returns if it cannot be."""
    sys.stdout.flush()
    sys.stderr.flush()
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    os.kill(os.getpid(), number)
