"""`make test-neighbours`: every way into the SDK beside each other instrumentor, in an environment of its own.

    python tests/neighbours/run.py [NEIGHBOUR ...]

Environments are made in `.cache/neighbours`, with the versions of `requirements/neighbours`. Prints a table of who has
the span that bears the tokens, then every finding; its exit status is 1 when there is one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CACHE = ROOT / ".cache" / "neighbours"
REQUIREMENTS = ROOT / "requirements" / "neighbours"

NEIGHBOURS = {
    "genai-anthropic": "genai-anthropic",
    "traceloop": "traceloop",
    "openinference": "openinference",
    "openlit": "openlit",
    "logfire": "logfire",
    "httpx": "httpx",
    "sdk": "sdk",
    "sdk-option": "sdk",
    "sdk-environment": "sdk",
}
"""Each neighbour, and the requirements of its environment."""

ORDERS = ("theirs-first", "ours-first")
BESIDE = ("both", "configured")
STAYS = frozenset({"openlit"})
"""Neighbours whose `uninstrument` does nothing."""

LEFT = {"logfire": {"Anthropic.request", "AsyncAnthropic.request"}}
"""What a neighbour leaves on the SDK when it is removed: Logfire puts what it found on the class."""

CALLS = dict.fromkeys(("while_streaming", "while_streaming_post", "while_helping", "interleaved", "in_thread"), 2)
"""How many calls a way makes that makes more than one."""
COST = {"failed": 0.0, "broken_stream": 0.00016, "closed_early": 0.00016}
"""The cost of a way whose calls have not the whole one, 0.0003 each."""
ATTEMPTS = {"retried": 2, "retried_stream": 2}

Seen = dict[str, Any]


def environment(name: str) -> Path:
    """The Python of the environment for `requirements/neighbours/NAME.txt`, made when that file has changed."""
    folder, wanted = CACHE / name, (REQUIREMENTS / f"{name}.txt").read_text()
    python, stamp = folder / "bin" / "python", folder / "requirements.txt"
    if not stamp.is_file() or stamp.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        # The files are whole: every package that is needed, and its version.
        subprocess.run([*pip, "--no-deps", "--requirement", str(REQUIREMENTS / f"{name}.txt")], check=True)
        stamp.write_text(wanted)
    return python


def observe(name: str, order: str) -> Seen:
    """What `observe.py` saw beside the neighbour `name`."""
    path = os.pathsep.join(str(folder) for folder in (ROOT / "src", ROOT / "tests", HERE))
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "ANTHROPIC_", "CLAUDE_"))}
    command = [str(environment(NEIGHBOURS[name])), str(HERE / "observe.py"), name, order]
    done = subprocess.run(
        command, env={**kept, "PYTHONPATH": path}, capture_output=True, text=True, check=False, timeout=600
    )
    if done.returncode:
        raise SystemExit(f"{name}, {order}: observe.py failed\n{done.stderr[-3000:]}")
    seen: Seen = json.loads(done.stdout.splitlines()[-1])
    return seen


def findings(name: str, order: str, seen: Seen, alone: Seen) -> Iterator[str]:
    """What is wrong in what was `seen`, given what was seen of the neighbour alone."""
    left = set(seen["left"]) - (LEFT.get(name, set()) if "without_them" in seen else set())
    if left:
        yield f"after uninstrument these are not what they were: {', '.join(sorted(left))}"
    if seen["swallowed"]:
        yield f"failures of ours: {seen['swallowed'][:3]}"
    for phase in BESIDE:
        for way, row in seen.get(phase, {}).items():
            yield from (f"{phase}, {way}: {finding}" for finding in of_row(name, way, row, alone[way]))
    for way, row in seen.get("without_us", {}).items():
        if len(row["token_spans"]) != len(alone[way]["token_spans"]) or row["result"] != alone[way]["result"]:
            yield f"without us, {way}: {row['token_spans']}, and alone {alone[way]['token_spans']}"
        if row["calls"] or row["events"]:
            yield f"without us, {way}: recorded all the same"
    for way, row in seen.get("without_them", {}).items():
        if name not in STAYS and row["token_spans"] != ["claude_otel"] * len(row["token_spans"]):
            yield f"without them, {way}: {row['token_spans']}"


def of_row(name: str, way: str, row: Seen, alone: Seen) -> Iterator[str]:
    """What is wrong in one way beside the neighbour."""
    plain = way.removeprefix("async ")
    calls = CALLS.get(plain, 1)
    spans, theirs = len(row["token_spans"]), len(alone["token_spans"])
    if spans > max(calls, theirs):
        yield f"counted twice: {row['token_spans']}, and alone {alone['token_spans']}"
    if spans < theirs:
        yield f"a span too few: {row['token_spans']}, and alone {alone['token_spans']}"
    if row["result"] != alone["result"]:
        yield f"the application gets {row['result']!r}, and without us {alone['result']!r}"
    told = {key: row[key] for key in ("calls", "events", "durations", "attempts", "cost", "failures")}
    expected = {
        "calls": calls,
        "events": calls,
        "durations": calls,
        "attempts": ATTEMPTS.get(plain, calls),
        "cost": round(COST.get(plain, 0.0003 * calls), 9),
        "failures": 0,
    }
    if told != expected:
        yield f"recorded {told}, expected {expected}"
    if name == "httpx" and (not row["http"] or "root" in row["http"]):
        yield f"HTTP spans are children of {row['http']}"


def cell(ways: list[Seen]) -> str:
    """Who has the spans that bear the tokens; alternatives where orders or phases differ."""
    return " / ".join(sorted({" + ".join(sorted(map(short, row["token_spans"]))) or "-" for row in ways}))


def short(scope: str) -> str:
    if scope.startswith("com.anthropic.sdk"):
        return "SDK"
    return "ours" if scope == "claude_otel" else "theirs"


def table(all_seen: dict[str, dict[str, Seen]]) -> str:
    """Neighbours, and who has the span of each way in."""
    names = list(all_seen)
    ways = list(dict.fromkeys(way for orders in all_seen.values() for way in orders[ORDERS[0]]["both"]))
    rows = [["way in", *names]]
    for way in ways:
        found = [
            [seen[p][way] for seen in all_seen[n].values() for p in BESIDE if way in seen.get(p, {})] for n in names
        ]
        rows.append([way, *(cell(each) if each else "no such way" for each in found)])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def main(names: list[str]) -> int:
    """Runs all, and tells what was found."""
    all_seen: dict[str, dict[str, Seen]] = {}
    wrong: list[str] = []
    for name in names or NEIGHBOURS:
        all_seen[name] = {order: observe(name, order) for order in ORDERS}
        alone = all_seen[name]["theirs-first"]["alone"]
        for order, seen in all_seen[name].items():
            wrong += [f"{name}, {order}, {finding}" for finding in findings(name, order, seen, alone)]
        print(f"{name}: {sum(line.startswith(f'{name}, ') for line in wrong)} findings", file=sys.stderr, flush=True)
    print(table(all_seen))
    print(f"\n{len(wrong)} findings")
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
