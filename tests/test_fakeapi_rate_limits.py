"""Rate limits of the fake API: headers that count down and fill again, and a 429 beyond them."""

from __future__ import annotations

from collections.abc import Iterator

import anthropic
import pytest

from claude_otel.fakeapi import FakeAPI, ManualClock, RateLimits, Wanted
from fakeapi_clients import HELLO, client

START = 1_795_000_000.0
PREFIX = "anthropic-ratelimit-"


@pytest.fixture
def clock() -> ManualClock:
    """A time that tests move."""
    return ManualClock(START)


@pytest.fixture
def api(clock: ManualClock) -> Iterator[FakeAPI]:
    """A fake API with small limits."""
    limits = RateLimits(requests=2, input_tokens=60_000, output_tokens=6_000)
    with FakeAPI(clock=clock, rate_limits=limits) as served:
        yield served


def limits(api: FakeAPI, **fields: object) -> dict[str, str]:
    """The rate-limit headers of a call."""
    raw = client(api, max_retries=0).messages.with_raw_response.create(**{**HELLO, **fields})
    return {name.removeprefix(PREFIX): value for name, value in raw.headers.items() if name.startswith(PREFIX)}


def test_the_headers(api: FakeAPI) -> None:
    """A limit, what remains and when it is full again, for requests and for each kind of tokens."""
    api.answer(Wanted(usage={"input_tokens": 20_000, "output_tokens": 3_000}))
    assert limits(api) == {
        "requests-limit": "2",
        "requests-remaining": "1",
        "requests-reset": "2026-11-18T11:07:10Z",
        "input-tokens-limit": "60000",
        "input-tokens-remaining": "40000",
        "input-tokens-reset": "2026-11-18T11:07:00Z",
        "output-tokens-limit": "6000",
        "output-tokens-remaining": "3000",
        "output-tokens-reset": "2026-11-18T11:07:10Z",
        "tokens-limit": "6000",
        "tokens-remaining": "3000",
        "tokens-reset": "2026-11-18T11:07:10Z",
    }


@pytest.mark.parametrize(
    ("kind", "wanted", "fields"),
    [("fast", Wanted(output_tokens=3_000), {"speed": "fast"}), ("priority", Wanted(service_tier="priority"), {})],
)
def test_fast_mode_and_the_priority_tier_have_limits_of_their_own(
    api: FakeAPI, kind: str, wanted: Wanted, fields: dict[str, str]
) -> None:
    """Their headers stand beside the others; output that was used up is gone there too."""
    api.answer(wanted)
    raw = client(api).messages.with_raw_response.create(**{**HELLO, "max_tokens": 4_000}, **fields)
    names = [name for name in raw.headers if name.startswith(f"anthropic-{kind}-")]
    assert names == [
        f"anthropic-{kind}-{tokens}-tokens-{what}"
        for tokens in ("input", "output")
        for what in ("limit", "remaining", "reset")
    ]
    assert raw.headers[f"anthropic-{kind}-output-tokens-remaining"] == {"fast": "3000", "priority": "6000"}[kind]


def test_a_limit_that_is_exceeded(api: FakeAPI, clock: ManualClock) -> None:
    """The third request of a minute is refused, and half a minute later there is room for one."""
    limits(api)
    limits(api)
    with pytest.raises(anthropic.RateLimitError) as caught:
        limits(api)
    assert caught.value.response.headers["retry-after"] == "31"
    clock.advance(31)
    assert limits(api)["requests-remaining"] == "0"


def test_models_of_a_group_share_a_limit(api: FakeAPI) -> None:
    """Opus 4.7 and 4.8 do, Opus 5 has its own."""
    remaining = [limits(api, model=model)["requests-remaining"] for model in MODELS]
    assert remaining == ["1", "0", "1"]


MODELS = ("claude-opus-4-7", "claude-opus-4-8", "claude-opus-5")


def test_without_limits_nothing_is_refused() -> None:
    """By default the buckets run empty and no more."""
    with FakeAPI(clock=ManualClock()) as api:
        assert limits(api)["requests-remaining"] == "3999"
        api.api.limiter._of("wrkspc_fake_default", "claude-sonnet-5-5")["requests"].take(4_000)
        assert limits(api)["requests-remaining"] == "0"
