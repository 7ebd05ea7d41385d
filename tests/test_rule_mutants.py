"""Each number, comparison and wait of each alert is held by a promtool test."""

from __future__ import annotations

import pytest

import rule_mutants

pytestmark = pytest.mark.components


@pytest.mark.parametrize("alert", sorted(rule_mutants.shipped()))
def test_every_change_to_an_alert_is_noticed(alert: str) -> None:
    """No mutant of the alert passes all of its tests."""
    made, left = rule_mutants.survivors(alert)
    assert made
    assert [mutant.what for mutant in left] == []
