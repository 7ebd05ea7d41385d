"""The report of a run as text, to be read in 80 columns."""

from __future__ import annotations

from collections.abc import Iterator

from claude_otel.cli.fmt import Style, plural, printable, table
from claude_otel.cli.health import Health
from claude_otel.cli.report import Report
from claude_otel.cli.tables import has_rows, tables
from claude_otel.cli.totals import totals


def summary(report: Report, health: Health, title: str, style: Style, columns: int = 100) -> list[str]:
    """The lines of the report: a heading, the totals, a table for each thing there is something to say of."""
    lines = [style(f"claude-otel  {printable(title)}", "bold"), "", *totals(report, style)]
    for heading, rows, align in filter(has_rows, tables(report, style, columns)):
        lines += ["", style(heading, "bold"), *table(rows, align)]
    notes = list(remarks(health, style))
    return lines + (["", *notes] if notes else [])


def remarks(health: Health, style: Style) -> Iterator[str]:
    """What the reader must know about the report itself."""
    if health.failures:
        parts = ", ".join(f"{count} in {part}" for part, count in health.failures.items())
        yield style(f"The instrumentation failed: {parts}. The program was not affected; please report it.", "yellow")
    if health.lost_events:
        yield style(
            f"{plural(health.lost_events, 'event')} never arrived, as the program counts: the sums are too low.",
            "yellow",
        )
