"""An outage of the API: who is told how often, and what it cost, by the recorded totals and by the API's journal."""

from __future__ import annotations

import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field

from claude_otel.cli.problem import Problem
from claude_otel.drill import speed
from claude_otel.drill.history import MODEL
from claude_otel.drill.sightings import News, about, turns_of, wait_until
from claude_otel.drill.stage import SHOP, Stage
from claude_otel.drill.traffic import Traffic
from claude_otel.monitoring import durations, ledger
from claude_otel.monitoring import metric_names as m
from claude_otel.monitoring.recording import NO_FAILURE
from claude_otel.pricing import Prices

STORM = "ClaudeOverloadedStorm"
"""The one page."""

SHORTEST, LONGEST = "5m", "12h"
"""A shorter outage is a burst that retries ride out; in a longer one the page is told again."""

BEFORE = "20m"
"""How long all is well before the outage."""

PATIENCE = 120.0
"""Seconds beyond what the rules take."""

WATCHDOG = "Watchdog"

Totals = dict[str, float]


@dataclass
class Outage:
    """What was seen of an outage."""

    length: str
    told: list[News] = field(default_factory=list)
    """What people were first told of, firing or resolved."""
    notifications: int = 0
    silenced: dict[str, int] = field(default_factory=dict)
    """The alerts that fired and that nobody was told of: for how many surfaces, models or services."""
    recorded: Totals = field(default_factory=dict)
    journal: Totals = field(default_factory=dict)
    fault: str = ""

    @property
    def pages(self) -> list[News]:
        """The pages that somebody was woken by."""
        return self.of("page")

    @property
    def tickets(self) -> list[News]:
        """The tickets."""
        return self.of("ticket")

    def of(self, severity: str) -> list[News]:
        """What somebody was told to fire, of one severity."""
        return [each for each in self.told if each.firing and each.labels["severity"] == severity]


def length_of(text: str) -> str:
    """The length of an outage as the rules write it. Raises `Problem` when it is none that can be drilled."""
    try:
        wanted = durations.milliseconds(text)
    except durations.DurationError as error:
        raise Problem(f"--outage {text}: {error}.") from error
    if not durations.milliseconds(SHORTEST) <= wanted <= durations.milliseconds(LONGEST):
        raise Problem(f"--outage {text}: say a time from {SHORTEST} to {LONGEST}.")
    return durations.text(wanted)


def play(stage: Stage, length: str) -> Outage:
    """Plays an outage of `length`, and sees everything put right again."""
    found = Outage(length)
    surfaces = list(stage.settings.load().surfaces)
    wait(stage, lambda: value(stage, f"count({ledger.COST.since})") == 1, "the book of the rules did not begin")
    for surface in surfaces:
        stage.start(Traffic(surface, prompts=("all is well",), model=MODEL, per_second=2, retries=2))
    wait(stage, lambda: value(stage, "claude:calls:increase5m") > 0, "no call has arrived")
    stage.say(f"{len(surfaces)} surfaces call Claude, and all is well")
    stage.cancelled.wait(speed.seconds(BEFORE))
    stage.say(f"the API answers 529 to everything, for {length} of the rules: {speed.seconds(length):.0f} s")
    stage.script("outage", {"fault": "overloaded"})
    stage.cancelled.wait(speed.seconds(length))
    stage.script("outage")
    stage.say("the API is back")
    wait(stage, lambda: is_quiet(stage), "alerts still fire, or were not told as resolved")
    for surface in surfaces:
        stage.stop(surface)
    see(stage, found)
    return found


def is_quiet(stage: Stage) -> bool:
    """Whether nothing fires any more, and everybody who was told of something was told that it is over."""
    if any(each["alertname"] != WATCHDOG for each in stage.sightings.firing):
        return False
    turns = [each for each in turns_of(stage.sightings.told) if each.labels["alertname"] != WATCHDOG]
    return 2 * sum(each.firing for each in turns) == len(turns) > 0


def see(stage: Stage, found: Outage) -> None:
    """Counts what people were told, and what it cost, once the last call is counted."""
    told = stage.sightings.told
    found.told = [each for each in turns_of(told) if each.labels["alertname"] != WATCHDOG]
    found.notifications = sum(each["groupLabels"]["alertname"] != WATCHDOG for each in told)
    heard = {(each.labels["alertname"], about(each.labels)) for each in found.told}
    for alert, _ in sorted(stage.sightings.ever - heard - {(WATCHDOG, "")}):
        found.silenced[alert] = found.silenced.get(alert, 0) + 1
    found.journal = of_journal(stage)
    stage.programs.pop(SHOP).end()
    wait_until(lambda: agree(stage, found), PATIENCE, stage.cancelled)
    if [each.labels["alertname"] for each in found.pages] != [STORM]:
        found.fault = f"{len(found.pages)} pages, not one of {STORM}"
    elif differing := [name for name, count in found.journal.items() if found.recorded[name] != count]:
        found.fault = f"the recorded totals differ from the API's journal: {', '.join(differing)}"


def agree(stage: Stage, found: Outage) -> bool:
    """Whether the recorded totals are those of the journal by now."""
    found.recorded = of_rules(stage)
    return found.recorded == found.journal


def of_rules(stage: Stage) -> Totals:
    """What the rules have recorded."""
    calls = value(stage, f"sum({ledger.CALLS.total})")
    failed = value(stage, f"sum({ledger.CALLS.where(f'{m.BLAME}!~{NO_FAILURE}')})")
    attempts = value(stage, f"sum({ledger.ATTEMPTS.total})")
    spent = value(stage, "claude:cost_usd:today")
    return {"calls": calls, "failed calls": failed, "retries": attempts - calls, "USD": round(spent, 8)}


def of_journal(stage: Stage) -> Totals:
    """What the API's journal says, once every request of it has ended."""
    journal = stage.api.journal
    settled = len(journal.entries), time.monotonic()
    while time.monotonic() - settled[1] < 1 or not all(each.finished for each in journal.entries):
        if len(journal.entries) != settled[0]:
            settled = len(journal.entries), time.monotonic()
        if stage.cancelled.wait(0.1):
            break
    calls, answered = len(journal.first_attempts), len(journal.completed)
    tokens = journal.billed_totals()
    rates = Prices.load().rates(MODEL, at=time.time())
    assert rates is not None
    spent = tokens["input"] * rates.input + tokens["output"] * rates.output
    return {
        "calls": float(calls),
        "failed calls": float(calls - answered),
        "retries": float(len(journal.messages) - calls),
        "USD": round(spent, 8),
    }


def value(stage: Stage, query: str) -> float:
    """What Prometheus answers, summed up; 0 when that is nothing."""
    answer = stage.sightings.ask("prometheus", f"/api/v1/query?{urllib.parse.urlencode({'query': query})}")
    return float(sum(float(each["value"][1]) for each in answer["data"]["result"]))


def wait(stage: Stage, condition: Callable[[], object], otherwise: str) -> None:
    """Waits until `condition()` holds. Raises `Problem` when it does not in time."""
    if not wait_until(condition, PATIENCE + speed.seconds("2h"), stage.cancelled):
        raise Problem(f"{otherwise} within {PATIENCE + speed.seconds('2h'):.0f} s")
