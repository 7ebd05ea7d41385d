"""The SDK's own tests with the instrumentor on, compared outcome by outcome with those without it.

    python tests/sdk_suite/run.py            compare with outcomes/<version>.txt
    python tests/sdk_suite/run.py --record   write that file, from a run without us

A test whose outcome differs is run again without us: when it is the same there, the environment made the difference.
If it is not, it is run with us once more, and the difference counts if it is there again.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
import venv
from collections import Counter, defaultdict
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent))

from sdk_source import sdk_source  # noqa: E402

VERSION = version("anthropic")
ENVIRONMENT = ROOT / ".cache" / "envs" / f"sdk-suite-{VERSION}"
BASELINE = HERE / "outcomes" / f"{VERSION}.txt"
LEAST_CALLS = 1_000

EXTRAS = "aiohttp,aws,bedrock,mcp,vertex,webhooks"
TESTED_WITH = [
    "dirty-equals", "griffe", "http-snapshot[httpx]", "hypothesis", "importlib-metadata", "inline-snapshot",
    "opentelemetry-sdk", "packaging", "pytest", "pytest-asyncio", "pytest-xdist", "respx", "rich", "time-machine",
]  # fmt: skip
"""The packages of the SDK's dev group that its tests import."""
OURS = ["opentelemetry-instrumentation", "wrapt"]

Outcomes = dict[str, str]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="write the outcomes without us, instead of comparing")
    parser.add_argument("--processes", default="2", help="of pytest-xdist (2)")
    options = parser.parse_args()
    suite = Suite(options.processes)
    if options.record:
        return record(suite)
    if not BASELINE.exists():
        print(f"There are no outcomes of {VERSION} to compare with: {BASELINE.relative_to(ROOT)} is missing.")
        print("Write them with `make test-sdk RECORD=1`, and look at them before they are committed.")
        return 2
    return compare(suite)


def record(suite: Suite) -> int:
    """Writes the outcomes of a run without us."""
    outcomes = suite.run("without us")["outcomes"]
    BASELINE.parent.mkdir(exist_ok=True)
    BASELINE.write_text(baseline(outcomes), encoding="utf-8")
    print(f"{summary(outcomes)}: written to {BASELINE.relative_to(ROOT)}")
    return 0


def compare(suite: Suite) -> int:
    """Prints how a run with us differs from the committed outcomes, and from a run without us where it does."""
    found = suite.run("with us", instrumented=True)
    outcomes, kept = found["outcomes"], found["kept"]
    print(f"With us: {summary(outcomes)}.")
    print(", ".join(f"{kept.get(name, 0):,} {name}" for name in ("calls", "spans", "events")) + " recorded.")
    confirmed = differences(suite, outcomes)
    for failure in found["failures"]:
        print(f"A failure of ours, kept from the test: {failure}")
    few = kept.get("calls", 0) < LEAST_CALLS
    if few:
        print(f"Fewer than {LEAST_CALLS:,} calls were recorded: the run shows nothing.")
    print(f"{len(confirmed)} outcomes differ from those without us.")
    return 1 if confirmed or few or found["failures"] else 0


def differences(suite: Suite, outcomes: Outcomes) -> list[str]:
    """The tests whose outcome differs from the committed one, without us too, and with us again."""
    suspects = sorted(differing(outcomes, BASELINE.read_text(encoding="utf-8")))
    if not suspects:
        return []
    print(f"{len(suspects)} are not as they were when the outcomes were written.")
    without = suite.run("without us", suspects)["outcomes"]
    unsure = [test for test in suspects if outcomes.get(test) != without.get(test)]
    print(f"{len(suspects) - len(unsure)} are the same without us, now and here: the environment's doing.")
    if not unsure:
        return []
    again = suite.run("with us", unsure, instrumented=True)["outcomes"]
    confirmed = [test for test in unsure if again.get(test) != without.get(test)]
    for test in unsure:
        told = "DIFFERS" if test in confirmed else "differed once, not again"
        print(f"{told}: {test}: {without.get(test)} without us, {outcomes.get(test)} with us")
    return confirmed


class Suite:
    """The SDK's tests and the environment they run in."""

    def __init__(self, processes: str) -> None:
        self._processes = processes
        self._source = sdk_source()
        self._python = environment(self._source)
        self._report = ENVIRONMENT / "outcomes.json"

    def run(self, how: str, tests: list[str] | None = None, *, instrumented: bool = False) -> dict[str, Any]:
        """The outcomes of `tests`, or of all, and what was recorded."""
        print(f"{len(tests) if tests else 'All'} tests of anthropic {VERSION} {how} …", flush=True)
        self._report.unlink(missing_ok=True)
        started = time.monotonic()
        command = [str(self._python), "-m", "pytest", "--override-ini", "addopts=-p tests._alias_httpx", "--quiet"]
        command += ["--tb", "short", "-p", "no:cacheprovider", "-p", "sdk_suite_plugin"]
        command += ["--outcomes", str(self._report)]
        command += ["--instrumented"] if instrumented else []
        command += tests or ["tests", "--ignore=tests/api_resources"]
        command += ["--numprocesses", self._processes if tests is None else "0", "--dist", "worksteal"]
        log = ENVIRONMENT / f"{how.replace(' ', '-')}{'-again' if tests else ''}.log"
        with log.open("w", encoding="utf-8") as file:
            done = subprocess.run(
                command, cwd=self._source, env=environ(), stdout=file, stderr=subprocess.STDOUT, check=False
            )
        if not self._report.exists():
            raise SystemExit(f"pytest ended with {done.returncode} and wrote no outcomes: see {log}")
        print(
            f"… in {time.monotonic() - started:.0f} s; all that pytest said is in {log.relative_to(ROOT)}", flush=True
        )
        found: dict[str, Any] = json.loads(self._report.read_text(encoding="utf-8"))
        return found


def environ() -> dict[str, str]:
    """The environment of the tests: ours, with our source and plugin to import, and nothing that configures us."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("CLAUDE_OTEL_", "OTEL_", "ANTHROPIC_", "PYTEST_"))}
    return {**kept, "PYTHONPATH": os.pathsep.join([str(HERE), str(ROOT / "src")]), "PYTHONDONTWRITEBYTECODE": "1"}


def environment(source: Path) -> Path:
    """The Python of the environment for the SDK's tests, made once, with the versions of the SDK's lock file."""
    python, stamp = ENVIRONMENT / "bin" / "python", ENVIRONMENT / "made"
    if stamp.exists():
        return python
    print(f"Making {ENVIRONMENT.relative_to(ROOT)} …", flush=True)
    venv.create(ENVIRONMENT, with_pip=True, clear=True)
    constraints = ENVIRONMENT / "constraints.txt"
    constraints.write_text(locked((source / "uv.lock").read_text(encoding="utf-8")), encoding="utf-8")
    wanted = [f"anthropic[{EXTRAS}]=={VERSION}", *TESTED_WITH, *OURS]
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "--constraint", str(constraints), *wanted], check=True)
    stamp.touch()
    return python


def locked(text: str) -> str:
    """The packages of a lock file of uv as constraints of pip; of those that it has in two versions, none."""
    versions = defaultdict(set)
    for name, number in re.findall(r'^\[\[package\]\]\nname = "(.+)"\nversion = "(.+)"', text, re.MULTILINE):
        versions[name].add(number)
    return "".join(f"{n}=={v.pop()}\n" for n, v in sorted(versions.items()) if len(v) == 1 and n != "anthropic")


def baseline(outcomes: Outcomes) -> str:
    """The outcomes as the file that is committed: each test that did not pass, and of those that did a hash by file."""
    lines = [
        f"# The outcomes of the tests of anthropic {VERSION} without us. Written by `make test-sdk RECORD=1`.",
        f"# {summary(outcomes)}, on Python {sys.version_info.major}.{sys.version_info.minor}.",
        "# Those that did not pass, then of each file how many passed and a hash of their names.",
    ]
    lines += [f"{outcome} {quoted(test)}" for test, outcome in sorted(outcomes.items()) if outcome != "passed"]
    lines += [f"passed {file} {len(tests)} {digest(tests)}" for file, tests in sorted(passed(outcomes).items())]
    return "\n".join(lines) + "\n"


def differing(outcomes: Outcomes, text: str) -> set[str]:
    """The tests whose outcome is not the one in the file's `text`; all of a file where only the hash tells."""
    lines = [line.split(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    others = {unquoted(rest): outcome for outcome, rest in lines if outcome != "passed"}
    now = {test: outcome for test, outcome in outcomes.items() if outcome != "passed"}
    found = {test for test in {*others, *now} if others.get(test) != now.get(test)}
    then = passed({**outcomes, **{test: others.get(test, "passed") for test in found}})
    counted = {rest.split(" ")[0]: rest.split(" ")[2] for outcome, rest in lines if outcome == "passed"}
    for file in {*counted, *then}:
        if counted.get(file) != digest(then.get(file, [])):
            found.update(test for test in outcomes if test.startswith(f"{file}::"))
            found.update({file} if file not in then else ())
    return found


def passed(outcomes: Outcomes) -> dict[str, list[str]]:
    """The tests that passed, by file."""
    files = defaultdict(list)
    for test, outcome in outcomes.items():
        if outcome == "passed":
            files[test.partition("::")[0]].append(test)
    return files


def digest(tests: list[str]) -> str:
    return sha256("\n".join(sorted(tests)).encode("utf-8", "backslashreplace")).hexdigest()[:12]


def quoted(test: str) -> str:
    return json.dumps(test)[1:-1]


def unquoted(text: str) -> str:
    return str(json.loads(f'"{text}"'))


def summary(outcomes: Outcomes) -> str:
    """How many tests had which outcome."""
    return f"{len(outcomes):,} tests, " + ", ".join(f"{n:,} {o}" for o, n in Counter(outcomes.values()).most_common())


if __name__ == "__main__":
    sys.exit(main())
