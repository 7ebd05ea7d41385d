"""Writes each command's --help into docs/cli.md. With `--check`, fails when the page is out of date."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "cli.md"
COMMANDS = (
    "", "run", "report",
    "demo", "fake-api", "doctor", "check", "generate", "models", "models refresh", "stack", "stack init",
    "stack up", "stack down", "stack status", "stack logs", "stack open", "stack pin", "stack components", "drill",
    "calls",
)  # fmt: skip
BLOCK = re.compile(r"(<!-- help of `claude-otel ?([a-z -]*)`[^>]*-->\n).*?(<!-- end of help -->)", re.DOTALL)


def help_of(command: str) -> str:
    """What `claude-otel COMMAND --help` prints, as a code block."""
    program = [sys.executable, "-m", "claude_otel", *command.split(), "--help"]
    env = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}
    printed = subprocess.run(program, env=env, capture_output=True, text=True, check=True).stdout
    return (
        "\n"
        + "".join(
            f"    {line}".rstrip() + "\n"
            for line in printed.replace("python -m claude_otel", "claude-otel").splitlines()
        )
        + "\n"
    )


def written(page: str) -> str:
    """`page` with every help text as it is now."""
    return BLOCK.sub(lambda found: found[1] + help_of(found[2]) + found[3], page)


def main(arguments: Sequence[str]) -> int:
    """Writes or checks docs/cli.md."""
    page = PAGE.read_text(encoding="utf-8")
    now = written(page)
    if page == now:
        return 0
    if "--check" in arguments:
        sys.stderr.write("docs/cli.md is out of date: run `python tools/write_cli_docs.py` and commit the result\n")
        return 1
    PAGE.write_text(now, encoding="utf-8")
    sys.stdout.write("wrote docs/cli.md\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
