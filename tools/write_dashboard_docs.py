"""Writes docs/dashboards.md: `make docs`. With `--check`, fails when it is out of date."""

from __future__ import annotations

import sys
from pathlib import Path

from claude_otel.monitoring.config import Config
from claude_otel.monitoring.dashboards import all_boards
from claude_otel.monitoring.dashboards.panel import Board, Panel, Row

PAGE = Path(__file__).resolve().parent.parent / "docs" / "dashboards.md"
PICTURES = "Grafana 12.3.0, 2026-11-21, filled by the scenarios of `claude-otel demo` on the native stack"

HEAD = """\
<!-- Written by `make docs` from src/claude_otel/monitoring/dashboards/. Do not edit. -->

# Dashboards

Six dashboards come with the stack, in Grafana's folder Claude. They are generated from claude-otel.yaml and the table
of telemetry into `dashboards/*.json` (`claude-otel generate`), so thresholds are yours, and a change of a dashboard is
a difference that can be read. Every panel says in its description (the i beside its title) what is good, what to do,
and which of the choices at the top it follows.

- **Choices**: data source, service, environment, surface, model. Some numbers are recorded by surface only; a panel
  counts whole what it does not follow, and says so.
- **Exact**: sums of calls, tokens and money come from [the ledger](ledger.md); what is an estimate says so.
- **Blue marks** are releases (`service.version`), red ones are alerts that began to fire. Dots on the curves by model
  are calls, and lead to their traces where there is a Tempo.
- **Export interval**: Grafana's data source is told 60 s (`timeInterval`), which holds for 10 s as well. Tell it yours
  if it is longer.
- **Cost of asking**: [dashboards-cost.md](dashboards-cost.md). What panels say is compared with the fake API's journal
  by `make test-rules`.

On a wall: `/d/claude-oncall?kiosk` is one screen of 1920 by 1080.

"""


def page() -> str:
    """The page."""
    return HEAD + "\n".join(section(board) for board in all_boards.boards(Config()))


def section(board: Board) -> str:
    """One dashboard."""
    rows = "".join(line(row) for row in board.rows)
    return f"""\
## {board.title.removeprefix("Claude: ").capitalize()}

`{board.uid}`. {board.description}

![{board.title}](pictures/{board.uid}.png)

{PICTURES}

| Panel | What it shows | Good | Else |
| --- | --- | --- | --- |
{rows}"""


def line(row: Row) -> str:
    """The panels of a row."""
    return "".join(cells(panel) for _, panel in row.panels)


def cells(panel: Panel) -> str:
    """A panel as a line of a table."""
    texts = (panel.title, panel.says, panel.good, panel.do)
    return f"| {' | '.join(text.replace('|', chr(92) + '|') for text in texts)} |\n"


def main() -> None:
    """Writes the page, or says that it differs."""
    wanted = page()
    if "--check" not in sys.argv:
        PAGE.write_text(wanted)
    elif PAGE.read_text() != wanted:
        raise SystemExit("docs/dashboards.md is out of date: run `make docs`")


if __name__ == "__main__":
    main()
