"""The instructions that a call takes, counted by valgrind: `make bench-instructions`.

CPU time on a shared machine differs from run to run by more than what is to be seen. Instructions do not. They say
nothing of caches and branches, which cost ours more than their share: `make bench` tells the time.
"""

from __future__ import annotations

import gc
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from providers import Telemetry
from transport import LONG, SHORT, create, helper, short_stream, stream

import claude_otel

WAYS = {"create": create, "stream": stream, "short stream": short_stream, "helper": helper}
CALLS = {"create": 40, "stream": 4, "short stream": 4, "helper": 4}
WARM_UP = 12

SUMMARY = re.compile(r"^(?:summary|totals): (\d+)", re.MULTILINE)
TRIGGER = re.compile(r"^desc: Trigger: .*dump ([\w .]+)$", re.MULTILINE)


def control(*arguments: str) -> None:
    """Tells callgrind, which runs this process, what to do."""
    subprocess.run(["callgrind_control", *arguments, str(os.getpid())], capture_output=True, check=True)


def count_calls() -> None:
    """Makes the calls, each kind counted by itself. Runs below callgrind."""
    from transport import client

    telemetry = Telemetry()
    off = client(open_telemetry=False)
    sdk = client(open_telemetry={"tracer_provider": telemetry.tracer_provider})
    gc.disable()
    for way, work in WAYS.items():
        for name, api, logs in (
            ("off", off, ""),
            ("sdk", sdk, ""),
            ("ours", off, "off"),
            ("ours with events", off, "all"),
        ):
            if logs:
                telemetry.instrument(claude_otel, logs)
            for _ in range(WARM_UP):
                work(api)
            telemetry.flush()
            control("--instr=on")
            control("--zero")
            for _ in range(CALLS[way]):
                work(api)
            telemetry.flush()
            control(f"--dump={way}.{name}")
            control("--instr=off")
            if logs:
                claude_otel.uninstrument()
            gc.collect()


def counted() -> str | None:
    """What was counted, as text; `None` without valgrind. Raises RuntimeError with what a count said that failed."""
    if shutil.which("valgrind") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={folder}/out"]
        counting = [*command, sys.executable, __file__, "--counted"]
        ran = subprocess.run(counting, capture_output=True, text=True, check=False)
        if ran.returncode:
            raise RuntimeError(ran.stderr)
        found = {}
        for file in Path(folder).iterdir():
            text = file.read_text(encoding="utf-8")
            name, total = TRIGGER.search(text), SUMMARY.search(text)
            if name and total:
                way = name[1].partition(".")[0]
                found[name[1]] = int(total[1]) / CALLS[way] / 1000
    return shown(found)


def main() -> int:
    """Runs itself below callgrind, and prints what was counted."""
    if "--counted" in sys.argv:
        count_calls()
        return 0
    try:
        text = counted()
    except RuntimeError as failed:
        sys.stderr.write(str(failed))
        return 1
    if text is None:
        sys.stderr.write("valgrind is not on PATH. Debian has it in the package valgrind.\n")
        return 2
    sys.stdout.write(text)
    return 0


def shown(found: dict[str, float]) -> str:
    """The result as text."""
    lines = ["Thousand instructions that a call adds, and as a share of what the SDK's own spans add", ""]
    added = {key: value - found[f"{key.partition('.')[0]}.off"] for key, value in found.items()}
    for way in WAYS:
        for name in ("sdk", "ours", "ours with events"):
            mine, theirs = added[f"{way}.{name}"], added[f"{way}.sdk"]
            lines.append(f"{way:14}{name:18}{mine:10.0f}{mine / theirs:8.2f}")
    events = {name: added[f"stream.{name}"] - added[f"short stream.{name}"] for name in ("sdk", "ours")}
    for name, all_events in events.items():
        each = all_events / (LONG - SHORT)
        lines.append(f"{'event':14}{name:18}{each:10.2f}{all_events / events['sdk']:8.2f}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
