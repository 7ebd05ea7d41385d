"""Why a call missed the prompt cache, and what that cost."""

from __future__ import annotations

import contextlib
from dataclasses import asdict
from typing import Any

import pytest

import wire
from claude_otel.asked import Prefix, digest
from claude_otel.cache_watch import OURS, CacheWatch, Expectation, Miss, Seen, difference, miss
from claude_otel.usage import Entry, Usage
from conftest import Exported
from wire import ASK

SYSTEM = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
TOOL = {"name": "f", "input_schema": {"type": "object"}}


def wrote(tokens: int = 1000, **usage: Any) -> wire.Answer:
    """An answer that read nothing, and wrote `tokens` to the cache."""
    split = {"ephemeral_5m_input_tokens": tokens, "ephemeral_1h_input_tokens": 0}
    numbers = {"cache_read_input_tokens": 0, "cache_creation_input_tokens": tokens, "cache_creation": split}
    return wire.Answer(wire.message(usage={**numbers, **usage}))


def hit(tokens: int = 1000) -> wire.Answer:
    """An answer that read `tokens` from the cache."""
    numbers = {"cache_read_input_tokens": tokens, "cache_creation_input_tokens": 0, "cache_creation": None}
    return wire.Answer(wire.message(usage=numbers))


def ask(client: Any, **asked: Any) -> None:
    """The call site of every call here: what it last used is what the next is compared with."""
    client.messages.create(**{**ASK, "system": SYSTEM, **asked})


def reasons(exported: Exported) -> list[str | None]:
    """Why the calls missed the cache, in order."""
    return [event.get("claude.cache.miss_reason") for event in exported.events()]


def test_the_first_call_is_cold_and_a_hit_has_no_reason(exported: Exported) -> None:
    """What was written at first is read after it."""
    client = wire.client(wrote(), hit())
    ask(client)
    ask(client)
    assert reasons(exported) == ["cold", None]


CHANGES: list[tuple[dict[str, Any], str]] = [
    ({"model": "claude-sonnet-5-5"}, "model_changed"),
    ({"tools": [TOOL]}, "tools_changed"),
    ({"system": [{**SYSTEM[0], "text": "Be long."}]}, "system_changed"),
    ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "parameters_changed"),
    ({"output_config": {"effort": "low"}}, "parameters_changed"),
    ({"tool_choice": {"type": "auto"}}, "parameters_changed"),
    ({"model": "claude-sonnet-5-5", "tools": [TOOL], "system": [{**SYSTEM[0], "text": "x"}]}, "model_changed"),
    ({"tools": [TOOL], "system": [{**SYSTEM[0], "text": "x"}]}, "tools_changed"),
]


@pytest.mark.parametrize(("change", "reason"), CHANGES)
def test_what_changed_is_the_reason(exported: Exported, change: dict[str, Any], reason: str) -> None:
    """Compared with what the same call site used last, in the order in which the API looks."""
    client = wire.client(wrote(), hit(), wrote(1500))
    ask(client)
    ask(client)
    ask(client, **change)
    assert reasons(exported) == ["cold", None, reason]
    # No more than what was in the cache before could have been read.
    assert exported.events()[2]["claude.cache.missed_input_tokens"] == 1000
    assert exported.value("claude.cache.missed_input_tokens", claude__cache__miss_reason=reason) == 1000


def test_a_missed_token_costs_what_writing_it_costs_above_reading_it(exported: Exported) -> None:
    """Opus 5.5: 5 USD for a million written, 0.20 read."""
    client = wire.client(wrote(), wrote())
    ask(client)
    ask(client, system=[{**SYSTEM[0], "text": "Be long."}])
    event = exported.events()[1]
    assert event["claude.cache.missed_cost"] == pytest.approx(1000 * (5 - 0.2) * 1e-6)
    counted = exported.value("claude.cache.missed_cost", claude__cache__miss_reason="system_changed")
    assert counted == pytest.approx(1000 * (5 - 0.2) * 1e-6)


def test_other_messages_are_the_reason_that_is_left(exported: Exported) -> None:
    """The same prefix, answered before, and still alive."""
    client = wire.client(wrote(), wrote())
    ask(client)
    ask(client, messages=[{"role": "user", "content": "y"}])
    assert reasons(exported) == ["cold", "messages_changed"]


START = CacheWatch.start


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Lets `seconds` have passed since the test began, for the watch of the cache."""
    monkeypatch.setattr(
        CacheWatch, "start", lambda self, site, prefix, ttl, now: START(self, site, prefix, ttl, now + seconds)
    )


def test_an_entry_expires_after_its_life(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five minutes after its last use, an hour where that was asked for."""
    client = wire.client(wrote(), hit(), wrote())
    for passed in (0, 299, 299 + 301):
        later(monkeypatch, passed)
        ask(client)
    assert reasons(exported) == ["cold", None, "expired"]


def test_an_hour_is_an_hour(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    """The life that the request asks for counts."""
    system = [{**SYSTEM[0], "cache_control": {"type": "ephemeral", "ttl": "1h"}}]
    client = wire.client(wrote(), hit(), wrote())
    for passed in (0, 3599, 3599 + 3601):
        later(monkeypatch, passed)
        ask(client, system=system)
    assert reasons(exported) == ["cold", None, "expired"]


def test_too_short_a_prompt_is_not_cached(exported: Exported) -> None:
    """Opus 5.5 caches from 512 tokens on."""
    ask(wire.client(wrote(0, input_tokens=511)))
    assert reasons(exported) == ["below_minimum"]
    assert exported.events()[0]["claude.cache.missed_input_tokens"] == 0


def test_without_a_breakpoint_nothing_was_asked_for(exported: Exported) -> None:
    """Counted with no tokens: nobody knows what could have been cached."""
    ask(wire.client(wrote(0, input_tokens=5000)), system="Be brief.")
    assert reasons(exported) == ["not_asked"]
    assert exported.value("claude.cache.missed_input_tokens", claude__cache__miss_reason="not_asked") == 0


def test_calls_at_once_miss_what_the_first_still_writes(exported: Exported) -> None:
    """An entry can be read once the first answer has begun."""
    stream = [wire.start(cache_read_input_tokens=0), *wire.text("x"), wire.end(cache_read_input_tokens=0), wire.STOP]
    client = wire.client(wire.stream(*stream), wrote(), wrote())
    asked = {**ASK, "system": SYSTEM}

    def site(**more: Any) -> Any:
        return client.messages.create(**asked, **more)

    events = site(stream=True)
    site()
    list(events)
    assert sorted(map(str, reasons(exported))) == ["cold", "parallel"]


def test_after_a_failure_it_is_still_cold(exported: Exported) -> None:
    """A call that was not answered wrote nothing."""
    client = wire.client(wire.error(400), wrote(), max_retries=0)
    for _ in range(2):
        with contextlib.suppress(wire.anthropic.APIStatusError):
            ask(client)
    assert reasons(exported) == [None, "cold"]


API = [
    ({"type": "tools_changed", "cache_missed_input_tokens": 900}, "tools_changed", 900),
    ({"type": "messages_changed", "cache_missed_input_tokens": 7}, "messages_changed", 7),
    ({"type": "previous_message_not_found"}, "previous_message_not_found", 0),
    ({"type": "something_new", "cache_missed_input_tokens": 3}, "unavailable", 3),
]


@pytest.mark.parametrize(("told", "reason", "tokens"), API)
def test_the_apis_reason_goes_before_ours(exported: Exported, told: dict[str, Any], reason: str, tokens: int) -> None:
    """Where the request asked for its diagnostics."""
    ask(wire.client(wire.Answer(wire.message(diagnostics={"cache_miss_reason": told}))))
    event = exported.events()[0]
    assert (event["claude.cache.miss_reason"], event["claude.cache.missed_input_tokens"]) == (reason, tokens)


def test_call_sites_are_compared_with_themselves(exported: Exported) -> None:
    """Two places in the code with prompts of their own do not disturb each other."""
    client = wire.client(wrote(), wrote(), hit(), hit())

    def other() -> None:
        client.messages.create(**ASK, system=[{**SYSTEM[0], "text": "Other."}])

    for _ in range(2):
        ask(client)
        other()
    assert reasons(exported) == ["cold", "cold", None, None]
    assert exported.value("claude.prompt.changes") == 0


def test_a_new_prompt_of_a_call_site_is_a_change(exported: Exported) -> None:
    """One that it used before is none: a call site may take turns."""
    client = wire.client()
    for text in ("a", "b", "a", "b", "c"):
        ask(client, system=text)
    assert exported.value("claude.prompt.changes") == 2
    prints = [event["claude.prompt.fingerprint"] for event in exported.events()]
    assert prints[0] == prints[2] != prints[1] == prints[3] != prints[4]


def test_a_prompt_that_is_cheap_to_miss_costs_nothing_when_it_was_not_billed(exported: Exported) -> None:
    """A refusal before any output is free, so missing the cache was too."""
    refused = wrote(output_tokens=0)
    refused.json["stop_reason"] = "refusal"
    ask(wire.client(refused))
    assert exported.events()[0]["claude.cache.missed_cost"] == 0


def expectation(**changes: Any) -> Expectation:
    before = changes.pop("before", Seen())
    usual = {"started": 1000.0, "changed": None, **asdict(before), "last_usage": None, "entry": Seen()}
    return Expectation(**{**usual, **changes})


def written(tokens: int) -> Usage:
    return Usage([Entry(cache_write_5m=tokens, input_tokens=10)])


def test_every_reason_of_ours_is_given() -> None:
    """The table of reasons and the code agree."""
    alive = Seen(used=900.0, life=300.0, begun=True, usage={"cache_read_input_tokens": 50})
    given = {
        miss(None, written(0), None, 512),
        miss(expectation(), written(0), None, 512),
        miss(expectation(), written(600), None, 512),
        *(miss(expectation(changed=c), written(600), None, 512) for c in OURS if c.endswith("_changed")),
        miss(expectation(before=Seen(used=1.0, life=300.0, begun=True)), written(600), None, 512),
        miss(expectation(before=alive), written(600), None, 512),
        miss(expectation(before=Seen(used=999.0, life=300.0, open=1)), written(600), None, 512),
    }
    assert {one.reason for one in given if one is not None} == OURS


def test_missed_tokens_are_at_most_what_was_written() -> None:
    """And at most what was there before."""
    alive = Seen(used=900.0, life=300.0, begun=True, usage={"cache_read_input_tokens": 50})
    assert miss(expectation(before=alive), written(600), None, 512) == Miss("messages_changed", 50)
    assert miss(expectation(before=alive), written(30), None, 512) == Miss("messages_changed", 30)


def test_the_difference_of_two_prefixes() -> None:
    """Model before tools before system before parameters."""
    before = Prefix("m", "t", "s", "p")
    assert difference(None, before) is None
    assert difference(before, Prefix("m", "t", "s", "p")) is None
    assert difference(before, Prefix("n", "u", "s", "p")) == "model_changed"
    assert difference(before, Prefix("m", "u", "r", "p")) == "tools_changed"
    assert difference(before, Prefix("m", "t", "r", "q")) == "system_changed"
    assert difference(before, Prefix("m", "t", "s", "q")) == "parameters_changed"


def test_what_is_kept_is_bounded() -> None:
    """However many call sites and prompts there are."""
    watch = CacheWatch()
    for number in range(1000):
        watch.start(f"site{number}", Prefix("m", str(number), "", ""), "5m", 0.0)
        watch.start("one", Prefix("m", str(number), "", ""), "5m", 0.0)
    assert len(watch._sites) == 200
    assert len(watch._sites["one"].seen) == 32


def test_a_hash_is_the_same_in_every_process() -> None:
    """Releases are compared by it."""
    assert digest([{"type": "text", "text": "Be brief."}]) == "9a6f4e1aa45e7c20"
    assert digest(None) == digest([]) == ""
    assert digest({"a": object}) != ""
