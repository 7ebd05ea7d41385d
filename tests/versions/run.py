"""The same calls on many versions of the SDK, Python and OpenTelemetry, each compared with the newest of all.

    python tests/versions/run.py               all of them; writes docs/compatibility.md
    python tests/versions/run.py --extremes    the oldest and the newest, which docs/compatibility.md must have

An environment is made once for each Python and OpenTelemetry; the SDKs lie beside it, as they are pure Python.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ENVIRONMENTS = ROOT / ".cache" / "envs"
DOCUMENT = ROOT / "docs" / "compatibility.md"

PYTHONS = ("3.10", "3.11", "3.12", "3.13")
SDKS = ("0.108.0", "0.125.0", "1.0.0", "1.13.0", "1.14.0", "2.0.0", "2.2.0", "2.11.0", "2.12.0")
OPENTELEMETRY = {"1.43.0": "0.64b0", "1.45.2": "0.66b2"}
"""The oldest that is supported and the newest that was tested, each with its instrumentation package."""
OLDEST, NEWEST = OPENTELEMETRY

PACKAGES = [
    "anyio", "boto3", "distro", "docstring-parser", "google-auth", "httpx", "httpx2", "jiter", "packaging", "pydantic",
    "pytest", "requests", "sniffio", "typing-extensions",
]  # fmt: skip
"""What the SDKs require, each of them at once, and what `calls.py` does. Of wrapt the oldest goes with the oldest."""


@dataclass(frozen=True)
class Reason:
    """A difference that is the SDK's own: before which version, of which calls, in which attributes."""

    before: str
    calls: tuple[str, ...]
    attributes: tuple[str, ...]
    why: str

    def explains(self, sdk: str, call: str, attributes: set[str]) -> bool:
        """Whether all that differs in the record of `call` is this."""
        old = number(sdk) < number(self.before)
        return old and call.removeprefix("async ") in self.calls and attributes <= set(self.attributes)


POSTS = ("post", "post_dict", "post_stream")
REASONS: tuple[Reason, ...] = (
    Reason("1.14.0", POSTS, ("claude.sdk.method",), "requests do not name their method: `post` is told as `create`"),
    Reason("2.2.0", ("tool_runner", "tool_runner_stream"), ("anthropic.beta",), "the SDK asks for other betas"),
    Reason("1.13.0", ("beta_parse",), ("anthropic.beta",), "the SDK asks for other betas"),
    Reason(
        "1.14.0",
        ("async_dropped",),
        ("claude.outcome",),
        "the event loop closes the parts of a dropped stream in any order: `closed_early` or `abandoned`",
    ),
)
"""Every difference that is not a fault of ours."""


def number(version: str) -> tuple[int, ...]:
    """A version, to compare with others."""
    return tuple(map(int, version.split(".")))


@dataclass(frozen=True)
class Combination:
    """Versions that are run together."""

    python: str
    sdk: str
    opentelemetry: str = NEWEST

    def __str__(self) -> str:
        return f"anthropic {self.sdk}, Python {self.python}, OpenTelemetry {self.opentelemetry}"


@dataclass
class Result:
    """How the records of a combination compare with those of the newest."""

    same: int
    missing: list[str]
    explained: dict[str, Reason]
    faults: list[str]

    def cell(self) -> str:
        """The result in the table."""
        if self.faults:
            return f"**{len(self.faults)} differ**"
        return f"{self.same} equal" + (f", {len(self.explained)} explained" if self.explained else "")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--extremes", action="store_true", help="only the oldest and the newest; writes nothing")
    options = parser.parse_args()
    pythons = {version: path for version in PYTHONS if (path := found_python(version)) is not None}
    absent = [version for version in PYTHONS if version not in pythons]
    if absent:
        print(f"Not found on this machine: Python {', '.join(absent)}.")
    results = run(extremes(list(pythons)) if options.extremes else everything(list(pythons)), pythons)
    faults = [f"{which}: {fault}" for which, result in results.items() for fault in result.faults]
    print(*faults, sep="\n", end="\n" if faults else "")
    text = DOCUMENT.read_text(encoding="utf-8") if DOCUMENT.exists() else ""
    if options.extremes:
        stale = [which for which in results if row_start(which) not in text]
        for which in stale:
            print(f"docs/compatibility.md has nothing of {which}; run `make test-versions`.")
        return 1 if faults or stale else 0
    DOCUMENT.write_text(document(results), encoding="utf-8")
    print(f"Written: {DOCUMENT.relative_to(ROOT)}")
    return 1 if faults or absent else 0


def everything(pythons: list[str]) -> list[Combination]:
    """Each SDK on the newest Python, the oldest and the newest SDK on each Python, and both with the oldest of all."""
    ends = (SDKS[0], SDKS[-1])
    return [
        *(Combination(pythons[-1], sdk) for sdk in SDKS),
        *(Combination(python, sdk) for python in reversed(pythons[:-1]) for sdk in ends),
        *(Combination(pythons[0], sdk, OLDEST) for sdk in ends),
    ]


def extremes(pythons: list[str]) -> list[Combination]:
    """The oldest of everything, and the newest."""
    return [Combination(pythons[0], SDKS[0], OLDEST), Combination(pythons[-1], SDKS[-1])]


def run(combinations: list[Combination], pythons: dict[str, str]) -> dict[Combination, Result]:
    """The results of all combinations, told as they come."""
    newest = Combination(list(pythons)[-1], SDKS[-1])
    records = told(newest, pythons)
    results = {}
    for which in combinations:
        found = records if which == newest else told(which, pythons)
        results[which] = compared(which, found, records["records"])
        print(f"{which}: {results[which].cell()}", flush=True)
    return results


def told(which: Combination, pythons: dict[str, str]) -> dict[str, Any]:
    """What `calls.py` prints with these versions."""
    python = environment(which, pythons[which.python])
    paths = [sdk(which.sdk, python), HERE, HERE.parent, ROOT / "src"]
    environ = {n: v for n, v in os.environ.items() if not n.startswith(("CLAUDE_OTEL_", "OTEL_", "ANTHROPIC_"))}
    environ |= {"PYTHONPATH": os.pathsep.join(map(str, paths)), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [str(python), str(HERE / "calls.py")], env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{which}: calls.py failed.\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout)
    assert (found["anthropic"], found["opentelemetry-sdk"]) == (which.sdk, which.opentelemetry)
    assert found["python"].startswith(f"{which.python}.")
    return found


def compared(which: Combination, found: dict[str, Any], newest: dict[str, Any]) -> Result:
    """How the records of `which` compare with the newest ones."""
    result = Result(0, [], {}, [f"requirement not met: {text}" for text in found["unmet"]])
    result.faults += [f"a failure of ours: {failure}" for failure in found["failures"]]
    for call, of_newest in newest.items():
        record = found["records"].get(call, "this SDK has none")
        differing = differences(record, of_newest)
        reason = reason_for(which, call, differing)
        if not differing:
            result.same += 1
        elif isinstance(record, str):
            result.missing.append(call)
        elif reason is not None:
            result.explained[call] = reason
        else:
            result.faults.append(f"{call}: {differing}")
    return result


def differences(record: Any, newest: Any, path: str = "") -> dict[str, Any]:
    """What differs, by its path."""
    if isinstance(record, dict) and isinstance(newest, dict):
        parts = {key: (record.get(key), newest.get(key)) for key in {**record, **newest}}
    elif isinstance(record, list) and isinstance(newest, list) and len(record) == len(newest):
        parts = {str(i): pair for i, pair in enumerate(zip(record, newest, strict=True))}
    else:
        return {} if record == newest else {path: [record, newest]}
    found: dict[str, Any] = {}
    for key, (mine, theirs) in parts.items():
        found.update(differences(mine, theirs, f"{path}/{key}"))
    return found


def reason_for(which: Combination, call: str, differing: Iterable[str]) -> Reason | None:
    """The reason that explains all that differs in the record of `call`."""
    attributes = {next((part for part in path.split("/") if "." in part), path) for path in differing}
    return next((reason for reason in REASONS if reason.explains(which.sdk, call, attributes)), None)


def found_python(version: str) -> str | None:
    """The interpreter of this version, from PATH or where pyenv keeps those that it has."""
    name = f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [shutil.which(name), *sorted(str(path) for path in pyenv.glob(f"{version}.*/bin/{name}"))]
    for candidate in candidates:
        if candidate and subprocess.run([candidate, "--version"], capture_output=True, check=False).returncode == 0:
            return candidate
    return None


def environment(which: Combination, interpreter: str) -> Path:
    """The Python of the environment for `which`, made once."""
    folder = ENVIRONMENTS / f"python{which.python}-opentelemetry{which.opentelemetry}"
    python, made = folder / "bin" / "python", folder / "made"
    if not made.exists():
        print(f"Making {folder.relative_to(ROOT)} …", flush=True)
        subprocess.run([interpreter, "-m", "venv", "--clear", str(folder)], check=True)
        pinned = [f"opentelemetry-{name}=={which.opentelemetry}" for name in ("api", "sdk")]
        pinned += [f"opentelemetry-instrumentation=={OPENTELEMETRY[which.opentelemetry]}"]
        oldest = which.opentelemetry == OLDEST and which.python < "3.13"
        pip_install(python, [*pinned, "wrapt==1.16.0" if oldest else "wrapt", *PACKAGES])
        made.touch()
    return python


def sdk(version: str, python: Path) -> Path:
    """The folder with this version of the SDK, without what it requires."""
    folder = ENVIRONMENTS / f"anthropic-{version}"
    if not folder.exists():
        unfinished = folder.with_name(f"{folder.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        pip_install(python, ["--no-deps", "--target", str(unfinished), f"anthropic=={version}"])
        unfinished.rename(folder)
    return folder


def pip_install(python: Path, arguments: list[str]) -> None:
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--quiet", *arguments]
    subprocess.run(command, check=True)


def document(results: dict[Combination, Result]) -> str:
    """The text of docs/compatibility.md."""
    count = max(result.same for result in results.values())
    lines = [
        "<!-- Written by `make test-versions` (tests/versions/run.py). Do not edit. -->",
        "",
        "# Compatibility",
        "",
        f"{count} calls are made with each combination of versions: every way into the SDK, sync and async, retries,",
        "errors, cut, closed and dropped streams, cancelled tasks, batches and platform clients. Span, event and",
        f"metrics of each are compared with those of anthropic {SDKS[-1]} and OpenTelemetry {NEWEST} on the newest",
        "Python; times are left out. An SDK outside `>= 0.108, < 3` is left alone, and one message says so. Up to 1.13",
        "the call of a stream that is dropped ends at the next garbage collection, not at once.",
        "",
        "| anthropic | Python | OpenTelemetry | records | calls that this SDK has not |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [row(which, result) for which, result in results.items()]
    lines += ["", "## Differences that are explained", ""]
    lines += ["| before | calls | attributes | why |", "| --- | --- | --- | --- |"]
    for reason in REASONS:
        calls, names = (", ".join(f"`{name}`" for name in both) for both in (reason.calls, reason.attributes))
        lines.append(f"| {reason.before} | {calls} | {names} | {reason.why} |")
    return "\n".join(lines) + "\n"


def row(which: Combination, result: Result) -> str:
    missing = ", ".join(f"`{call}`" for call in result.missing if not call.startswith("async "))
    return f"{row_start(which)}{result.cell()} | {missing} |"


def row_start(which: Combination) -> str:
    return f"| {which.sdk} | {which.python} | {which.opentelemetry} | "


if __name__ == "__main__":
    sys.exit(main())
