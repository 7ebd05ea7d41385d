"""How much faster the drill is than life: a minute of the rules is a second of it.

Every duration of the shipped rules and routes goes through `durations.scale`, and so does the history. The calendar
does not: a day of money ends at everybody's midnight. What is asked of Prometheus itself (how often it scrapes, how
long it shows what is gone) is set here.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from claude_otel.cli.problem import Problem
from claude_otel.monitoring import alertmanager, durations
from claude_otel.monitoring.config import Config
from claude_otel.monitoring.generated import files
from claude_otel.monitoring.prometheus import INTERVAL
from claude_otel.stack.service import Special

FACTOR = Fraction(1, 60)

SCRAPE = "1s"
"""How often the programs of the stack are scraped: more often than a quarter of a minute of the drill would be idle."""

SHOWN = "15m"
"""How long Prometheus shows a series that is not sent: 5 minutes in life. A busy machine halts for seconds, which would
be minutes of the rules, and an alert would begin its wait anew."""

RULES = "alerts/rules/"


def quick(text: str) -> str:
    """A rule file, or Alertmanager's routes, at the speed of the drill. Raises `Problem` if it says more than that."""
    faster = durations.scale(text, FACTOR)
    if slow(faster) != text:
        raise Problem("the rules of the drill are not those that ship: scaled back, they differ. Please report it.")
    return faster


def slow(text: str) -> str:
    """The same file at the speed of life again."""
    return durations.scale(text, 1 / FACTOR)


def seconds(duration: str) -> float:
    """How many seconds of the drill a duration of the rules is."""
    return durations.milliseconds(duration) * float(FACTOR) / 1000


def quick_files(config: Config) -> dict[str, str]:
    """The generated files of `config` at the speed of the drill."""
    return {path: text_of(path, text) for path, text in files(config).items()}


def check_shipped() -> None:
    """Raises `Problem` unless the shipped rules and routes, at the drill's speed and back, are what they were."""
    quick_files(Config())


def text_of(path: str, text: str) -> str:
    """What a generated file is in the drill."""
    if path.startswith(RULES) or path == alertmanager.PATH:
        return quick(text)
    return text.replace(f": {INTERVAL}\n", f": {SCRAPE}\n") if path == "stack/prometheus.yml" else text


def special(metrics_to: str) -> Special:
    """What is asked of the programs: how long Prometheus shows a series, at the speed of the drill."""
    return Special((f"--query.lookback-delta={durations.scaled(SHOWN, FACTOR)}",), metrics_to)


def environment(endpoint: str) -> Mapping[str, str]:
    """What an instrumented program of the drill exports: as the SDK does each minute, at the speed of the drill."""
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_METRIC_EXPORT_INTERVAL": str(round(seconds("1m") * 1000)),
        "OTEL_BSP_SCHEDULE_DELAY": "1000",
        "OTEL_BLRP_SCHEDULE_DELAY": "1000",
    }
