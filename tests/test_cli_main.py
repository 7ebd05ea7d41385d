"""The command itself."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from cli_child import claude_otel, environment

BARE = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {module!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
sys.argv = ["claude-otel", *{arguments!r}]
from claude_otel.cli.main import main
main()
"""


@pytest.mark.parametrize(
    ("module", "arguments"),
    [("typer", ["--help"]), ("google", ["run", "true"]), ("uvicorn", ["demo"]), ("starlette", ["fake-api"])],
)
def test_a_missing_extra_says_what_to_install(module: str, arguments: list[str]) -> None:
    """One message, whichever library of the extra is missing."""
    code = BARE.format(module=module, arguments=arguments)
    ended = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (
        1,
        f"claude-otel: the command line needs the Python module {ended.stderr.split(chr(39))[1]!r}, "
        'which is not installed. Install it: pip install "claude-otel[cli]"\n',
    )


def test_the_entry_point_imports_nothing_of_the_extra() -> None:
    """So that the message above can be given at all."""
    code = "import sys; import claude_otel.cli.main; print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert not {"typer", "rich", "starlette", "uvicorn", "anthropic", "yaml", "google"} & set(loaded.stdout.split())


def test_version_and_help() -> None:
    """The version is the distribution's; every command has a line."""
    assert claude_otel("--version").stdout == f"claude-otel {version('claude-otel')}\n"
    shown = claude_otel("--help", COLUMNS="100").stdout
    assert [line.split()[0] for line in shown.partition("Commands:\n")[2].splitlines()] == [
        "run",
        "report",
        "demo",
        "fake-api",
        "doctor",
        "check",
        "generate",
        "drill",
        "calls",
        "models",
        "stack",
    ]
    assert "..." not in shown.partition("Commands:\n")[2]


def test_a_port_in_use_is_one_message() -> None:
    """With the remedy."""
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = claude_otel("fake-api", "--port", str(port))
    assert ended.returncode == 125
    assert f"Cannot listen on 127.0.0.1:{port}" in ended.stderr
    assert "--port" in ended.stderr


def test_a_script_that_does_not_exist_is_one_message(tmp_path: Path) -> None:
    """Of the fake API."""
    ended = claude_otel("fake-api", "--script", str(tmp_path / "none.yaml"))
    assert (ended.returncode, ended.stderr.count("\n")) == (125, 1)
    assert "none.yaml: No such file or directory" in ended.stderr
