"""The player, on a stage made by hand: what it takes for seen, and which step it says did not happen."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from claude_otel.cli.drill_page import document, lines, outage_document, outage_lines
from claude_otel.cli.fmt import Style
from claude_otel.drill import player
from claude_otel.drill.outage import Outage
from claude_otel.drill.player import Player, Result
from claude_otel.drill.scenario import Other, Scenario
from claude_otel.drill.sightings import News, Sightings, matches, turns_of

PAGE = {"severity": "page", "category": "errors"}
SHOP = {"claude_surface": "shop"}


def labels(alert: str, **more: str) -> dict[str, str]:
    """The labels of an alert."""
    return {"alertname": alert, **PAGE, **more}


def told(receiver: str, *alerts: tuple[str, dict[str, str]], at: float = 0) -> dict[str, Any]:
    """A notification of one group, as Alertmanager sends it."""
    name = alerts[0][1]["alertname"]
    return {
        "receiver": receiver,
        "groupKey": f"{{}}:{{{name}}}",
        "commonLabels": PAGE,
        "at": f"2026-11-21T17:{int(at) // 60:02d}:{int(at) % 60:02d}.000+00:00",
        "alerts": [
            {"status": status, "labels": each, "fingerprint": str(sorted(each.items()))} for status, each in alerts
        ],
    }


ERRORS, BURN = labels("Errors", **SHOP), labels("Burn", **SHOP)


@dataclass
class World:
    """What Prometheus and Alertmanager do once the alert is caused, and once it is put right."""

    caused: Callable[[Sightings], None] = lambda seen: None
    remedied: Callable[[Sightings], None] = lambda seen: None
    sightings: Sightings = field(default_factory=lambda: Sightings(None, {}))  # type: ignore[arg-type]

    def scenario(self, **more: Any) -> Scenario:
        """The scenario of the alert `Errors`."""
        usual: dict[str, Any] = {
            "alert": "Errors", "cause": "every call fails", "receiver": "oncall", "labels": SHOP, "patience": 0.3,
            "begin": lambda _: self.caused(self.sightings), "remedy": lambda _: self.remedied(self.sightings),
        }  # fmt: skip
        return Scenario(**{**usual, **more})

    def play(self, *scenarios: Scenario) -> list[Result]:
        """Plays scenarios here, one of `Errors` by default."""
        stage: Any = SimpleNamespace(sightings=self.sightings, cancelled=threading.Event(), say=lambda _: None)
        return Player(stage, scenarios or (self.scenario(),)).play()


def fires(*notifications: dict[str, Any]) -> Callable[[Sightings], None]:
    """The alert fires, and these arrive."""

    def happen(seen: Sightings) -> None:
        seen.firing = [ERRORS]
        seen.told = [*seen.told, *notifications]

    return happen


def ends(*notifications: dict[str, Any]) -> Callable[[Sightings], None]:
    """It fires no more, and these arrive."""

    def happen(seen: Sightings) -> None:
        seen.firing = []
        seen.told = [*seen.told, *notifications]

    return happen


FIRES, RESOLVED = told("oncall", ("firing", ERRORS)), told("oncall", ("resolved", ERRORS), at=60)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for that does not come."""
    monkeypatch.setattr(player, "GRACE", 2.0)
    monkeypatch.setattr("claude_otel.drill.sightings.EVERY", 0.01)


def test_all_of_it_is_seen() -> None:
    """It fires, arrives, resolves: one notification of each."""
    (result,) = World(fires(FIRES), ends(RESOLVED)).play()
    assert result.well
    assert result.receiver == "oncall"
    assert (result.fired or 0) <= (result.told or -1)
    assert result.resolved is not None


AGAIN, TEAM = told("oncall", ("firing", ERRORS), at=5), told("team", ("firing", ERRORS))
ANEW, OVER_AGAIN = told("oncall", ("firing", ERRORS), at=70), told("oncall", ("resolved", ERRORS), at=61)

STEPS = {
    "not firing": (World(), "did not fire in Prometheus within"),
    "not told": (World(fires(), ends()), "fired, and nobody was told within"),
    "not resolved": (World(fires(FIRES), ends()), "nobody was told that it has resolved within"),
    "firing still": (World(fires(FIRES), fires(RESOLVED)), "resolved, and fires in Prometheus still within"),
    "another": (
        World(fires(TEAM), ends(told("team", ("resolved", ERRORS)))),
        "that it fires was told team, not oncall",
    ),
    "one more": (World(fires(FIRES, TEAM), ends(RESOLVED)), "that it fires was told oncall and team, not oncall"),
    "twice": (World(fires(FIRES, AGAIN), ends(RESOLVED)), "oncall was told again what it knew, in 1 notification"),
    "anew": (World(fires(FIRES, RESOLVED, ANEW), ends(OVER_AGAIN)), "oncall was told 2 times that it fires"),
    "over twice": (World(fires(FIRES), ends(RESOLVED, OVER_AGAIN)), "oncall was told again what it knew"),
}


@pytest.mark.parametrize(("world", "fault"), STEPS.values(), ids=STEPS)
def test_the_step_that_did_not_happen(world: World, fault: str) -> None:
    """Each is told apart."""
    (result,) = world.play()
    assert fault in result.fault
    assert not result.well


def test_a_reminder_is_not_a_second_notification() -> None:
    """Four hours of the rules later a page that goes on is told again."""
    (result,) = World(fires(FIRES, told("oncall", ("firing", ERRORS), at=240)), ends(RESOLVED)).play()
    assert result.fault == ""


def test_another_alert_that_joins_the_group_is_news() -> None:
    """Of the other one: of this alert there was one notification."""
    other = labels("Errors", claude_surface="other")
    (result,) = World(
        fires(FIRES, told("oncall", ("firing", ERRORS), ("firing", other), at=5)),
        ends(told("oncall", ("resolved", ERRORS), ("firing", other), at=60)),
    ).play()
    assert result.fault == ""


class TestSilences:
    def world(self, *notifications: dict[str, Any], suppressed: bool = True) -> tuple[World, Scenario]:
        """An alert that silences another, which fires too; these notifications arrive besides."""
        world = World(remedied=ends(RESOLVED))

        def caused(seen: Sightings) -> None:
            seen.firing = [ERRORS, BURN]
            seen.suppressed = [BURN] if suppressed else []
            seen.told = [FIRES, *notifications]

        world.caused = caused
        return world, world.scenario(silences=(Other("Burn", SHOP),))

    def test_are_seen(self) -> None:
        """The other fires, Alertmanager keeps it back, and nobody is told."""
        world, scenario = self.world()
        (result,) = world.play(scenario)
        assert (result.fault, result.inhibited) == ("", ["Burn"])

    def test_that_do_not_happen(self) -> None:
        """Alertmanager does not keep it back."""
        world, scenario = self.world(suppressed=False)
        (result,) = world.play(scenario)
        assert "Burn was not silenced by it in Alertmanager" in result.fault

    def test_that_come_too_late(self) -> None:
        """It was told before."""
        world, scenario = self.world(told("oncall", ("firing", BURN)))
        (result,) = world.play(scenario)
        assert result.fault == "oncall was told of Burn, which it should silence"

    def test_of_what_does_not_fire(self) -> None:
        """To silence what is not there is nothing."""
        world, scenario = self.world()
        (result,) = world.play(replace(scenario, silences=(Other("Gone"),)))
        assert "Gone, which it should silence, did not fire" in result.fault


class TestOrder:
    def test_of_those_after_another(self) -> None:
        """The second begins when the first is over, whatever came of it."""
        order: list[str] = []
        world = World()
        first = world.scenario(begin=lambda _: order.append("first"), remedy=lambda _: order.append("put right"))
        second = world.scenario(alert="Second", begin=lambda _: order.append("second"), after=("Errors",))
        world.play(second, first)
        assert order == ["first", "put right", "second"]

    def test_of_those_along_with_another(self) -> None:
        """What is brought about on the way comes first, and ends with the remedy of the goal."""
        order: list[str] = []
        world = World()
        on_the_way = world.scenario(
            alert="Half", begin=lambda _: order.append("half"), remedy=lambda _: order.append("nothing"), along="Errors"
        )
        goal = world.scenario(begin=lambda _: order.append("whole"), remedy=lambda _: order.append("put right"))
        world.play(on_the_way, goal)
        assert order[:1] == ["half"]
        assert order.index("put right") < order.index("nothing")

    def test_a_remedy_comes_whatever_was_not_seen(self) -> None:
        """Else what failed would disturb the others."""
        put_right = threading.Event()
        world = World()
        world.play(world.scenario(remedy=lambda _: put_right.set()))
        assert put_right.is_set()

    def test_an_error_of_the_drill_itself(self) -> None:
        """It is told as what it is, and the others are played."""
        world = World(fires(FIRES), ends(RESOLVED))

        def broken(_: Any) -> None:
            raise OSError("no such port")

        failed, well = world.play(world.scenario(alert="Broken", begin=broken), world.scenario())
        assert failed.fault == "the drill itself failed: OSError: no such port"
        assert well.well


def test_turns() -> None:
    """What each notification says that had not been said; a resolved alert that was never told is none."""
    gone = told("oncall", ("resolved", ERRORS), ("resolved", BURN), at=9)
    assert [(each.number, each.firing) for each in turns_of([FIRES, FIRES, gone, gone])] == [(0, True), (2, False)]


def test_labels_match_as_patterns() -> None:
    """A path of which only the end is known."""
    found = {"alertname": "Rules", "rule_group": "/any/where/team.yml;team"}
    assert matches(found, "Rules", {"rule_group": "*/team.yml;team"})
    assert not matches(found, "Rules", {"rule_group": "*/other.yml;team"})
    assert not matches(found, "Rules", {"job": "shop"})
    assert not matches(found, "Other", {})


def test_page_and_document() -> None:
    """The table has a line for each alert, and below it what was not seen, with the step."""
    scenario = World().scenario(silences=(Other("Burn"),))
    well = Result(scenario, 2.04, 3.0, "oncall", ["Burn"], 9.0)
    failed = Result(replace(scenario, alert="ClaudeRefusals"), fault="did not fire in Prometheus within 300 s")
    page = lines([well, failed], [News(0, "team", labels("Besides", **SHOP), True)], 61.0, Style(False))
    line = ["Errors", "every", "call", "fails", "2.0", "s", "3.0", "s", "oncall", "Burn", "9.0", "s"]
    assert page[2].split() == line
    assert "NOT SEEN  ClaudeRefusals: did not fire in Prometheus within 300 s" in page
    assert "Told besides: team of Besides shop." in page
    assert page[-1].startswith("1 of 2 alerts fired")
    told_as = document([well, failed], [], 61.0)
    assert told_as["well"] is False
    assert told_as["alerts"][0] == {
        "alert": "Errors", "caused_by": "every call fails", "seconds_to_fire": 2.0, "seconds_to_receiver": 3.0,
        "receiver": "oncall", "inhibited": ["Burn"], "seconds_to_resolve": 9.0, "fault": None,
    }  # fmt: skip


def test_page_and_document_of_an_outage() -> None:
    """Who was told, what was kept back, and both sides of what it cost."""
    storm = labels("ClaudeOverloadedStorm")
    news = [News(0, "oncall", storm, True), News(1, "oncall", storm, False)]
    recorded, journal = {"calls": 10.0, "USD": 0.5}, {"calls": 11.0, "USD": 0.5}
    found = Outage("30m", news, 2, {"ClaudeErrorRateHigh": 5}, recorded, journal, "the recorded totals differ")
    page = "\n".join(outage_lines(found, Style(False)))
    assert "The API was down for 30m: 1 page, 0 tickets, 2 notifications in all." in page
    assert "oncall was told: ClaudeOverloadedStorm fires" in page
    assert "nobody was told of: 5 ClaudeErrorRateHigh" in page
    assert "NOT AS IT SHOULD BE" in page
    told_as = outage_document(found, 100.0)
    assert (told_as["well"], told_as["pages"], told_as["tickets"]) == (False, 1, 0)
    assert told_as["told"][0] == {
        "receiver": "oncall", "alert": "ClaudeOverloadedStorm", "about": "", "firing": True,
    }  # fmt: skip
