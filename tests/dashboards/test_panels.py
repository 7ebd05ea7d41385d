"""Every query of every dashboard, asked of a real Prometheus that a program's calls filled, against the journal."""

from __future__ import annotations

import math
import os
import pickle
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any

import invented_history
import pytest
from asking import ALL, Values
from expectations import EXPECTATIONS, OTHERS, SOME_KEYS, Between, Expectation, Expected
from filled import CONFIG, PAST, Filled, filled
from journal import Truth, truth
from native_stack import eventually

import journal_truth
from claude_otel.demo.scenarios import SCENARIOS
from claude_otel.fakeapi import Entry
from claude_otel.monitoring import ledger
from claude_otel.monitoring.dashboards import all_boards
from claude_otel.monitoring.dashboards.grafana_json import deploys, firing
from claude_otel.monitoring.dashboards.panel import Board, Panel, Query
from claude_otel.monitoring.dashboards.variables import variables

pytestmark = pytest.mark.components

BOARDS = {board.uid: board for board in all_boards.boards(CONFIG)}
PANELS = {(uid, panel.title): panel for uid, board in BOARDS.items() for panel in board.panels}
CASES = [pytest.param(each, id=f"{each.board}-{each.title}") for each in EXPECTATIONS]

INTERVALS = (10.0, 60.0)
"""The export intervals at which dashboards must work, as data sources are told."""

Asked = dict[tuple[str, str], list[Values]]


@dataclass(frozen=True)
class Seen:
    """A scenario after it was played: what was served, what every panel said, and curves by export interval."""

    filled: Filled
    entries: list[Entry]
    values: Asked
    curves: dict[float, dict[tuple[str, str], list[list[dict[str, Any]]]]]
    choices: Mapping[str, set[str]]
    annotations: Mapping[str, list[dict[str, Any]]]
    left: Mapping[tuple[str, str, str], list[float]]
    """What panels still said that follow a variable, when it was nobody: by variable, dashboard and title."""
    changed: Mapping[tuple[str, str, int, str], Values]
    """What queries say without one of their matchers: by dashboard, title, number of the query, and matcher."""

    @property
    def truth(self) -> Truth:
        """What the journal says, of mixed.py."""
        return truth(self.entries)


Play = Callable[[str], Seen]


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Play:
    """Plays a scenario, once, on a stack of its own, and asks all dashboards at its end."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    @cache
    def played(scenario: str) -> Seen:
        folder = shared / f"played-{scenario}"
        try:
            folder.mkdir()
        except FileExistsError:
            return by_another(folder)
        with recorded_in(folder), filled(folder / "stack", scenario) as found:
            result = seen(found)
            (folder / "new").write_bytes(pickle.dumps(result))
        return result

    return played


@contextmanager
def recorded_in(folder: Path) -> Iterator[None]:
    """Tells the other workers of the test run whether the scenario was played to its end."""
    try:
        yield
        (folder / "new").rename(folder / "seen")
    except BaseException:
        (folder / "failed").touch()
        raise


def by_another(folder: Path) -> Seen:
    """What another worker of the test run has seen."""
    found = eventually(lambda: {each.name for each in folder.iterdir()}, {"seen", "failed"}.intersection, 600)
    assert "seen" in found, f"another worker could not play {folder.name}"
    result = pickle.loads((folder / "seen").read_bytes())
    assert isinstance(result, Seen)
    return result


def seen(found: Filled) -> Seen:
    """What every dashboard says of a stack."""
    grafana = found.grafana()
    curves: dict[float, dict[tuple[str, str], list[list[dict[str, Any]]]]] = {}
    for interval in INTERVALS:
        at = found.grafana(interval=interval)
        over_time = {key: panel for key, panel in PANELS.items() if panel.kind == "curves"}
        curves[interval] = {key: [at.curve(each) for each in panel.queries] for key, panel in over_time.items()}
    asked = {name["name"]: grafana.label_values(name["definition"]) for name in variables()[1:]}
    marks = {each["name"]: grafana.curve(Query(each["expr"])) for each in (firing(), deploys())}
    values = {key: [grafana.values(panel, n) for n in range(len(panel.queries))] for key, panel in PANELS.items()}
    return Seen(found, found.entries, values, curves, asked, marks, dict(left(found)), dict(changed(found)))


def left(found: Filled) -> Iterator[tuple[tuple[str, str, str], list[float]]]:
    """What panels say that follow a variable, when it is nobody: by variable, dashboard and title."""
    for name in ALL:
        grafana = found.grafana(chosen={**ALL, name: "nobody"})
        for (uid, title), panel in PANELS.items():
            following = [number for number, each in enumerate(panel.queries) if f"${name}" in each.expr]
            yield (name, uid, title), [value for n in following for value in grafana.values(panel, n).values() if value]


MATCHER = re.compile(r'(?<=[{ ])\w+(?:=~|!~|!=|=)"[^"$]*"')


def changed(found: Filled) -> Iterator[tuple[tuple[str, str, int, str], Values]]:
    """What every query says without one of its matchers, but for those that follow a variable."""
    grafana = found.grafana()
    for (uid, title), panel in PANELS.items():
        for number, query in enumerate(panel.queries):
            for matcher in dict.fromkeys(MATCHER.findall(query.expr)):
                less = re.sub(rf"(, )?{re.escape(matcher)}(?=[,}}])", "", query.expr).replace("{, ", "{")
                queries = [replace(each, expr=less) if each is query else each for each in panel.queries]
                with suppress(AssertionError, OSError):  # two results of one name, or a query that is none
                    yield (uid, title, number, matcher), grafana.values(replace(panel, queries=tuple(queries)), number)


def close(value: float, wanted: float | Between) -> bool:
    """Whether a value is the one that is wanted."""
    if isinstance(wanted, Between):
        return wanted.low <= value <= wanted.high
    return math.isclose(value, wanted, rel_tol=1e-6, abs_tol=1e-9)


def wrong(values: Values, wanted: Expected, some: bool) -> dict[str, Any]:
    """What is not as it should be: nothing, if all is. `some` lets there be more than what is wanted."""
    found: dict[str, Any] = {}
    for key in {*wanted, *({} if some else values)}:
        if key not in values or key not in wanted or not close(values[key], wanted[key]):
            found["|".join(key)] = (values.get(key), wanted.get(key))
    return found


def of(case: Expectation, seen: Seen) -> list[Values]:
    """What a panel said."""
    return seen.values[case.board, case.title]


HELD_ELSEWHERE = {
    'part="since"': "alerts/tests/recording-ledger*.yml: what a window is of a book that is older than it",
    'part="total"': "the same, where there is no loss to tell",
    'job="collector"': "there is one of each program",
    'job="prometheus"': "the same",
    'job="alertmanager"': "the same",
    'job=~"collector|prometheus|alertmanager"': "the same",
    'alertname!="Watchdog"': "it is an info, which is left out",
    'severity!="info"': "no info fires so soon but the Watchdog, which is left out",
    'service_version!=""': "every program has a version",
    'gen_ai_operation_name="chat"': "calls of the batch API take about as long",
    'claude_outcome="completed"': "calls that fail take about as long",
    'claude_blame!~"none|cancelled|refused"': "of yesterday, of which there is nothing",
}
"""Matchers that mixed.py's calls do not need everywhere, and why."""


class TestTable:
    def test_has_every_query_of_every_panel(self) -> None:
        """Each panel once, with as many expectations as it has queries."""
        assert [(each.board, each.title) for each in EXPECTATIONS] == list(dict.fromkeys(PANELS))
        for each in EXPECTATIONS:
            assert len(each.says) == len(PANELS[each.board, each.title].queries), each.title
            assert each.changed_by in {*SCENARIOS, *OTHERS}


class TestMixed:
    @pytest.mark.parametrize("case", CASES)
    def test_says_what_the_journal_says(self, play: Play, case: Expectation) -> None:
        """Each query has the results that it should have, no more and no fewer, with the right numbers."""
        mixed = play("mixed")
        for number, (values, say) in enumerate(zip(of(case, mixed), case.says, strict=True)):
            wanted = say(mixed.truth, mixed.filled)
            assert wrong(values, wanted, case.title in SOME_KEYS) == {}, f"query {number}"

    @pytest.mark.parametrize("case", CASES)
    def test_a_wrong_number_is_noticed(self, play: Play, case: Expectation) -> None:
        """Twice the number where it is exact, far more where it is bounded: some expectation fails."""
        mixed = play("mixed")
        for values, say in zip(of(case, mixed), case.says, strict=True):
            wanted = say(mixed.truth, mixed.filled)
            bounded = any(isinstance(each, Between) for each in wanted.values())
            more = {key: value * (1e6 if bounded else 2) + 1 for key, value in values.items()}
            assert wrong(more, wanted, case.title in SOME_KEYS) or not values

    @pytest.mark.parametrize("case", CASES)
    def test_every_matcher_is_needed(self, play: Play, case: Expectation) -> None:
        """Without one of its matchers a query says something wrong, but for those that other tests hold."""
        mixed = play("mixed")
        survived = set()
        for (uid, title, number, matcher), values in mixed.changed.items():
            if (uid, title) == (case.board, case.title):
                wanted = case.says[number](mixed.truth, mixed.filled)
                if wrong(values, wanted, title in SOME_KEYS) == {}:
                    survived.add(matcher)
        assert survived <= set(HELD_ELSEWHERE)

    @pytest.mark.parametrize("case", CASES)
    def test_something_changes_it(self, play: Play, case: Expectation) -> None:
        """In the scenario that it names the panel says something else."""
        assert of(case, play(case.changed_by)) != of(case, play("mixed"))

    @pytest.mark.parametrize("interval", INTERVALS)
    @pytest.mark.parametrize(
        "case", [each for each in CASES if PANELS[each.values[0].board, each.values[0].title].kind == "curves"]
    )  # type: ignore[attr-defined]
    def test_curves_have_data_at_every_export_interval(self, play: Play, case: Expectation, interval: float) -> None:
        """Where the journal has something, the curve has a point."""
        mixed = play("mixed")
        for curves, say in zip(mixed.curves[interval][case.board, case.title], case.says, strict=True):
            if say(mixed.truth, mixed.filled):
                assert any(each["values"] for each in curves)

    def test_choices(self, play: Play) -> None:
        """Every variable has the values that were called with."""
        choices = play("mixed").choices
        calls = play("mixed").truth.calls
        assert choices["service"] == {"shop"}
        assert choices["environment"] == {"test"}
        assert choices["surface"] == {call.surface for call in calls}
        assert choices["model"] == {part.model for part in play("mixed").truth.parts if part.tokens}

    def test_a_choice_leaves_out_the_rest(self, play: Play) -> None:
        """Each panel that follows a variable has nothing of what was not chosen."""
        for (name, uid, title), values in play("mixed").left.items():
            assert values == [] or PANELS[uid, title].in_part, f"{uid}, {title} without a {name}"

    def test_annotations(self, play: Play) -> None:
        """The release and the alerts that fire are marked."""
        marks = play("mixed").annotations
        assert [each["metric"]["service_version"] for each in marks["Deploys"]] == ["7"]
        assert {each["metric"]["alertname"] for each in marks["Alerts"]} >= {"ClaudeSpendLimitReached"}


class TestPast:
    """A book that is three days old, with the same calls after them: what looks back is right too."""

    def test_month_and_forecast(self, play: Play) -> None:
        """This month is what the invented days cost and what the journal says; the forecast goes on at that rate."""
        past = play("past")
        now = datetime.fromtimestamp(past.filled.at, timezone.utc)
        if now.day <= PAST.days:
            pytest.skip("the invented days are partly last month's, whose midnights are not invented")
        hourly = sum(1 + len(labels) for labels in invented_history.kept(PAST, ledger.COST))
        (since,) = said(past, "claude-pipeline", "Money is counted since").values()
        hours = 24 * PAST.days - invented_history.RECORDED_STEP / 3600  # the last sample is a step before the end
        spent = hourly * hours + sum(past.truth.usd().values())
        assert wrong(said(past, "claude-cost", "This month"), {("",): spent}, some=False) == {}
        month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        left = (month + timedelta(days=32)).replace(day=1).timestamp() - past.filled.at
        wanted = spent + spent / (past.filled.at - since / 1000) * left
        (forecast,) = said(past, "claude-cost", "Month, forecast").values()
        assert math.isclose(forecast, wanted, rel_tol=1e-3)

    def test_yesterday(self, play: Play) -> None:
        """Each row has the same hour of yesterday, as it was invented, and the change since."""
        past = play("past")
        now, before, change = past.values["claude-oncall", "4 · The last hour, and the same hour yesterday"]
        assert set(before) == set(now)
        assert 1.5 <= before["Calls",] <= 4.5
        assert {key for key in change if not close(change[key], now[key] / before[key] - 1)} == set()
        assert ("Calls",) in change


def messages(entries: list[Entry]) -> list[Entry]:
    """The attempts to create a message."""
    return [entry for entry in entries if entry.endpoint == "messages"]


def said(seen: Seen, board: str, title: str, query: int = 0) -> Values:
    """What a query of a panel said."""
    return seen.values[board, title][query]


class TestFiveQuestions:
    """The demo's own scenarios: a panel's number is the journal's."""

    def test_is_it_us_or_anthropic(self, play: Play) -> None:
        """In the outage it is Anthropic, with the share and the number of the calls that failed."""
        outage = play("outage")
        calls, bad = calls_and_failed(outage.entries)
        assert bad > 0
        answer = said(outage, "claude-oncall", "1 · Is it us or Anthropic?")
        assert wrong(answer, {("provider",): bad / calls}, some=False) == {}
        curve = said(outage, "claude-oncall", "1 · Calls that failed in 5 minutes, by who is to blame")
        assert wrong(curve, {("provider",): bad}, some=False) == {}

    def test_who_is_hurt(self, play: Play) -> None:
        """In the outage: the surface with the largest share of failed calls, with that share."""
        outage = play("outage")
        shares = {}
        for surface, model in (("checkout-chat", "sonnet"), ("report-writer", "opus")):
            calls, bad = calls_and_failed(
                [each for each in messages(outage.entries) if model in str(each.model_requested)]
            )
            shares[surface] = bad / calls
        worst = max(shares, key=lambda name: shares[name])
        assert wrong(said(outage, "claude-oncall", "2 · Who is hurt?"), {(worst,): shares[worst]}, some=False) == {}

    def test_what_burns_money(self, play: Play) -> None:
        """In the runaway: each call site, with twice what it cost in this half hour, as USD an hour."""
        runaway = play("runaway")
        usd = {surface: float(journal_truth.usd(entries)) for surface, entries in by_surface(runaway.entries).items()}
        assert usd["refund-agent"] > 0
        sites = said(runaway, "claude-oncall", "3 · Dearest call sites, USD an hour")
        assert wrong(sites, {(name, SITES[name]): 2 * value for name, value in usd.items()}, some=False) == {}
        worst = max(usd, key=lambda name: usd[name])
        answer = said(runaway, "claude-oncall", "3 · What burns? USD an hour")
        assert wrong(answer, {(worst,): 2 * usd[worst]}, some=False) == {}
        assert wrong(said(runaway, "claude-cost", "Today"), {("",): sum(usd.values())}, some=False) == {}

    def test_when_is_the_limit_hit(self, play: Play) -> None:
        """In the runaway: how long the day's or the month's budget lasts at this hour's rate, else how much is used."""
        runaway = play("runaway")
        spent = float(journal_truth.usd(runaway.entries))
        daily, monthly = CONFIG.budgets.daily_usd, CONFIG.budgets.monthly_usd
        assert daily
        assert monthly
        now = datetime.fromtimestamp(runaway.filled.at, timezone.utc)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        ends = {
            "day": midnight + timedelta(days=1),
            "month": (midnight.replace(day=1) + timedelta(days=32)).replace(day=1),
        }
        lasts = {"day": 3600 * (daily - spent) / spent, "month": 3600 * (monthly - spent) / spent}
        hit = {name: seconds for name, seconds in lasts.items() if seconds < (ends[name] - now).total_seconds()}
        first = min(hit, key=lambda name: hit[name], default="")
        wanted = {(first,): hit[first]} if first else {("enough",): max(spent / daily, spent / monthly)}
        assert wrong(said(runaway, "claude-oncall", "3 · When is the limit hit?"), wanted, some=False) == {}

    def test_what_changed(self, play: Play) -> None:
        """In the cache break: the system prompt, as often as the journal has a new one after another."""
        broken = play("cache-break")
        changed = said(broken, "claude-oncall", "4 · New in the last hour")
        chats = [each for each in messages(broken.entries) if "sonnet" in str(each.model_requested)]
        fresh = len([each for each in chats if "It is 2" in each.body])
        assert fresh > 0
        found = changed["Prompt of", "checkout-chat"]
        assert 0.5 * fresh <= found <= fresh + 1
        assert ("Release", "shop 7") in changed

    def test_is_the_cache_broken_and_why(self, play: Play) -> None:
        """In the cache break: the chat's hit ratio, and what was lost as its system prompt changed."""
        broken = play("cache-break")
        chats = [each for each in messages(broken.entries) if "sonnet" in str(each.model_requested)]
        counts = journal_truth.tokens(journal_truth.usages(chats))
        ratio = counts["cache_read"] / counts["input"]
        assert (
            wrong(
                said(broken, "claude-oncall", "5 · Is the cache broken? Hits"), {("checkout-chat",): ratio}, some=False
            )
            == {}
        )
        hits = said(broken, "claude-cache", "Hit ratio in the hour before, by surface")
        assert close(hits["checkout-chat",], ratio)
        reasons = said(broken, "claude-oncall", "5 · Why the cache missed: USD lost in the hour before")
        assert max(reasons, key=lambda key: reasons[key]) == ("checkout-chat: system_changed",)


SITES = {
    "checkout-chat": "claude_otel.demo.app:chat", "report-writer": "claude_otel.demo.app:report",
    "refund-agent": "claude_otel.demo.app:step", "nightly-batch": "claude_otel.demo.app:batch",
}  # fmt: skip
"""The call site of each surface of the demo."""


def by_surface(entries: list[Entry]) -> dict[str, list[Entry]]:
    """The requests of each surface of the demo, told apart by model and text."""
    found: dict[str, list[Entry]] = {name: [] for name in SITES}
    for entry in entries:
        if entry.endpoint != "messages":
            found["nightly-batch"].append(entry)
        elif "Refund order" in entry.body:
            found["refund-agent"].append(entry)
        else:
            found["checkout-chat" if "sonnet" in str(entry.model_requested) else "report-writer"].append(entry)
    return found


def calls_and_failed(entries: list[Entry]) -> tuple[int, int]:
    """How many calls there were, and how many failed by the provider: refused in the last attempt, or cut."""
    served = messages(entries)
    others = [each for each in entries if each.endpoint != "messages"]
    calls = len([each for each in served if each.retry_count == 0]) + len(
        [each for each in others if each.retry_count == 0]
    )
    refused = [each for each in entries if each.status == 529 and each.retry_count == 2]
    cut = [each for each in served if each.status == 200 and each.fault == "cut_mid_stream"]
    return calls, len(refused) + len(cut)


def test_every_dashboard_is_asked() -> None:
    """And every panel of it."""
    assert set(BOARDS) == set(all_boards.MAKERS)
    assert all(
        isinstance(board, Board) and all(isinstance(each, Panel) for each in board.panels) for board in BOARDS.values()
    )
