"""Plays scenarios side by side, each in a thread of its own, and records what was seen of each."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from claude_otel.cli.fmt import plural
from claude_otel.cli.problem import Problem
from claude_otel.drill.scenario import Scenario
from claude_otel.drill.scenarios import SCENARIOS
from claude_otel.drill.sightings import News, matches, turns_of, wait_until
from claude_otel.drill.stage import Stage

GRACE = 900.0
"""Seconds that a scenario waits for those before it; each of them gives up by itself long before."""


class NotSeenError(Exception):
    """A step of a scenario that did not happen."""


@dataclass
class Result:
    """What was seen of an alert. Times are seconds: from the cause to the step, and from the remedy to the end."""

    scenario: Scenario
    fired: float | None = None
    told: float | None = None
    receiver: str = ""
    inhibited: list[str] = field(default_factory=list)
    resolved: float | None = None
    fault: str = ""

    @property
    def well(self) -> bool:
        """Whether all of it happened."""
        return not self.fault


class Part:
    """A scenario that is played, and how far it is."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.result = Result(scenario)
        self.arrived, self.remedied, self.over = threading.Event(), threading.Event(), threading.Event()


class Player:
    """Plays scenarios in the order that they ask for."""

    def __init__(self, stage: Stage, scenarios: Collection[Scenario]) -> None:
        self.stage = stage
        self.parts = {each.alert: Part(each) for each in scenarios}

    def play(self) -> list[Result]:
        """Plays all, and returns what was seen of each, in their order."""
        threads = [threading.Thread(target=self.perform, args=(part,), daemon=True) for part in self.parts.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [part.result for part in self.parts.values()]

    def besides(self) -> list[News]:
        """What else somebody was told to fire: what scenarios do to each other, and what a busy machine does."""
        turns = [each for each in turns_of(self.stage.sightings.told) if each.firing]
        return [each for each in turns if not any(matches(each.labels, one.alert, one.labels) for one in SCENARIOS)]

    def perform(self, part: Part) -> None:
        """Plays one scenario. Whatever happens in it is its own result, and those after it are played."""
        try:
            self.wait_for_turn(part)
            self.steps(part)
        except NotSeenError as fault:
            part.result.fault = str(fault)
        except Exception as error:  # the other scenarios go on, and the table tells
            part.result.fault = f"the drill itself failed: {type(error).__name__}: {error}"
        finally:
            for event in (part.arrived, part.remedied, part.over):
                event.set()
            self.tell(part)

    def wait_for_turn(self, part: Part) -> None:
        """Waits for what must be over, and for what this scenario brings about on its way."""
        before = [self.parts[alert].over for alert in part.scenario.after if alert in self.parts]
        before += [each.arrived for each in self.parts.values() if each.scenario.along == part.scenario.alert]
        self.await_(lambda: all(event.is_set() for event in before), GRACE, "those before it did not end")

    def steps(self, part: Part) -> None:
        """Causes the alert and sees it fire, arrive, silence others, and resolve."""
        scenario, result, seen = part.scenario, part.result, self.stage.sightings
        named = scenario.alert, scenario.labels
        first, began = len(seen.told), time.monotonic()
        self.stage.say(f"{scenario.alert}: {scenario.cause}")
        try:
            scenario.begin(self.stage)
            self.await_(lambda: seen.fires(*named), scenario.patience, "did not fire in Prometheus")
            result.fired = time.monotonic() - began
            self.await_(
                lambda: seen.news(*named, firing=True, since=first), scenario.patience, "fired, and nobody was told"
            )
            result.told = time.monotonic() - began
            self.see_inhibited(part)
        finally:
            part.arrived.set()
            self.remedy(part)
        ended = time.monotonic()
        if scenario.resolves:
            self.await_(
                lambda: seen.news(*named, firing=False, since=first),
                scenario.patience,
                "was put right, and nobody was told that it has resolved",
            )
            self.await_(lambda: not seen.fires(*named), scenario.patience, "resolved, and fires in Prometheus still")
            result.resolved = time.monotonic() - ended
        self.check_told(part, first)

    def see_inhibited(self, part: Part) -> None:
        """Sees that the others fire too, and are kept back."""
        seen = self.stage.sightings
        for other in part.scenario.silences:
            self.await_(
                lambda other=other: seen.fires(other.alert, other.labels),  # type: ignore[misc]
                part.scenario.patience,
                f"{other.alert}, which it should silence, did not fire",
            )
            self.await_(
                lambda other=other: seen.is_suppressed(other.alert, other.labels),  # type: ignore[misc]
                part.scenario.patience,
                f"{other.alert} was not silenced by it in Alertmanager",
            )
            part.result.inhibited.append(other.alert)

    def remedy(self, part: Part) -> None:
        """Puts right what was caused; what another scenario brings to its end is put right by that one."""
        if part.scenario.along in self.parts:
            goal = self.parts[part.scenario.along]
            self.await_(goal.remedied.is_set, GRACE, f"{part.scenario.along} was not put right")
        part.scenario.remedy(self.stage)
        part.remedied.set()

    def check_told(self, part: Part, first: int) -> None:
        """Raises `NotSeenError` unless the right receiver, and only it, was told once of each turn; and of no other."""
        scenario, seen = part.scenario, self.stage.sightings
        for firing in (True, False) if scenario.resolves else (True,):
            news = seen.news(scenario.alert, scenario.labels, firing=firing, since=first)
            what = "fires" if firing else "has resolved"
            receivers = sorted({each.receiver for each in news})
            if receivers != [scenario.receiver]:
                raise NotSeenError(f"that it {what} was told {' and '.join(receivers)}, not {scenario.receiver}")
            if len(news) != 1:
                raise NotSeenError(f"{scenario.receiver} was told {len(news)} times that it {what}")
        part.result.receiver = scenario.receiver
        if scenario.resolves and (repeats := seen.repeats(scenario.alert, scenario.labels, since=first)):
            raise NotSeenError(f"{scenario.receiver} was told again what it knew, in {plural(repeats, 'notification')}")
        self.check_silence(scenario, first)

    def check_silence(self, scenario: Scenario, first: int) -> None:
        """Raises `NotSeenError` when somebody was told of what the alert silences, before it was told as resolved."""
        seen = self.stage.sightings
        resolved = seen.news(scenario.alert, scenario.labels, firing=False, since=first)
        last = resolved[0].number if resolved else len(seen.told)
        for other in scenario.silences:
            told = [
                each for each in seen.news(other.alert, other.labels, firing=True, since=first) if each.number < last
            ]
            if told:
                raise NotSeenError(f"{told[0].receiver} was told of {other.alert}, which it should silence")

    def await_(self, condition: Callable[[], object], patience: float, otherwise: str) -> None:
        """Waits until `condition()` holds. Raises `NotSeenError` when it does not in time."""
        if not wait_until(condition, patience, self.stage.cancelled):
            if self.stage.cancelled.is_set():
                raise NotSeenError("the drill was ended before it was seen")
            raise NotSeenError(f"{otherwise} within {patience:.0f} s")

    def tell(self, part: Part) -> None:
        """Says how a scenario ended."""
        result = part.result
        if result.fault:
            self.stage.say(f"{part.scenario.alert}: {result.fault}")
            return
        end = f", resolved after {result.resolved:.1f} s" if result.resolved is not None else ""
        self.stage.say(f"{part.scenario.alert}: fired after {result.fired:.1f} s, told {result.receiver}{end}")


def chosen(alerts: Collection[str]) -> list[Scenario]:
    """The scenarios of `alerts`, all when there are none, with those that they are played along with."""
    known = {scenario.alert: scenario for scenario in SCENARIOS}
    for alert in alerts:
        if alert not in known:
            raise Problem(f"--alert {alert}: there is no such alert. There are {', '.join(sorted(known))}.")
    wanted = set(alerts or known)
    while True:
        more = {each.along for each in SCENARIOS if each.alert in wanted and each.along}
        more |= {each.alert for each in SCENARIOS if each.along in wanted}
        if more <= wanted:
            return [scenario for scenario in SCENARIOS if scenario.alert in wanted]
        wanted |= more
