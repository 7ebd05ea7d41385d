"""The alerts, a module for each subject."""

from __future__ import annotations

from claude_otel.monitoring.alert import Alert
from claude_otel.monitoring.alerts import answers, cache, errors, latency, limits, models, money, pipeline
from claude_otel.monitoring.config import Config

SUBJECTS = (errors, latency, money, cache, limits, models, answers, pipeline)


def all_alerts(config: Config) -> list[Alert]:
    """Every alert that `config` makes."""
    return [alert for subject in SUBJECTS for alert in subject.alerts(config)]


__all__ = ["Alert", "all_alerts"]
