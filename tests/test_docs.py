"""The documents say what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from claude_otel import telemetry as t

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
METRIC_ATTRIBUTES = {each.name for each in t.ATTRIBUTES if "metric" in each.on}


def test_generated_documents_are_up_to_date() -> None:
    """`make docs` would change nothing."""
    command = [sys.executable, str(ROOT / "tools" / "write_docs.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_metrics_have_attributes_of_the_table() -> None:
    """Every attribute of a metric is in the table of attributes, as one that is on metrics."""
    used = {name for metric in t.METRICS for name in metric.attributes}
    assert used - METRIC_ATTRIBUTES == set()
    assert METRIC_ATTRIBUTES - used == set()


def test_names_are_unique() -> None:
    """No metric and no attribute is listed twice."""
    for names in ([metric.name for metric in t.METRICS], [each.name for each in t.ATTRIBUTES]):
        assert len(names) == len(set(names))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    """Every link to a file of the repository leads to one, and to a heading that is there."""
    for target in re.findall(r"\]\(([^)]+)\)", document.read_text(encoding="utf-8")):
        if target.startswith(("http://", "https://")):
            continue
        path, _, heading = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.exists(), f"{document.name} links to {target}"
        if heading:
            assert heading in headings(file), f"{document.name} links to {target}"


def headings(path: Path) -> set[str]:
    """The anchors of a document's headings, as the usual hosts make them."""
    found = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in found}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_names_in_documents_exist(document: Path) -> None:
    """A metric or attribute that a document names in code is one of the table."""
    names = {each.name for each in t.ATTRIBUTES} | {metric.name for metric in t.METRICS} | {t.CALL_EVENT, t.ERROR_EVENT}
    named = re.findall(r"`((?:claude|gen_ai|anthropic)\.[a-z_.0-9]+)`", document.read_text(encoding="utf-8"))
    assert set(named) - names == set()


def test_the_examples_of_python_in_the_documents_compile() -> None:
    """Every block of Python in the documents is Python."""
    for document in DOCUMENTS:
        for block in re.findall(r"```python\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL):
            compile(block, document.name, "exec")
