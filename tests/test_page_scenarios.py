"""The page of each scenario of the demo: its first words name what happened, with the numbers of the API's journal."""

from __future__ import annotations

import json
import re
from pathlib import Path

from claude_otel.cli.demo import api_of
from claude_otel.demo.scenarios import SCENARIOS
from claude_otel.fakeapi import Entry, Journal
from cli_child import claude_otel
from html_page import Element, parsed
from journal_truth import tokens, usages, usd


def played(scenario: str, tmp_path: Path) -> tuple[Element, Journal]:
    """The page of a scenario, and the journal of the API that it was played with."""
    play = SCENARIOS[scenario]
    bug = ["--bug", play.bug] if play.bug else []
    with api_of(play) as api:
        program = ["python", "-m", "claude_otel.demo.app", "--seconds", "6", *bug]
        env = {**api.environment, "XDG_STATE_HOME": str(tmp_path), "CI": "true"}
        ended = claude_otel("run", "--quiet", "--open", *program, **env)
    assert ended.returncode == 0, ended.stderr
    return parsed((tmp_path / "claude-otel" / "last-run" / "page.html").read_text(encoding="utf-8")), api.journal


def failed(journal: Journal) -> int:
    """The calls that no answer came to: each has a first attempt, and at most one whole answer."""
    return calls(journal) - len([each for each in journal.entries if each.status == 200 and each.complete])


def calls(journal: Journal) -> int:
    """All calls of the SDK, batches and count_tokens included."""
    return len([each for each in journal.entries if each.retry_count == 0])


def asked(journal: Journal, words: str) -> list[Entry]:
    """The requests for a message with these words in them."""
    return [each for each in journal.messages if words in each.body]


def dollars(text: str) -> float:
    """The first sum of money in a text."""
    found = re.search(r"\$([\d.]+)", text)
    assert found
    return float(found[1])


def test_outage(tmp_path: Path) -> None:
    """It is Anthropic, by so many calls; and the bill is that of what was answered."""
    tree, journal = played("outage", tmp_path)
    words = f"It is Anthropic: {failed(journal)} of {calls(journal)} calls failed"
    assert failed(journal) > 0
    assert tree.findings()[0].startswith(words)
    assert tree.answer("fault").startswith(words)
    rows = tree.table("What went wrong")
    assert {row["Blame"] for row in rows} == {"provider"}
    assert sum(int(row["Calls"]) for row in rows) == failed(journal)
    ids = {each.request_id for each in journal.messages}
    shown = {each.text for each in tree.one("section", aria_labelledby="fault").named("code")}
    assert shown
    assert shown <= ids


def test_cache_break(tmp_path: Path) -> None:
    """The system prompt changed with so many calls; the ratio and the money are the journal's."""
    tree, journal = played("cache-break", tmp_path)
    broken = [each for each in journal.messages if systems(each).startswith("It is ")]
    assert len(broken) > 3
    assert tree.findings()[0].startswith(
        f"The cache is broken: the system prompt changed ({len(broken)} calls, most of checkout-chat)"
    )
    assert tree.answer("changed").endswith(f"({len({systems(each) for each in broken}) + 1} different ones).")
    sums = tokens(usages(journal.entries))
    assert f"{sums['cache_read'] / sums['input'] * 100:.0f}% of the input was read from it" in tree.answer("cache")
    assert dollars(tree.answer("money")) == round(float(usd(journal.entries)), 4)


def systems(entry: Entry) -> str:
    """The system prompt of a request."""
    system = json.loads(entry.body).get("system") or [{"text": ""}]
    return str(system[0]["text"])


def test_runaway(tmp_path: Path) -> None:
    """The agent runs on for so many calls, from so many tokens to so many, for so much."""
    tree, journal = played("runaway", tmp_path)
    steps = [each for each in asked(journal, "Refund order 4711") if each.complete]
    inputs = [tokens([each.usage])["input"] for each in steps if each.usage]
    said = tree.findings()[0]
    assert said.startswith(
        f"refund-agent runs on: {len(steps)} calls in a row, each with more input than the one before"
    )
    assert f"from {inputs[0]} to {inputs[-1] / 1000:.1f}k tokens" in said
    assert dollars(said) == round(float(usd(steps)), 4)
    (row,) = [row for row in tree.table("By surface") if row["Surface"] == "refund-agent"]
    assert dollars(row["Cost"]) == round(float(usd(steps)), 4)
    assert dollars(tree.answer("money")) == round(float(usd(journal.entries)), 4)


def test_spend_limit(tmp_path: Path) -> None:
    """It is our spend limit, by so many calls, as 400 and as 429."""
    tree, journal = played("spend-limit", tmp_path)
    words = f"It is our spend limit: {failed(journal)} of {calls(journal)} calls failed"
    assert failed(journal) > 0
    assert tree.findings()[0].startswith(words)
    rows = tree.table("What went wrong")
    assert {row["Blame"] for row in rows} == {"budget"}
    assert {row["Error"].split()[0] for row in rows} == {"400", "429"}
    assert sum(int(row["Calls"]) for row in rows) == failed(journal)
