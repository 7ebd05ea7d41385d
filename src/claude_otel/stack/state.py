"""What the native stack keeps and where: one directory, with a file or a folder for each thing.

stack.json            ports, and since when the stack is up
config/               the generated files that the programs read, under the paths of the repository
run/NAME.json         a running program: held locked by it for as long as it lives
logs/NAME.log         what it printed, with up to three older files
data/prometheus …     what Prometheus, Alertmanager, Tempo and Grafana keep
collector/            calls, traces and other logs as JSONL, and the queue of what could not be sent yet
notifications.jsonl   the notifications that came to the local log
secrets/              Grafana's password, and the address of the local log
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claude_otel.cli.problem import Problem


@dataclass(frozen=True)
class State:
    """The directory of a stack."""

    directory: Path

    @property
    def config(self) -> Path:
        """The generated files."""
        return self.directory / "config"

    @property
    def collector(self) -> Path:
        """What the Collector writes."""
        return self.directory / "collector"

    @property
    def notifications(self) -> Path:
        """The notifications that came to the local log, as JSONL."""
        return self.directory / "notifications.jsonl"

    @property
    def logs(self) -> Path:
        """What the programs printed."""
        return self.directory / "logs"

    @property
    def secrets(self) -> Path:
        """What only this user may read."""
        return self.directory / "secrets"

    def log(self, name: str) -> Path:
        """What the program `name` prints."""
        return self.logs / f"{name}.log"

    def run(self, name: str) -> Path:
        """The file that the program `name` holds locked while it runs."""
        return self.directory / "run" / f"{name}.json"

    def data(self, name: str) -> Path:
        """What the program `name` keeps."""
        return self.directory / "data" / name

    def make(self) -> None:
        """Makes the folders. Raises `Problem` when that is not possible."""
        try:
            for folder in (self.config, self.collector, self.logs, self.run("x").parent, self.data("x").parent):
                folder.mkdir(parents=True, exist_ok=True)
            self.secrets.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise Problem(
                f"cannot make {error.filename}: {error.strerror}. Name a directory that you may write to: --dir DIR"
            ) from None

    def remember(self, **facts: Any) -> None:
        """Writes what is true of the whole stack."""
        write(self.directory / "stack.json", json.dumps(facts, indent=2) + "\n")

    def facts(self) -> dict[str, Any]:
        """What `remember` wrote, empty when there is none."""
        try:
            told = json.loads((self.directory / "stack.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return told if isinstance(told, dict) else {}


def default_directory() -> Path:
    """Where a stack is kept unless another directory is named."""
    base = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return Path(base) / "claude-otel" / "stack"


def write(path: Path, text: str, mode: int = 0o644) -> bool:
    """Makes `path` contain `text`, whole or not at all. Whether it was different before."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as stream:
        stream.write(text)
    new.replace(path)
    return True
