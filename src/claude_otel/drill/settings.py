"""The claude-otel.yaml of the drill: the only place in which thresholds are others than the shipped ones.

What a remedy changes (a budget is raised, dates are looked up again) is changed in this file too, and the stack reads
the files that are generated from it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from claude_otel.monitoring import config_file, lifecycle
from claude_otel.monitoring.config import Config
from claude_otel.stack.ports import HOST
from claude_otel.stack.state import write

ONCALL, TEAM, FINANCE, RECORDS, SWITCH, DEAD = "oncall", "team", "finance", "records", "switch", "dead-letters"
"""The receivers: of pages, tickets, tickets on money, what is only on record, the Watchdog; and one that refuses."""

ZONES = ("Europe/Berlin", "Asia/Kolkata", "America/New_York", "Pacific/Auckland", "Pacific/Honolulu", "Asia/Tokyo")
"""Zones with a table of clock changes, one of which is always far from its midnight."""

DATES = "lifecycle.json"
"""The file with the retirement dates, beside the other one."""

Document = dict[str, Any]


def zone_at(now: datetime) -> str:
    """A zone whose day began over 4 hours before `now`, and ends over 6 hours after it."""
    return next(name for name in ZONES if 4 <= now.astimezone(ZoneInfo(name)).hour < 18)


def of_all_alerts(notifications: int, pager: str) -> Document:
    """The file of a drill of the alerts, as it begins with it."""
    return {
        "limits": {
            "floor": {"calls": 5, "input_tokens": 100_000},
            "error_ratio": 40,
            "latency_p95": 2,
            "collector_queue": 0.05,
        },
        "models": {"lifecycle_file": DATES, "allowed": ["claude-opus-*", "claude-haiku-*", "claude-3-opus-*"]},
        "surfaces": {
            "error-rate": {"kind": "batch", "availability": 99},
            "burn": {"kind": "batch"},
            "latency-budget": {"time_to_first_text": 1.25},
            "spend-limit": {"kind": "batch"},
            "day": {"kind": "batch", "daily_usd": 20},
            "month": {"kind": "batch", "monthly_usd": 20},
            "forecast": {"kind": "batch"},
            "storm": {"kind": "batch"},
            DEAD: {"kind": "batch"},
            "cache-drop": {"kind": "batch", "cache_hit_ratio": 60},
        },
        "notify": notify(notifications, {DEAD: {"webhook": {"url": pager}}}),
    }


def of_outage(notifications: int) -> Document:
    """The file of a drill of an outage: five surfaces that somebody waits for, or that run at night."""
    return {
        "limits": {"floor": {"calls": 5}},
        "surfaces": {
            "checkout-chat": {"kind": "chat"},
            "support-chat": {"kind": "chat", "availability": 99},
            "search": {"kind": "chat", "time_to_first_text": 1},
            "report-writer": {"kind": "long"},
            "nightly-batch": {"kind": "batch"},
        },
        "notify": notify(notifications, {}),
    }


def notify(notifications: int, refusing: Document) -> Document:
    """Who is told of what; a receiver that refuses is told of the surface of its name."""
    return {
        "receivers": {**{name: to(notifications, name) for name in (ONCALL, TEAM, FINANCE, RECORDS)}, **refusing},
        "routes": [
            *({"surface": name, "receiver": name} for name in refusing),
            {"severity": "page", "receiver": ONCALL},
            {"severity": "ticket", "category": "money", "receiver": FINANCE},
            {"severity": "ticket", "receiver": TEAM},
            {"severity": "info", "receiver": RECORDS},
        ],
        "watchdog": to(notifications, SWITCH),
    }


def to(port: int, name: str) -> Document:
    """A receiver whose notifications are written to the local log, below a path of its own."""
    return {"webhook": {"url": f"http://{HOST}:{port}/{name}"}}


RETIRING, RETIRING_SOON = "claude-opus-4-7", "claude-opus-4-6"
"""Models that the drill says will retire in 30 days, and in 5."""


def dates(today: date, announced: bool, age: int) -> str:
    """Retirement dates that were looked up `age` days ago: of two models in use, if they are announced, else none."""
    shipped = lifecycle.load()
    rows = [row for row in shipped.rows if row.model not in (RETIRING, RETIRING_SOON) and not row.dated]
    for model, days in ((RETIRING, 30), (RETIRING_SOON, 5)) if announced else ():
        rows.append(
            lifecycle.Row(
                ("anthropic",), model, (), "deprecated", None, today + timedelta(days), False, None, "invented"
            )
        )
    return lifecycle.Lifecycle(today - timedelta(age), tuple(rows)).text()


class Settings:
    """The file, and what is changed in it as the drill goes on."""

    def __init__(self, directory: Path, document: Document) -> None:
        now = datetime.now(timezone.utc)
        self.path = directory / "claude-otel.yaml"
        self.dates = directory / DATES
        self.today = now.date()
        self.document = {"time_zone": zone_at(now), **document}
        self.lock = threading.Lock()
        self.known: dict[str, Any] = {"announced": True, "age": 90}
        self.write_dates()

    def write_dates(self, **known: Any) -> None:
        """Writes the retirement dates, with what is now known of them."""
        with self.lock:
            self.known.update(known)
            write(self.dates, dates(self.today, **self.known))

    def change(self, changes: Mapping[str, Any]) -> None:
        """Changes keys, written with dots: `surfaces.day.daily_usd`."""
        with self.lock:
            for key, value in changes.items():
                *path, last = key.split(".")
                section = self.document
                for step in path:
                    section = section.setdefault(step, {})
                section[last] = value

    def load(self) -> Config:
        """Writes the file, whole at once as a program may start and read it, and reads it as every command does."""
        with self.lock:
            write(self.path, yaml.safe_dump(json.loads(json.dumps(self.document)), sort_keys=False))
        return config_file.load(self.path).config
