"""docs/cli.md says what the commands say."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from claude_otel.cli.document import document
from claude_otel.cli.environment import FIXED, REMOVED
from claude_otel.cli.finished import Finished
from claude_otel.cli.health import Health
from claude_otel.cli.process import FORWARDED
from claude_otel.cli.report import Report
from claude_otel.demo.scenarios import SCENARIOS

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    """The program that writes the help texts."""
    spec = importlib.util.spec_from_file_location("write_cli_docs", ROOT / "tools" / "write_cli_docs.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_help_of_every_command_is_in_the_page(writer: ModuleType) -> None:
    """`python tools/write_cli_docs.py` renews it."""
    assert writer.written(PAGE) == PAGE, "run `python tools/write_cli_docs.py` and commit the result"
    assert [found[2] for found in writer.BLOCK.finditer(PAGE)] == list(writer.COMMANDS)


def test_a_page_that_was_changed_by_hand_is_found(writer: ModuleType) -> None:
    """The check would see it."""
    assert writer.written(PAGE.replace("Show the version and exit.", "Show it.")) == PAGE


def test_every_variable_signal_key_and_scenario_is_in_the_page() -> None:
    """What the code has, the page tells."""
    keys = document(Finished([], 0, 0.0, Report(), Health()))
    signals = [each.name for each in FORWARDED if each.name != "SIGTSTP"]
    scenarios = [name for name in SCENARIOS if name != "all-well"]
    said = [f"`{name}`" for name in [*FIXED, *REMOVED[:2], *keys, *scenarios]] + signals
    assert [name for name in said if name not in PAGE] == []
