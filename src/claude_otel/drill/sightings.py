"""What is seen of alerts: in Prometheus, in Alertmanager, and in the notifications that have arrived."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from claude_otel.drill.speed import seconds
from claude_otel.monitoring import alertmanager
from claude_otel.monitoring import metric_names as m
from claude_otel.stack.health import OPENER
from claude_otel.stack.notification_log import notifications
from claude_otel.stack.ports import HOST, Ports
from claude_otel.stack.state import State

EVERY = 0.5
"""Seconds between two looks."""

Labels = Mapping[str, str]


@dataclass(frozen=True)
class News:
    """That an alert fires or has resolved, as a receiver was first told of it: in which notification."""

    number: int
    receiver: str
    labels: Labels
    firing: bool


@dataclass
class Sightings:
    """Looks again and again, in a thread of its own, until it is closed."""

    state: State
    ports: Ports
    firing: list[dict[str, str]] = field(default_factory=list)
    suppressed: list[dict[str, str]] = field(default_factory=list)
    ever: set[tuple[str, str]] = field(default_factory=set)
    """Every alert that has fired, with what it is about."""
    told: list[dict[str, Any]] = field(default_factory=list)
    closed: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """Begins to look."""
        threading.Thread(target=self.loop, daemon=True).start()

    def loop(self) -> None:
        """Looks until it is closed. What does not answer is asked again."""
        while not self.closed.wait(EVERY):
            with suppress(OSError, ValueError):
                self.look()

    def look(self) -> None:
        """One look at all three."""
        alerts = self.ask("prometheus", "/api/v1/alerts")["data"]["alerts"]
        self.firing = [each["labels"] for each in alerts if each["state"] == "firing"]
        self.ever |= {(each["alertname"], about(each)) for each in self.firing}
        known = self.ask("alertmanager", "/api/v2/alerts")
        self.suppressed = [each["labels"] for each in known if each["status"]["inhibitedBy"]]
        self.told = [{**each["notification"], "at": each["at"]} for each in notifications(self.state.notifications)]

    def ask(self, name: str, path: str) -> Any:
        """The JSON that a program of the stack answers."""
        with OPENER.open(f"http://{HOST}:{self.ports[name]}{path}", timeout=10) as answer:
            return json.load(answer)

    def fires(self, alert: str, labels: Labels) -> bool:
        """Whether it fires in Prometheus."""
        return any(matches(each, alert, labels) for each in self.firing)

    def is_suppressed(self, alert: str, labels: Labels) -> bool:
        """Whether Alertmanager keeps it back as another one says it already."""
        return any(matches(each, alert, labels) for each in self.suppressed)

    def news(self, alert: str, labels: Labels, firing: bool, since: int = 0) -> list[News]:
        """Each notification, the number `since` and later, that first says that it fires, or that it has resolved."""
        turns = (each for each in turns_of(self.told) if each.number >= since and each.firing == firing)
        return [each for each in turns if matches(each.labels, alert, labels)]

    def repeats(self, alert: str, labels: Labels, since: int = 0) -> int:
        """How many notifications with it say nothing new, and too early for a reminder."""
        new = {each.number for each in turns_of(self.told)}
        last: dict[tuple[str, str], datetime] = {}
        count = 0
        for number, each in enumerate(self.told):
            group, at = (each["receiver"], each["groupKey"]), datetime.fromisoformat(each["at"])
            mine = any(matches(one["labels"], alert, labels) for one in each["alerts"])
            if mine and number >= since and number not in new:
                count += at - last.get(group, at) < reminded_after(each["commonLabels"])
            last[group] = at
        return count

    def close(self) -> None:
        """Ends the looking."""
        self.closed.set()


def reminded_after(labels: Labels) -> timedelta:
    """When a receiver is told again of what goes on: the shipped time, as fast as the drill."""
    timing = next(each for each in alertmanager.TIMINGS if each.severity == labels["severity"])
    money = alertmanager.MONEY_REPEAT[timing.severity] if labels["category"] == "money" else ""
    return timedelta(seconds=seconds(money or timing.repeat_interval))


def about(labels: Labels) -> str:
    """What an alert is about: a surface, a model, a service; empty when it is about everything."""
    names = (m.SURFACE, m.REQUEST_MODEL, m.RESPONSE_MODEL, m.JOB)
    return next((labels[name] for name in names if labels.get(name)), "")


def turns_of(told: Sequence[Mapping[str, Any]]) -> Iterator[News]:
    """What each notification says that its receiver had not been told: an alert joins a group, or leaves it."""
    firing: dict[tuple[str, str], set[str]] = {}
    for number, each in enumerate(told):
        known = firing.setdefault((each["receiver"], each["groupKey"]), set())
        for one in each["alerts"]:
            fires, mark = one["status"] == "firing", one["fingerprint"]
            if fires != (mark in known):
                known ^= {mark}
                yield News(number, each["receiver"], one["labels"], fires)


def matches(found: Labels, alert: str, labels: Labels) -> bool:
    """Whether `found` are the labels of `alert`, those in `labels` among them; `*` in those is any text."""
    mine = found.get("alertname") == alert
    return mine and all(fnmatchcase(found.get(name, ""), value) for name, value in labels.items())


def wait_until(condition: Callable[[], object], patience: float, cancelled: threading.Event) -> bool:
    """Whether `condition()` has become true within `patience` seconds, unless the drill is cancelled."""
    limit = time.monotonic() + patience
    while not condition():
        if time.monotonic() > limit or cancelled.wait(EVERY / 2):
            return False
    return True
