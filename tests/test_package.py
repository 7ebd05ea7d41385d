"""The wheel has what an installation needs."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel of this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    subprocess.run([*command, str(ROOT)], check=True)
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def files_below(folder: Path) -> set[str]:
    """The files of a folder and its folders, without what Python keeps of its own."""
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return {path for path in found if "__pycache__" not in path and not path.endswith(".pyc")}


def test_every_module_and_data_file_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    """The wheel has the files of src/ and what builds the stack's programs, and nothing else besides its metadata."""
    files = files_below(ROOT / "src")
    files |= {f"claude_otel/stack/manifests/{path}" for path in files_below(ROOT / "stack" / "components")}
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == files
    assert {"claude_otel/py.typed", "claude_otel/prices.json"} <= files


def test_the_entry_points_are_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    """`opentelemetry-instrument` finds the instrumentor as `claude`, and the shell the command."""
    (name,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    text = wheel.read(name).decode()
    assert "[opentelemetry_instrumentor]\nclaude = claude_otel.instrumentor:ClaudeInstrumentor" in text
    assert "claude-otel = claude_otel.cli.main:main" in text


def test_the_sdk_is_no_hard_dependency(wheel: zipfile.ZipFile) -> None:
    """Installing claude-otel never changes an application's version of the SDK."""
    (name,) = [name for name in wheel.namelist() if name.endswith("METADATA")]
    requirements = message_from_bytes(wheel.read(name)).get_all("Requires-Dist") or []
    sdk = sorted(text for text in requirements if text.startswith("anthropic"))
    assert [text.partition(";")[2].strip() for text in sdk] == ["extra == 'cli'", "extra == 'instruments'"]
