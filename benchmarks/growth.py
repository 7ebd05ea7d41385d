"""Whether anything grows: `make growth`, calls with ever new surfaces, models, users, prompts and call sites.

Memory is read after each hundredth of the calls: what is kept fills up to its caps and is cleared, again and again. By
how much the highest of the last half is above the highest of the first is what would go on growing in production.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import resource
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from providers import Telemetry
from transport import REQUEST, client

import claude_otel
from claude_otel import telemetry as t

DISTINCT = 10_000
"""Different surfaces, models, users and prompts."""

READINGS = 100

EXPORTED_EVERY = 500
"""Calls, so that what waits for a slow export is not taken for what is kept."""

MOST = 0.05
"""Objects a call that the last half of the run may add: two readings do not meet the same heights."""


def calls(api: Any, first: int, last: int) -> None:
    """The calls number `first` to `last`, each with names of its own until these come again."""
    for number in range(first, last):
        name = number % DISTINCT
        with claude_otel.surface(f"surface-{name}", user=f"user-{name}", agent=f"agent-{name}"):
            api.messages.create(**{**REQUEST, "model": f"claude-{name}", "system": f"You are number {name}."})


def kept() -> int:
    """Blocks of memory that Python holds, after a collection: about one for each object."""
    gc.collect()
    return sys.getallocatedblocks()


def main() -> int:
    """Runs, prints what grew, and fails when more did than may."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=200_000, help="how many calls (default 200,000)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--write", action="store_true", help="write docs/growth.md")
    options = parser.parse_args()
    telemetry, api = Telemetry(), client(open_telemetry=False)
    telemetry.instrument(claude_otel, "all")
    step = max(options.calls // READINGS, 1)
    held = []
    for turn in range(READINGS):
        for first in range(turn * step, (turn + 1) * step, EXPORTED_EVERY):
            calls(api, first, min(first + EXPORTED_EVERY, (turn + 1) * step))
            telemetry.flush()
        held.append(kept())
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{(turn + 1) * step:,} calls, {held[-1]:,} blocks")
    counted, made, half = telemetry.total(t.CALLS_METRIC), step * READINGS, READINGS // 2
    assert counted == made, f"{counted} calls were counted of {made}"
    first, last = max(held[:half]), max(held[half:])
    per_call = (last - first) / (made / 2)
    result = {
        "calls": made,
        "blocks": held,
        "blocks_a_call_in_the_last_half": per_call,
        "rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    sys.stdout.write(json.dumps(result, indent=2) + "\n" if options.json else shown(result))
    if options.write:
        page = PAGE.format(date=datetime.now(timezone.utc).date(), python=platform.python_version(), text=shown(result))
        (Path(__file__).resolve().parent.parent / "docs" / "growth.md").write_text(page, encoding="utf-8")
    return 1 if per_call > MOST else 0


PAGE = """# Nothing grows

Written by `make growth WRITE=1` on {date} with Python {python}: calls with ever new surfaces, models, users, agents and
prompts, until each has come many times. It fails when memory grows with the calls.

```text
{text}```
"""


def shown(result: dict[str, Any]) -> str:
    """The result as text."""
    lines = [f"{result['calls']:,} calls with {DISTINCT:,} surfaces, models, users, agents and prompts", ""]
    tenths = [result["blocks"][start : start + READINGS // 10] for start in range(0, READINGS, READINGS // 10)]
    for tenth, blocks in enumerate(tenths, 1):
        lines.append(f"up to {tenth * 10:3} %  {min(blocks):12,} to {max(blocks):10,} blocks")
    lines += ["", f"blocks a call in the last half {result['blocks_a_call_in_the_last_half']:.4f}, at most {MOST}"]
    lines += [f"resident set at most {result['rss_mib']:.0f} MiB"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
