"""What every dashboard keeps: stable names, words on every panel, known metrics, and queries that can be trusted."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest

from claude_otel import telemetry as t
from claude_otel.cache_watch import APIS, OURS
from claude_otel.monitoring import metric_names, promql, schema_walk
from claude_otel.monitoring.alert import Dashboard
from claude_otel.monitoring.alerts import all_alerts
from claude_otel.monitoring.config import Config
from claude_otel.monitoring.config_file import load
from claude_otel.monitoring.dashboards import all_boards, charted
from claude_otel.monitoring.dashboards.layout import WIDTH
from claude_otel.monitoring.dashboards.panel import Board, Panel
from claude_otel.monitoring.dashboards.queries import FOLLOWED, LEVELS
from claude_otel.monitoring.generated import WARNING, is_generated
from claude_otel.monitoring.rules_file import groups

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = {"default": Config(), "example": load(ROOT / "examples" / "claude-otel.yaml").config}

OF_THE_STACK = re.compile(r"(otelcol|prometheus|alertmanager)_\w+|up|ALERTS|scrape_\w+")
"""Series that the programs of the stack tell of themselves. That they exist is seen where these programs run."""

COUNTER = re.compile(
    r"\w+(_total|_bucket|_count|_sum)|otelcol_(exporter|receiver)_(sent|send|accepted|refused|enqueue)\w*"
)
"""Series that only grow: what they are is no answer, what they grew by is."""

GRAFANA_UNITS = {"s", "currencyUSD", "percentunit", "short", "none", "bytes", "dateTimeAsIso"}

SCREEN = 26
"""Rows of Grafana's grid that 1080 pixels show in kiosk mode, below the choices."""

JSON = dict[str, Any]


def boards() -> Iterator[tuple[str, Config, Board]]:
    """Every dashboard of an empty file and of one with everything."""
    for name, config in CONFIGS.items():
        for board in all_boards.boards(config):
            yield f"{board.uid}-{name}", config, board


EVERY = [pytest.param(config, board, id=name) for name, config, board in boards()]
PANELS = [
    pytest.param(config, board, panel, id=f"{name}-{panel.title}")
    for name, config, board in boards()
    for panel in board.panels
]


def written(config: Config, board: Board) -> JSON:
    """What Grafana reads."""
    (name,) = (name for name, each in CONFIGS.items() if each is config)
    return read(name, board.uid)


@cache
def read(config: str, uid: str) -> JSON:
    """The same, made once."""
    found = json.loads(all_boards.files(WARNING)[f"dashboards/{uid}.json"](CONFIGS[config]))
    assert isinstance(found, dict)
    return found


def shown(config: Config, board: Board, panel: Panel) -> JSON:
    """A panel as Grafana reads it."""
    (found,) = (each for each in written(config, board)["panels"] if each["title"] == panel.title)
    assert isinstance(found, dict)
    return found


def expressions(config: Config, board: Board) -> Iterator[str]:
    """Every query of a dashboard: of panels, of variables, of annotations."""
    whole = written(config, board)
    for panel in whole["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))
    for variable in whole["templating"]["list"][1:]:
        yield re.sub(r"^label_values\((.*), \w+\)$", r"\1", variable["query"]["query"])
    yield from (annotation["expr"] for annotation in whole["annotations"]["list"])


def series(expr: str) -> frozenset[str]:
    """The names of the series that a query reads."""
    return promql.names(re.sub(r'\{__name__=~"[^"]*"[^}]*\}', "claude_calls_total", expr))


class TestFiles:
    def test_there_is_one_for_each_uid_that_alerts_name(self) -> None:
        """Links of notifications lead somewhere."""
        assert set(all_boards.MAKERS) == set(get_args(Dashboard))
        assert {alert.dashboard for alert in all_alerts(Config())} <= set(all_boards.MAKERS)

    @pytest.mark.parametrize(("config", "board"), EVERY)
    def test_says_that_it_is_generated(self, config: Config, board: Board) -> None:
        """In its first line, and in the description that people see in Grafana."""
        text = all_boards.files(WARNING)[f"dashboards/{board.uid}.json"](config)
        assert is_generated(text)
        assert json.loads(text)["description"].startswith(WARNING)

    @pytest.mark.parametrize(("config", "board"), EVERY)
    def test_can_be_read(self, config: Config, board: Board) -> None:
        """A line of a difference is short, but for text and queries; the same file makes the same text."""
        text = all_boards.files(WARNING)[f"dashboards/{board.uid}.json"](config)
        assert text == all_boards.files(WARNING)[f"dashboards/{board.uid}.json"](config)
        long = [line for line in text.splitlines() if len(line) > 130]
        assert [
            line for line in long if not re.match(r'\s*[{]? ?"(description|expr|definition|query|says)":', line)
        ] == []


class TestBoard:
    @pytest.mark.parametrize(("config", "board"), EVERY)
    def test_is_provisioned(self, config: Config, board: Board) -> None:
        """Classic schema, its own uid, not to be edited, a time range and a refresh."""
        made = written(config, board)
        assert (made["uid"], made["schemaVersion"], made["editable"]) == (board.uid, 41, False)
        assert made["time"]["from"].startswith("now-")
        assert re.fullmatch(r"\d+[sm]", made["refresh"])
        assert "${DS_" not in json.dumps(made)
        assert "__inputs" not in made

    @pytest.mark.parametrize(("config", "board"), EVERY)
    def test_variables(self, config: Config, board: Board) -> None:
        """The data source first, then what is looked at, all of it unless chosen; each is followed by a panel."""
        variables = written(config, board)["templating"]["list"]
        assert [each["name"] for each in variables] == ["datasource", "service", "environment", "surface", "model"]
        for each in variables[1:]:
            assert (each["multi"], each["includeAll"], each["allValue"]) == (True, True, ".*")
            assert re.fullmatch(r"label_values\(.+\{.+\}, \w+\)", each["query"]["query"])
            label = each["query"]["query"].rpartition(", ")[2].rstrip(")")
            assert FOLLOWED[label] == each["name"]

    @pytest.mark.parametrize(("config", "board"), EVERY)
    def test_every_query_goes_to_the_data_source_that_was_chosen(self, config: Config, board: Board) -> None:
        """Panels, targets, variables and annotations."""
        chosen = {"type": "prometheus", "uid": "${datasource}"}
        made = written(config, board)
        asking = [
            *(panel for panel in made["panels"] if panel["type"] != "row"),
            *(target for panel in made["panels"] for target in panel.get("targets", ())),
            *made["templating"]["list"][1:],
            *made["annotations"]["list"],
        ]
        assert all(each["datasource"] == chosen for each in asking)

    @pytest.mark.parametrize(("config", "board"), EVERY)
    def test_annotations(self, config: Config, board: Board) -> None:
        """Alerts that fire, and releases."""
        alerts, deploys = written(config, board)["annotations"]["list"]
        assert 'alertstate="firing"' in alerts["expr"]
        assert "service_version" in deploys["expr"]
        assert alerts["enable"] is deploys["enable"] is True

    @pytest.mark.parametrize(("config", "board"), EVERY)
    def test_layout(self, config: Config, board: Board) -> None:
        """Nothing overlaps, nothing is beyond the grid, no hole is left in a row, and ids are unique."""
        panels = written(config, board)["panels"]
        assert len({each["id"] for each in panels}) == len(panels)
        taken: dict[tuple[int, int], int] = {}
        for each in panels:
            at = each["gridPos"]
            assert at["x"] + at["w"] <= WIDTH
            for x in range(at["x"], at["x"] + at["w"]):
                for y in range(at["y"], at["y"] + at["h"]):
                    assert (x, y) not in taken, f"{each['title']} is over panel {taken[x, y]}"
                    taken[x, y] = each["id"]
        bottom = max(y for _, y in taken) + 1
        assert len(taken) == WIDTH * bottom

    @pytest.mark.parametrize(("config", "board"), EVERY)
    def test_titles_are_unique(self, config: Config, board: Board) -> None:
        """So that a panel can be named."""
        titles = [panel.title for panel in board.panels]
        assert len(set(titles)) == len(titles)

    def test_on_call_is_one_screen(self) -> None:
        """1920 by 1080 in kiosk mode."""
        for config in CONFIGS.values():
            board = all_boards.MAKERS["claude-oncall"](config)
            assert sum(row.height + bool(row.title) for row in board.rows) <= SCREEN

    def test_on_call_answers_first(self) -> None:
        """The first row has the five questions, each with a word."""
        first = all_boards.MAKERS["claude-oncall"](Config()).rows[0]
        assert {panel.kind for _, panel in first.panels} == {"answer"}
        assert {panel.title[0] for _, panel in first.panels} == set("12345")


class TestPanel:
    @pytest.mark.parametrize(("config", "board", "panel"), PANELS)
    def test_says_what_it_is(self, config: Config, board: Board, panel: Panel) -> None:
        """What it shows, what is good, what to do, which choices it follows; a word for when there is nothing."""
        made = shown(config, board, panel)
        text = made["description"]
        assert len(panel.says) > 20
        assert panel.says in text
        assert f"**Good:** {panel.good}" in text
        assert f"**Else:** {panel.do}" in text
        followed = {name for name in FOLLOWED.values() if any(f"${name}" in query.expr for query in panel.queries)}
        told = re.search(r"Follows(?:, each part what it can)?: ([a-z, ]+)\.$", text)
        assert set(told[1].split(", ")) == followed if told else not followed
        assert made["fieldConfig"]["defaults"]["noValue"] == panel.nothing != "No data"

    @pytest.mark.parametrize(("config", "board", "panel"), PANELS)
    def test_unit(self, config: Config, board: Board, panel: Panel) -> None:
        """One that Grafana knows or a suffix; a table has one for each column."""
        made = shown(config, board, panel)["fieldConfig"]
        units = [made["defaults"]["unit"]]
        for override in made["overrides"]:
            units += [each["value"] for each in override["properties"] if each["id"] == "unit"]
        assert all(unit in GRAFANA_UNITS or unit.startswith("suffix: ") for unit in units)
        if panel.kind == "table":
            assert len(units) == len(panel.columns) + 1

    @pytest.mark.parametrize(("config", "board", "panel"), PANELS)
    def test_thresholds_rise(self, config: Config, board: Board, panel: Panel) -> None:
        """Colours are in the order of their values."""
        for steps in (panel.steps, *(column.steps for column in panel.columns)):
            assert [value for value, _ in steps] == sorted({value for value, _ in steps})

    @pytest.mark.parametrize(("config", "board", "panel"), PANELS)
    def test_leads_somewhere(self, config: Config, board: Board, panel: Panel) -> None:
        """To another dashboard or a runbook that exists."""
        assert panel.boards or panel.alerts
        assert set(panel.boards) <= set(all_boards.MAKERS) - {board.uid}
        names = {alert.name for alert in all_alerts(config)}
        assert set(panel.alerts) <= names
        assert all((ROOT / "alerts" / "runbooks" / f"{alert}.md").is_file() for alert in panel.alerts)

    @pytest.mark.parametrize(("config", "board", "panel"), PANELS)
    def test_columns(self, config: Config, board: Board, panel: Panel) -> None:
        """A table shows every query, and no value twice; other panels have no columns."""
        if panel.kind != "table":
            assert not panel.columns
            return
        letters = [column.of for column in panel.columns if re.fullmatch("[A-J]", column.of)]
        assert letters in (list("ABCDEFGHIJ")[: len(panel.queries)], [])
        assert len({column.title for column in panel.columns}) == len(panel.columns)

    @pytest.mark.parametrize(("config", "board", "panel"), PANELS)
    def test_legends_are_labels_of_the_result(self, config: Config, board: Board, panel: Panel) -> None:
        """Curves and bars of several queries can be told apart."""
        if panel.kind in ("curves", "bars"):
            legends = [query.legend for query in panel.queries]
            assert all(legends)
            assert len(set(legends)) == len(legends)

    @pytest.mark.parametrize(("config", "board", "panel"), PANELS)
    def test_values_that_it_names_exist(self, config: Config, board: Board, panel: Panel) -> None:
        """Values of labels, keys of claude-otel.yaml and fields of the API, as text has them."""
        known = {*OURS, *APIS, *THE_API, *re.findall(r"\w+", json.dumps(schema_walk.whole()))}
        for text in (panel.says, panel.good, panel.do):
            words = {word for code in re.findall(r"`([^`]+)`", text) for word in code.split(".") if "_" in word}
            assert {word for word in words if re.fullmatch("[a-z_]+", word)} <= known


class TestPage:
    def test_is_up_to_date(self) -> None:
        """`python tools/write_dashboard_docs.py` renews it."""
        command = [sys.executable, str(ROOT / "tools" / "write_dashboard_docs.py"), "--check"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


THE_API = {
    "end_turn",
    "tool_use",
    "max_tokens",
    "closed_early",
    "cache_control",
    "output_config",
    "claude_otel",
    "cache_write",
}


WINDOWS = {
    r"5 min": "5m", r"30 min|USD an hour": "30m", r"hour before|1 h\b|1 hour|[Ll]ast hour|Hits$": "1h",
    r"24 hours": "1d", r"10 minutes": "10m",
}  # fmt: skip
"""Windows as titles have them."""

ALSO = {
    "2 · Surfaces in the last 5 minutes": {"1h"},  # the burn, whose column says so
    "4 · What changed? Last hour": {"30m", "1d"},  # a model is new that is called, and was not for a day before
    "4 · New in the last hour": {"30m", "1d"},
    "4 · The last hour, and the same hour yesterday": {"5m", "1d"},  # p95; yesterday
    "5 · Is the cache broken? Hits": {"7d"},  # against its own week
    "Retried calls in 5 minutes: recovered, or failed all the same": {"1h"},  # how far the ledger looks back
    "Tokens written for 5 minutes and for an hour, and read": {"1h"},  # the titles' are lifetimes
}
"""Other windows of a panel than its title's, and why."""


class TestQueries:
    @pytest.mark.parametrize(("config", "board"), EVERY)
    def test_every_series_exists(self, config: Config, board: Board) -> None:
        """It is in the table of telemetry, or recorded, or told by a program of the stack."""
        recorded = {rule.record for group in groups(CONFIGS["example"]) for rule in group.rules}
        read = {name for expr in expressions(config, board) for name in series(expr)}
        unknown = {name for name in read - metric_names.RAW - recorded if not OF_THE_STACK.fullmatch(name)}
        assert unknown == set()

    @pytest.mark.parametrize(("config", "board"), EVERY)
    def test_levels_of_recorded_series_are_known(self, config: Config, board: Board) -> None:
        """The labels that they are chosen by are those that they have."""
        read = {name for expr in expressions(config, board) for name in series(expr) if ":" in name}
        levels = {name.partition(":")[0] for name in read if not name.endswith((":ledger", ":constant", ":now"))}
        assert levels - {"model_component"} <= set(LEVELS)

    @pytest.mark.parametrize(("config", "board"), EVERY)
    def test_no_counter_is_summed_as_it_is(self, config: Config, board: Board) -> None:
        """A counter stands in a rate, in a difference, or is only counted or looked at for its labels."""
        for expr in expressions(config, board):
            plain = strings_apart(expr)
            for found in re.finditer(r"(?<![\w:])([a-z]\w*)(\{[^}]*\})?(\[[^\]]*\])?", plain):
                if COUNTER.fullmatch(found[1]) and found[3] is None:
                    before, after = plain[: found.start()], plain[found.end() :]
                    looked_at = re.search(r"(\b(group|count)( by \([^)]*\))? |\btimestamp)\(\s*$", before)
                    difference = re.match(rf" - \({found[1]}\b| offset | \* 0", after)
                    assert looked_at or difference or plain == found[0], (found[1], expr)

    @pytest.mark.parametrize(("config", "board"), EVERY)
    def test_rates_are_over_the_rate_interval(self, config: Config, board: Board) -> None:
        """So that they have two samples whatever the export interval and the zoom are."""
        for expr in expressions(config, board):
            assert set(re.findall(r"\b(?:rate|irate|increase)\([^\[]*\[([^\]]*)\]", expr)) <= {"$__rate_interval"}

    @pytest.mark.parametrize(("config", "board", "panel"), PANELS)
    def test_windows_are_those_of_the_title(self, config: Config, board: Board, panel: Panel) -> None:
        """What a title says of time is in its queries, and nothing else is but what is explained here."""
        said = {window for words, window in WINDOWS.items() if re.search(words, panel.title)}
        for query in panel.queries if said else ():
            windows = set(re.findall(r"(?:increase|ratio|_|\[|offset )(\d+[mhd])\b(?!:)", query.expr))
            assert windows <= said | ALSO.get(panel.title, set()), (panel.title, windows)

    @pytest.mark.parametrize(("config", "board"), EVERY)
    def test_brackets_close(self, config: Config, board: Board) -> None:
        """Queries are written from parts."""
        for expr in expressions(config, board):
            plain = strings_apart(expr)
            assert all(plain.count(a) == plain.count(b) for a, b in ("()", "[]", "{}")), expr


def strings_apart(expr: str) -> str:
    """`expr` with empty strings."""
    return re.sub(r'"(?:[^"\\]|\\.)*"', '""', expr)


class TestCharted:
    def test_every_metric_is_on_a_panel(self) -> None:
        """But for at most five, each with a reason. A recorded series stands for the raw ones that it is made of."""
        recorded: dict[str, set[str]] = {}
        for group in groups(CONFIGS["example"]):
            for rule in group.rules:
                recorded.setdefault(rule.record, set()).update(promql.names(rule.expr) - {rule.record})
        read = {
            name
            for board in all_boards.boards(CONFIGS["example"])
            for panel in board.panels
            for query in panel.queries
            for name in series(query.expr)
        }
        while more := {source for name in read for source in recorded.get(name, ())} - read:
            read |= more
        missing = {metric.name for metric in t.METRICS if not read & set(metric_names.series(metric))}
        assert missing == set(charted.LEFT_OUT)
        assert len(missing) <= 5
        assert all(len(reason) > 20 for reason in charted.LEFT_OUT.values())
