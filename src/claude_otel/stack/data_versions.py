"""Which version of each program last wrote its data. An older one may not read it, or may spoil it: it is not started.

This is a file beside the data. A label of a volume could not do it: labels never change, and Compose offers to make a
volume anew, without its data, when those in its file do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from claude_otel.cli.problem import Problem
from claude_otel.stack.components import numbers
from claude_otel.stack.state import State, write

FILE = "data-versions.json"

KEEPERS = ("alertmanager", "prometheus", "tempo", "loki", "grafana")
"""The programs that keep data of their own."""


def check(state: State, versions: Mapping[str, str], data: Mapping[str, str]) -> None:
    """Raises `Problem` when a program of `versions` is older than what last wrote its data.

    `data` tells the data that is there apart from what was there before, by program: it may have been deleted since.
    """
    faults = []
    for name, told in written(state).items():
        same = data.get(name) == told["data"]
        if same and name in versions and numbers(versions[name]) < numbers(told["version"]):
            faults.append(
                f"the data of {name} was last written by {told['version']}, and this would be {versions[name]}"
            )
    if faults:
        raise Problem(
            "\n  ".join(faults)
            + ".\nAn older version may not read it, or may spoil it, so nothing was started. Use the "
            f"version that wrote it, or leave {state.directory} as it is and begin another stack: --dir DIR"
        )


def remember(state: State, versions: Mapping[str, str], data: Mapping[str, str]) -> None:
    """Writes which versions have the data of `data` now."""
    now = {name: {"version": version, "data": data[name]} for name, version in versions.items() if name in data}
    write(state.directory / FILE, json.dumps({**written(state), **now}, indent=2) + "\n")


def written(state: State) -> dict[str, dict[str, str]]:
    """What `remember` wrote, by program."""
    try:
        told = json.loads((state.directory / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
