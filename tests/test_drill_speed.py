"""The drill's rules are the shipped ones, faster; and the week of history that they read."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest

from claude_otel.cli.problem import Problem
from claude_otel.drill import history, speed
from claude_otel.monitoring import alertmanager
from claude_otel.monitoring.config import Config
from claude_otel.pricing import Prices

ROOT = Path(__file__).parent.parent
QUICK = speed.quick_files(Config())
DURATION = re.compile(r"(?<![\w.$])\d+(ms|d|h|m|s)(?!\w)")


def test_scaled_back_they_are_the_committed_files_byte_for_byte() -> None:
    """Nobody drills other rules than those that page."""
    found = [path for path in QUICK if path.startswith(speed.RULES)] + [alertmanager.PATH]
    assert len(found) == 4
    for path in found:
        assert QUICK[path] != (ROOT / path).read_text()
        assert speed.slow(QUICK[path]).encode() == (ROOT / path).read_bytes()


def test_only_durations_differ() -> None:
    """Every threshold, label, comparison and text is the shipped one."""
    for path, text in QUICK.items():
        if path.startswith(speed.RULES) or path == alertmanager.PATH:
            assert DURATION.sub("T", text) == DURATION.sub("T", (ROOT / path).read_text())


def test_a_minute_is_a_second() -> None:
    """Of intervals, windows and waits alike."""
    shipped, quick = (ROOT / alertmanager.PATH).read_text(), QUICK[alertmanager.PATH]
    assert "repeat_interval: 4h" in shipped
    assert "repeat_interval: 4m" in quick
    assert speed.seconds("1h") == 60


def test_rules_that_cannot_be_scaled_back_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The drill does not begin with rules that are not those that ship."""
    monkeypatch.setattr(speed, "slow", lambda text: text + "#")
    with pytest.raises(Problem, match="not those that ship"):
        speed.check_shipped()


@pytest.fixture(scope="module")
def written() -> dict[str, list[tuple[float, float]]]:
    """The samples of each series of the history."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for line in history.text(Config(), 1_000_000.0):
        if not line.startswith("#"):
            series, value, at = line.rsplit(" ", 2)
            found[series].append((float(at), float(value)))
    return found


def test_history_is_a_week_and_ends_before_the_drill(written: dict[str, list[tuple[float, float]]]) -> None:
    """Every series is there all the time."""
    for samples in written.values():
        assert samples[0][0] == 1_000_000 - history.REST - history.LENGTH
        assert -history.STEP <= samples[-1][0] - (1_000_000 - history.REST) <= 0
        assert samples[-1][0] - samples[0][0] > speed.seconds("7d")


def test_history_says_the_same_in_counters_and_totals(written: dict[str, list[tuple[float, float]]]) -> None:
    """Each total of the book is the sum of what was seen, which is what the counters said."""
    last = {series: samples[-1][1] for series, samples in written.items()}

    def summed(name: str, part: str = "") -> float:
        return sum(value for series, value in last.items() if series.startswith(f"{name}{{") and part in series)

    for counter, record in (
        ("claude_cost_USD_total", "claude:cost_usd:ledger"),
        ("claude_calls_total", "claude:calls:ledger"),
        ("claude_attempts_total", "claude:attempts:ledger"),
    ):
        assert summed(counter) > 0
        assert summed(record, 'part="seen"') == pytest.approx(summed(counter))
        assert summed(record, 'part="total"') == pytest.approx(summed(counter))


def test_prices_of_history() -> None:
    """What the invented week cost is what it would cost."""
    rates = Prices.load().rates(history.MODEL, at=0)
    assert rates is not None
    assert rates.read is not None
    assert rates.input * 1e6 == pytest.approx(history.INPUT_PRICE)
    assert rates.read * 1e6 == pytest.approx(history.CACHE_READ_PRICE)


def test_an_hour_of_the_past_is_what_its_habit_costs(written: dict[str, list[tuple[float, float]]]) -> None:
    """Which the hour of a spike is compared with: 100,000 tokens at $4 a million."""
    (series,) = [each for each in written if "increase1h" in each and '"spike"' in each]
    assert written[series][-1][1] == pytest.approx(0.4)
