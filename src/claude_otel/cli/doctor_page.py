"""The findings of doctor, for people and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from claude_otel.cli.checks.finding import Finding
from claude_otel.cli.fmt import Style, plural, printable

COLUMNS = 80
STYLES = {"ok": "green", "warning": "yellow", "error": "red"}
MARGIN = len("warning  ")


def lines(findings: Sequence[Finding], style: Style) -> Iterator[str]:
    """The findings as lines: level, what was seen, then the remedy and its commands, which are never broken."""
    for finding in findings:
        yield from wrapped(finding, style)
        if finding.remedy:
            yield from filled(printable(finding.remedy))
        for command in finding.commands:
            yield " " * (MARGIN + 2) + style(printable(command), "bold")


def wrapped(finding: Finding, style: Style) -> Iterator[str]:
    """What was seen, behind its level."""
    first, *rest = filled(printable(f"{finding.check}: {finding.what}"))
    level = finding.level + " " * (MARGIN - len(finding.level))
    yield style(level, STYLES[finding.level]) + first[MARGIN:]
    yield from rest


def filled(text: str) -> list[str]:
    """`text` in lines of the page, behind the margin. A word that is longer, such as a path, is left whole."""
    indent = " " * MARGIN
    return textwrap.wrap(
        text, COLUMNS, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def count(findings: Sequence[Finding], level: str) -> int:
    """How many findings are of a level."""
    return sum(finding.level == level for finding in findings)


def verdict(findings: Sequence[Finding], style: Style) -> str:
    """The last line: how many errors and warnings."""
    errors, warnings = count(findings, "error"), count(findings, "warning")
    if errors or warnings:
        return style(f"{plural(errors, 'error')}, {plural(warnings, 'warning')}", "red" if errors else "yellow")
    return style("Nothing is wrong.", "green")


def document(findings: Sequence[Finding], facts: dict[str, Any]) -> dict[str, Any]:
    """The page as one JSON document."""
    return {
        "version": 1,
        "ok": not count(findings, "error"),
        "errors": count(findings, "error"),
        "warnings": count(findings, "warning"),
        "findings": [asdict(finding) for finding in findings],
        **facts,
    }
