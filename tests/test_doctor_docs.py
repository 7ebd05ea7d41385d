"""docs/cli.md says what doctor says."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "cli.md"
BLOCK = re.compile(r"(<!-- help of claude-otel doctor: [^>]*-->\n).*?(<!-- end -->)", re.DOTALL)


def current() -> str:
    """The page with the help text as it is now."""
    spec = importlib.util.spec_from_file_location("write_cli_docs", ROOT / "tools" / "write_cli_docs.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = module.help_of("doctor")
    return BLOCK.sub(lambda found: found[1] + text + found[2], PAGE.read_text(encoding="utf-8"))


def test_the_help_is_in_the_page() -> None:
    """`python tests/test_doctor_docs.py` renews it."""
    assert BLOCK.search(PAGE.read_text(encoding="utf-8"))
    assert current() == PAGE.read_text(encoding="utf-8"), "run `python tests/test_doctor_docs.py`"


if __name__ == "__main__":
    PAGE.write_text(current(), encoding="utf-8")
