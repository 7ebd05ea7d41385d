"""`make test-hostile`, the other half: bugs that are planted in copies of the package, which the loop has to find.

    python -m hostile.planted

In the copy without a bug it has to find nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree, ignore_patterns
from tempfile import TemporaryDirectory

TESTS = Path(__file__).parents[1]
PACKAGE = TESTS.parent / "src" / "claude_otel"

ANSWERS = 4_000
"""How many answers the loop may need to find a bug, and serves without a finding where there is none."""

SEED = "planted"


@dataclass(frozen=True)
class Change:
    """A text of a file, and what it becomes, everywhere in the file."""

    file: str
    old: str
    new: str
    times: int = 1


@dataclass(frozen=True)
class Bug:
    """A bug: the changes that make it, and a part of what is to be found."""

    name: str
    changes: tuple[Change, ...]
    found: str


UNGUARDED = Change(
    "bodies.py",
    """                    tell(call, item)
            except Exception:
                guard.failed("stream")
""",
    """                    tell(call, item)
            except ZeroDivisionError:
                guard.failed("stream")
""",
    times=2,
)

BUGS = (
    Bug(
        "negative usage is booked",
        (Change("usage.py", "type(value) is int and 0 < value <= MOST", "type(value) is int and value <= MOST"),),
        "gen_ai.usage.",
    ),
    Bug(
        "usage that no exporter can send is booked",
        (Change("usage.py", "type(value) is int and 0 < value <= MOST", "type(value) is int and value > 0"),),
        "gen_ai.usage.",
    ),
    Bug(
        "an exception of ours comes out of a stream that is no UTF-8",
        (
            UNGUARDED,
            Change("sse.py", "json.loads(line[5:])", "json.loads(line[5:].decode())"),
            Change("sse.py", "except (ValueError, RecursionError)", "except json.JSONDecodeError"),
        ),
        "result: without us",
    ),
    Bug(
        "a failure of ours that the guard keeps from the application",
        (Change("sse.py", "except (ValueError, RecursionError)", "except ValueError"),),
        "failed: ",
    ),
    Bug(
        "an event of no known type is swallowed",
        (
            Change(
                "bodies.py",
                "            yield item\n    except",
                "            if getattr(item, 'type', 1):\n                yield item\n    except",
                times=2,
            ),
        ),
        "items: without us",
    ),
    Bug(
        "a piece of the body is read ahead",
        (
            Change(
                "bodies.py",
                "    try:\n        for item in within(",
                "    try:\n        items = (item for item in [*items])\n        for item in within(",
            ),
        ),
        "without us",
    ),
    Bug(
        "the exception of the SDK gets a note",
        (
            Change(
                "seam.py",
                "                call.fails(error)\n                raise",
                "                call.fails(error)\n                error.__notes__ = ['ours']\n                raise",
                times=2,
            ),
        ),
        "result: without us",
    ),
    Bug(
        "the exception of the SDK loses what it came from",
        (
            Change(
                "seam.py",
                "                call.fails(error)\n                raise",
                "                call.fails(error)\n                raise error from None",
                times=2,
            ),
        ),
        "result: without us",
    ),
    Bug(
        "a warning for an id that is too long",
        (
            Change(
                "headers.py",
                "            parts[field] = value.decode(",
                '            if len(value) > 128:\n                __import__("warnings").warn("long", stacklevel=2)\n'
                "            parts[field] = value.decode(",
            ),
        ),
        "warned: without us",
    ),
    Bug(
        "a log record in the face of the application",
        (
            Change(
                "blame.py",
                "    if not isinstance(error, dict):\n",
                "    if not isinstance(error, dict):\n"
                "        __import__('logging').getLogger('claude_otel').warning('no error in the body')\n",
            ),
        ),
        "logged: ",
    ),
    Bug(
        "the span of a stream that is cut does not end",
        (Change("call.py", '            self.ends("truncated", blame.CUT)', "            pass"),),
        "spans of ours",
    ),
    Bug(
        "a call is ended twice",
        (
            Change("call.py", "on_end = self.on_end.pop()", "on_end = self.on_end[-1]"),
            Change("call.py", "        self.on_end = NOBODY\n", ""),
        ),
        "events of 1 calls",
    ),
    Bug(
        "content passes for a name",
        (Change("usage.py", " or len(value) > SHORT", ""),),
        " on a event",
    ),
    Bug(
        "a cut stream is called completed",
        (
            Change(
                "call.py",
                '        if self.stopped or self.origin.operation != "chat":',
                "        if self.begun or True:",
            ),
        ),
        "outcome completed",
    ),
)


def planted(bug: Bug | None, file: str) -> str:
    """The text of a file of the package with `bug` in it."""
    text = (PACKAGE / file).read_text(encoding="utf-8")
    for change in bug.changes if bug is not None else ():
        if change.file == file:
            found = text.count(change.old)
            if found != change.times:
                name = bug.name if bug is not None else ""
                raise AssertionError(f"{name}: {file} has {found} times, not {change.times}:\n{change.old}")
            text = text.replace(change.old, change.new)
    return text


def plant(bug: Bug | None, folder: Path) -> None:
    """Makes a copy of the package in `folder`, with `bug` in it."""
    copytree(PACKAGE, folder / "claude_otel", ignore=ignore_patterns("__pycache__"))
    for file in {change.file for change in bug.changes} if bug is not None else ():
        (folder / "claude_otel" / file).write_text(planted(bug, file), encoding="utf-8")


def looked_for(bug: Bug | None) -> str:
    """Runs the loop on a copy with `bug` in it: what is wrong with what it found, or nothing."""
    name = bug.name if bug is not None else "no bug"
    with TemporaryDirectory() as folder:
        try:
            plant(bug, Path(folder))
        except AssertionError as error:
            return f"cannot be planted: {error}"
        path = os.pathsep.join((folder, str(TESTS)))
        command = [sys.executable, "-m", "hostile", "--first", "--jobs", "1", "--seed", SEED, "--answers", str(ANSWERS)]
        environment = {**os.environ, "PYTHONPATH": path}
        began = time.monotonic()
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=900
        )
    told = done.stdout.splitlines()
    seconds = time.monotonic() - began
    print(f"{name}: {told[-1] if told else 'no output'}, {seconds:.0f} s", flush=True)
    if not told or not told[0].endswith(", claude_otel") or done.returncode not in (0, 1):
        return f"{name}: the loop did not run on the copy\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    if bug is None:
        return "" if done.returncode == 0 else f"no bug was planted, and this was found:\n{done.stdout}"
    return "" if done.returncode == 1 and bug.found in done.stdout else f"not found: {name}\n{done.stdout[-3000:]}"


def main(names: Iterable[str]) -> int:
    """Looks for every bug, or for those whose names have one of `names` in them."""
    wanted = list(names)
    chosen = [bug for bug in (None, *BUGS) if not wanted or (bug and any(name in bug.name for name in wanted))]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        failures = [failure for failure in threads.map(looked_for, chosen) if failure]
    print("\n".join(failures))
    print(f"{len(chosen) - len(failures)} of {len(chosen)} copies as they should be")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
