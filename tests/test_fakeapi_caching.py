"""The prompt cache of the fake API: hits and misses follow from what was sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_otel.fakeapi import FakeAPI, ManualClock
from claude_otel.fakeapi.models import minimum_prefix
from claude_otel.fakeapi.prefix import input_tokens
from claude_otel.fakeapi.prompt_cache import PromptCache
from fakeapi_clients import MODEL, client

LONG = "rule " * 480
"""600 tokens: enough for the models that cache from 512."""
TOOL: dict[str, Any] = {"name": "noop", "description": "d" * 2_400, "input_schema": {"type": "object"}}


@pytest.fixture
def clock() -> ManualClock:
    """A time that tests move."""
    return ManualClock()


@pytest.fixture
def api(clock: ManualClock) -> Iterator[FakeAPI]:
    """A fake API with nothing cached."""
    with FakeAPI(clock=clock) as served:
        yield served


def system(text: str = LONG, ttl: str = "5m") -> list[dict[str, Any]]:
    """A system prompt that ends a prefix."""
    return [{"type": "text", "text": text, "cache_control": {"type": "ephemeral", "ttl": ttl}}]


def tokens(api: FakeAPI, **fields: Any) -> tuple[int, int, int, int]:
    """What a call with a cached system prompt reads, writes for 5 minutes and for an hour, and has uncached."""
    headers = fields.pop("headers", None)
    body: dict[str, Any] = {
        "model": MODEL,
        "max_tokens": 64,
        "system": system(),
        "messages": [{"role": "user", "content": "Hello!"}],
        **fields,
    }
    usage = client(api).messages.create(**body, extra_headers=headers).usage
    split = usage.cache_creation
    return (
        usage.cache_read_input_tokens,
        split.ephemeral_5m_input_tokens,
        split.ephemeral_1h_input_tokens,
        usage.input_tokens,
    )


WRITTEN = (0, 600, 0, 2)
READ = (600, 0, 0, 2)


def test_the_first_call_writes_and_the_second_reads(api: FakeAPI) -> None:
    """A prefix is written once, then read."""
    assert [tokens(api), tokens(api)] == [WRITTEN, READ]


def test_an_entry_expires_after_five_minutes(api: FakeAPI, clock: ManualClock) -> None:
    """Five minutes without a read, and the prefix is written again."""
    tokens(api)
    clock.advance(301)
    assert tokens(api) == WRITTEN


def test_a_read_renews_an_entry(api: FakeAPI, clock: ManualClock) -> None:
    """Each read starts the five minutes anew."""
    tokens(api)
    for _ in range(3):
        clock.advance(200)
        assert tokens(api) == READ


def test_an_hour_is_an_hour(api: FakeAPI, clock: ManualClock) -> None:
    """A prefix written for an hour is read after fifty minutes, and gone after another seventy."""
    assert tokens(api, system=system(ttl="1h")) == (0, 0, 600, 2)
    clock.advance(3_000)
    assert tokens(api, system=system(ttl="1h")) == READ
    clock.advance(4_200)
    assert tokens(api, system=system(ttl="1h")) == (0, 0, 600, 2)


@pytest.mark.parametrize(
    "change",
    [
        {"system": system(LONG + "more")},
        {"tools": [TOOL], "tool_choice": {"type": "none"}},
        {"model": "claude-opus-5-5"},
        {"speed": "fast"},
        {"thinking": {"type": "adaptive"}},
        {"output_config": {"effort": "low"}},
        {"tool_choice": {"type": "none"}},
        {"headers": {"anthropic-workspace-id": "wrkspc_other"}},
    ],
    ids=["system", "tools", "model", "speed", "thinking", "effort", "tool_choice", "workspace"],
)
def test_what_makes_a_prefix_another_one(api: FakeAPI, change: dict[str, Any]) -> None:
    """A changed prompt, model, parameter or workspace reads nothing of what was written before."""
    tokens(api)
    read, written, _, _ = tokens(api, **change)
    assert read == 0
    assert written >= 600


def test_messages_after_the_breakpoint_do_not_matter(api: FakeAPI) -> None:
    """Only what is before a breakpoint is compared."""
    tokens(api)
    assert tokens(api, messages=[{"role": "user", "content": "Something else"}]) == (600, 0, 0, 4)


def test_without_a_breakpoint_nothing_is_cached(api: FakeAPI) -> None:
    """A prompt that asks for no caching gets none, even after one that did."""
    tokens(api)
    assert tokens(api, system=LONG) == (0, 0, 0, 602)


@pytest.mark.parametrize(
    ("model", "minimum"),
    [
        ("claude-fable-5-1", 512),
        ("claude-mythos-5", 512),
        ("claude-opus-5", 512),
        ("claude-opus-5-5", 512),
        ("claude-sonnet-5-5", 512),
        ("claude-haiku-5-5", 512),
        ("claude-opus-4-8", 1_024),
        ("claude-sonnet-5", 1_024),
        ("claude-sonnet-4-5", 1_024),
        ("claude-opus-4-7", 2_048),
        ("claude-opus-4-6", 4_096),
        ("claude-haiku-4-5-20251001", 4_096),
        ("us.anthropic.claude-opus-4-5-20251101-v1:0", 4_096),
        ("claude-of-tomorrow", 1_024),
    ],
)
def test_the_shortest_prefix_of_each_model(model: str, minimum: int) -> None:
    """A token less than the minimum is silently not cached."""
    assert minimum_prefix(model) == minimum
    for count, written in ((minimum - 1, 0), (minimum, minimum)):
        body = {"system": system("x" * 4 * count), "messages": []}
        assert PromptCache(ManualClock()).plan("w", model, body).written_5m == written


def test_the_longest_cached_prefix_is_read(api: FakeAPI) -> None:
    """A conversation reads what it had, and writes what has been added."""
    marked = {"type": "text", "text": "x" * 400, "cache_control": {"type": "ephemeral"}}
    plain = {"type": "text", "text": "x" * 400}
    first = [{"role": "user", "content": [marked]}]
    second = [
        {"role": "user", "content": [plain]},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": [marked]},
    ]
    assert tokens(api, messages=first) == (0, 700, 0, 0)
    assert tokens(api, messages=second) == (700, 101, 0, 0)


def test_automatic_caching_marks_the_last_block(api: FakeAPI) -> None:
    """A top-level cache_control caches all there is."""
    fields: dict[str, Any] = {"system": LONG, "cache_control": {"type": "ephemeral"}}
    assert tokens(api, **fields) == (0, 602, 0, 0)
    assert tokens(api, **fields) == (602, 0, 0, 0)


def test_two_times_to_live_in_one_prompt(api: FakeAPI) -> None:
    """What is up to the 1h breakpoint is written for an hour, the rest for five minutes."""
    blocks = [*system(ttl="1h"), {"type": "text", "text": "y" * 40, "cache_control": {"type": "ephemeral"}}]
    assert tokens(api, system=blocks) == (0, 10, 600, 2)


def test_five_breakpoints_are_too_many(api: FakeAPI) -> None:
    """The API takes four."""
    with pytest.raises(
        anthropic.BadRequestError, match=r"A maximum of 4 blocks with cache_control may be provided\. Found 5"
    ):
        tokens(api, system=system() * 5)


def test_parallel_first_calls_all_miss() -> None:
    """A prefix can be read only once the response that wrote it has begun."""
    cache = PromptCache(ManualClock())
    body = {"system": system(), "messages": []}
    first, second = cache.plan("w", MODEL, body), cache.plan("w", MODEL, body)
    assert (first.read, second.read) == (0, 0)
    cache.begin(first)
    assert cache.plan("w", MODEL, body).read == 600


def test_diagnostics_name_the_reason(api: FakeAPI) -> None:
    """A request that names an earlier one is told what changed, and what that cost in tokens."""

    def reason(**fields: Any) -> Any:
        body = {
            "model": MODEL,
            "max_tokens": 64,
            "system": system(),
            "messages": [{"role": "user", "content": "Hello!"}],
        }
        return client(api).messages.create(**{**body, **fields})

    first = reason()
    named: dict[str, Any] = {"diagnostics": {"previous_message_id": first.id}}
    assert reason(**named).diagnostics.cache_miss_reason is None
    changed = reason(**named, system=system("other " * 400))
    assert changed.diagnostics.cache_miss_reason.to_dict() == {
        "type": "system_changed",
        "cache_missed_input_tokens": 600,
    }
    assert reason(**named, model="claude-opus-5").diagnostics.cache_miss_reason.type == "model_changed"
    assert reason(**named, tools=[TOOL]).diagnostics.cache_miss_reason.type == "tools_changed"
    lost = reason(diagnostics={"previous_message_id": "msg_nobody"})
    assert lost.diagnostics.cache_miss_reason.type == "previous_message_not_found"


BLOCK = st.builds(
    lambda length, marked: (
        {"type": "text", "text": "z" * length} | ({"cache_control": {"type": "ephemeral"}} if marked else {})
    ),
    st.integers(0, 6_000),
    st.booleans(),
)
BODY = st.builds(
    lambda blocks, turns: {"system": blocks, "messages": [{"role": "user", "content": turns}]},
    st.lists(BLOCK, max_size=3),
    st.lists(BLOCK, min_size=1, max_size=3),
)


@given(st.lists(BODY, min_size=1, max_size=6))
def test_the_parts_of_a_prompt_add_up(bodies: list[dict[str, Any]]) -> None:
    """However the cache splits a prompt, no token is lost or counted twice, and what was written can be read."""
    cache = PromptCache(ManualClock())
    for body in bodies:
        plan = cache.plan("w", MODEL, body)
        assert plan.uncached + plan.read + plan.written_5m + plan.written_1h == input_tokens(body)
        cache.begin(plan)
        again = cache.plan("w", MODEL, body)
        assert (again.read, again.written_5m) == (plan.read + plan.written_5m, 0)
