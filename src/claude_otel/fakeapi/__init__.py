"""A Claude API to run against: for demos, drills and tests.

It imports nothing of the rest of `claude_otel`: its journal is the truth that tests compare telemetry with.
"""

from .api import Latency
from .clock import ManualClock, SystemClock
from .faults import FAULTS, Fault
from .journal import Entry, Journal, tokens_of
from .rate_limits import RateLimits
from .script import Rule, ScriptError
from .seeded_batch import SEEDED_BATCH_ID
from .server import FakeAPI, PortInUseError
from .wanted import Wanted

__all__ = [
    "FAULTS",
    "SEEDED_BATCH_ID",
    "Entry",
    "FakeAPI",
    "Fault",
    "Journal",
    "Latency",
    "ManualClock",
    "PortInUseError",
    "RateLimits",
    "Rule",
    "ScriptError",
    "SystemClock",
    "Wanted",
    "tokens_of",
]
