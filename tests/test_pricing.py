"""Pricing: the rules, what has no price, what a user can change, and properties that hold for all usage."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from anthropic.resources.messages.messages import DEPRECATED_MODELS
from anthropic.types.model import Model
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_otel import pricing
from claude_otel.price_table import PRICES_FILE, RATES, rows_by_model
from claude_otel.pricing import Bill, PriceError, Prices
from claude_otel.usage import Entry, Usage, merged, read
from truth import FAST, LAST_FAST_DAY, Unpriced, truth_cost
from truth import PRICES as TRUE_PRICES

PRICES = Prices.load()
TABLE = json.loads(PRICES_FILE.read_text(encoding="utf-8"))
TODAY = date(2026, 11, 20)
OPUS = "claude-opus-5-5"
MILLION = 1_000_000
DOCS = Path(__file__).parents[1] / "docs" / "pricing.md"


def bill(usage: Usage | Entry, model: str | None = OPUS, *, prices: Prices = PRICES, **more: Any) -> Bill:
    """The bill of `usage`, served by `model`."""
    if isinstance(usage, Entry):
        usage = Usage(entries=[usage])
    around = {"requested": model, "served": model, "at": TODAY, **more}
    return prices.bill(usage, **around)


def cost(usage: Usage | Entry, model: str | None = OPUS, **more: Any) -> float:
    """The total of a bill that has a price."""
    done = bill(usage, model, **more)
    assert done.priced
    return done.total


def million(**more: Any) -> Usage:
    """A usage of a million fresh input tokens: it costs what the price page says."""
    return Usage(entries=[Entry(input_tokens=MILLION)], **more)


class TestModel:
    """Which model an entry is billed at."""

    def test_of_an_entry_comes_first(self) -> None:
        """An entry with its own model is billed, and booked, on it."""
        usage = Usage(entries=[Entry(model="claude-haiku-4-5", output_tokens=MILLION), Entry(output_tokens=MILLION)])
        assert bill(usage).by_model() == {"claude-haiku-4-5": 5.0, OPUS: 20.0}

    def test_served_comes_before_requested(self) -> None:
        """The model that served is billed, not the one that was asked for."""
        assert cost(million(), requested="claude-fable-5", served=OPUS) == 4.0

    def test_requested_is_the_last_resort(self) -> None:
        """Without a served model, as in a stream that was cut, the requested one is billed."""
        assert cost(million(), requested="claude-fable-5", served=None) == 10.0

    def test_none_at_all_is_unpriced(self) -> None:
        """A call without any model has no price, and says so."""
        assert bill(million(), None).unpriced == ("unknown",)

    @pytest.mark.parametrize("model", sorted(set(Model.__args__[0].__args__) - {"claude-mythos-preview"}))
    def test_every_model_of_the_sdk_is_priced(self, model: str) -> None:
        """The SDK names no model that we cannot price."""
        assert PRICES.rates(model, at=TODAY) is not None

    def test_mythos_preview_has_no_published_price(self) -> None:
        """It was deprecated in June 2026, and no source of ours has its price."""
        assert bill(million(), "claude-mythos-preview").unpriced == ("claude-mythos-preview",)

    @pytest.mark.parametrize(
        "model", [model for model in DEPRECATED_MODELS if re.match(r"claude-(opus|sonnet|3-[57])", model)]
    )
    def test_retired_models_since_claude_3_5_are_priced(self, model: str) -> None:
        """Calls of the past, told again, have their price."""
        assert PRICES.rates(model, at=date(2025, 12, 1)) is not None


class TestUnpriced:
    """What has no row, or no price in its circumstances, is unpriced: never 0, never a neighbour's price."""

    @pytest.mark.parametrize(
        "model",
        ["claude-opus-6", "claude-opus-5-5-20260922", "claude-opus-5-5-latest", "claude-opus-5.5", "opus", "gpt-6",
         "Claude-Opus-5-5", " claude-opus-5-5", "claude-sonnet-4-5@20250929", "anthropic.claude-opus-5-5"],
    )  # fmt: skip
    def test_names_are_not_guessed(self, model: str) -> None:
        """A name that is nearly that of a row is not that row."""
        done = bill(million(), model)
        assert (done.unpriced, done.priced, done.lines) == ((model,), False, [])

    @pytest.mark.parametrize("platform", ["azure", "", "Anthropic", "openrouter"])
    def test_unknown_platforms(self, platform: str) -> None:
        """A platform without rows has no price for anything."""
        assert not bill(million(web_search_requests=1), platform=platform).priced

    def test_a_model_that_the_platform_does_not_price(self) -> None:
        """A price on the Claude API is no price on Google Cloud."""
        assert PRICES.rates("claude-sonnet-5", at=TODAY) is not None
        assert not bill(million(), "claude-sonnet-5", platform="vertex", region="global").priced

    @pytest.mark.parametrize("tier", ["flex", "priority_on_demand", ""])
    def test_unknown_service_tiers(self, tier: str) -> None:
        """A service tier that we know no price for."""
        assert not bill(million(service_tier=tier)).priced

    def test_unknown_speed(self) -> None:
        """A speed that we know no price for."""
        assert not bill(million(speed="ludicrous")).priced

    def test_unknown_geography(self) -> None:
        """A geography that we know no price for, on a model whose price goes by it."""
        assert not bill(million(inference_geo="eu")).priced

    @pytest.mark.parametrize("model", ["claude-opus-4-7", "claude-sonnet-5-5", "claude-haiku-4-5"])
    def test_fast_mode_of_a_model_that_has_none(self, model: str) -> None:
        """Fast tokens are never billed at the normal price."""
        assert not bill(million(speed="fast"), model).priced

    def test_fast_mode_on_a_platform_that_has_none(self) -> None:
        """Fast mode is on the Claude API only."""
        assert not bill(million(speed="fast"), platform="aws").priced

    def test_fast_mode_in_a_batch(self) -> None:
        """The Batch API has no fast mode, so the two together have no price."""
        assert not bill(million(speed="fast", service_tier="batch")).priced

    def test_fast_mode_after_its_last_day(self) -> None:
        """Opus 4.8 loses fast mode on 2026-11-30."""
        assert cost(million(speed="fast"), "claude-opus-4-8", at=date(2026, 11, 30)) == 10.0
        assert not bill(million(speed="fast"), "claude-opus-4-8", at=date(2026, 12, 1)).priced

    def test_batches_on_bedrock(self) -> None:
        """Amazon's batch jobs are not calls, and have no row."""
        usage = million(service_tier="batch")
        assert not bill(usage, "global.anthropic.claude-opus-4-8", platform="bedrock").priced

    def test_priority_on_a_cloud(self) -> None:
        """`priority` is a dearer tier there, of which we know no price."""
        usage = million(service_tier="priority")
        assert not bill(usage, "claude-opus-4-8", platform="vertex", region="global").priced

    def test_a_kind_of_token_without_a_price(self) -> None:
        """One hour writes of an old model on Bedrock: the whole call has no price, and nothing is booked for it."""
        model = "us.anthropic.claude-opus-4-20250514-v1:0"
        usage = Entry(input_tokens=5, output_tokens=5, cache_write_1h=5)
        done = bill(usage, model, platform="bedrock")
        assert (done.unpriced, done.lines) == ((model,), [])
        assert bill(replace(usage, cache_write_1h=0), model, platform="bedrock").priced

    def test_web_search_where_there_is_none(self) -> None:
        """Bedrock has no web search, so a search there has no price."""
        usage = Usage(entries=[Entry(input_tokens=1)], web_search_requests=1)
        assert not bill(usage, "global.anthropic.claude-opus-4-8", platform="bedrock").priced

    def test_each_model_is_named_once(self) -> None:
        """All models without a price are named, in order, and those with one are still booked."""
        entries = [Entry(model=name, input_tokens=1) for name in ("b", "a", "b")]
        done = bill(Usage(entries=[*entries, Entry(output_tokens=MILLION)]))
        assert done.unpriced == ("b", "a")
        assert done.by_model() == {OPUS: 20.0}

    def test_what_is_not_billed_needs_no_price(self) -> None:
        """A model that declined is not billed, priced or not."""
        usage = Usage(entries=[Entry(model="unheard-of", input_tokens=9, billed=False), Entry(output_tokens=MILLION)])
        assert cost(usage) == 20.0


class TestRefusal:
    """A refusal before any output is not billed."""

    def test_without_output_costs_nothing(self) -> None:
        """Neither tokens nor searches nor a saving: the bill is empty, and it is a bill."""
        done = bill(million(web_search_requests=2), stop_reason="refusal")
        assert (done.total, done.uncached, done.lines, done.priced) == (0, 0, [], True)

    def test_with_output_costs_as_ever(self) -> None:
        """A refusal in the middle of an answer is billed."""
        usage = Entry(input_tokens=MILLION, output_tokens=1)
        assert bill(usage, stop_reason="refusal") == bill(usage, stop_reason="end_turn")

    def test_no_output_without_a_refusal_is_billed(self) -> None:
        """The stop reason decides, not the empty answer."""
        assert cost(million(), stop_reason="max_tokens") == 4.0


class TestRegion:
    """Where a cloud serves a call: a tenth more unless it is served globally, from Claude 4.5 on."""

    NEW = "anthropic.claude-sonnet-4-5-20250929-v1:0"
    OLD = "anthropic.claude-sonnet-4-20250514-v1:0"
    ARN = "arn:aws:bedrock:us-east-1:123456789012:"

    @pytest.mark.parametrize(
        ("prefix", "usd"),
        [("global.", 3.0), ("", 3.3), ("us.", 3.3), ("eu.", 3.3), ("apac.", 3.3), ("jp.", 3.3), ("au.", 3.3),
         (ARN + "inference-profile/global.", 3.0), (ARN + "inference-profile/us.", 3.3),
         ("arn:aws:bedrock:us-east-1::foundation-model/", 3.3)],
    )  # fmt: skip
    @pytest.mark.parametrize("served", [None, "claude-sonnet-4-5-20250929"])
    def test_bedrock_goes_by_the_requested_id(self, prefix: str, usd: float, served: str | None) -> None:
        """The answer names the model without its geography, so that the request decides."""
        total = cost(million(), requested=prefix + self.NEW, served=served, platform="bedrock")
        assert total == pytest.approx(usd)

    @pytest.mark.parametrize("prefix", ["global.", "", "us.", "apac."])
    def test_bedrock_models_before_4_5(self, prefix: str) -> None:
        """Models before Claude 4.5 cost the same everywhere."""
        assert cost(million(), prefix + self.OLD, platform="bedrock") == pytest.approx(3.0)

    def test_an_application_profile_says_nothing(self) -> None:
        """Its id hides the geography, so that there is no price, until the user says what it is."""
        arn = self.ARN + "application-inference-profile/a1b2c3"
        around = {"requested": arn, "served": "claude-sonnet-4-5-20250929", "platform": "bedrock"}
        assert not bill(million(), **around).priced
        told = Prices.load({"aliases": {arn: f"eu.{self.NEW}"}})
        assert cost(million(), prices=told, **around) == pytest.approx(3.3)

    @pytest.mark.parametrize("prefix", ["ca.", "us.us.", "usa."])
    def test_unknown_geographies_of_bedrock(self, prefix: str) -> None:
        """A prefix that we do not know is not stripped."""
        assert not bill(million(), prefix + self.NEW, platform="bedrock").priced

    @pytest.mark.parametrize(("region", "usd"), [("global", 3.0), ("us-east5", 3.3), ("eu", 3.3)])
    @pytest.mark.parametrize("served", [None, "claude-sonnet-4-5-20250929"])
    def test_vertex_goes_by_the_region_of_the_client(self, region: str, usd: float, served: str | None) -> None:
        """Regional and multi-region endpoints cost a tenth more than the global one."""
        usage = Usage(entries=[Entry(input_tokens=100_000)])
        requested = "claude-sonnet-4-5@20250929"
        total = cost(usage, requested=requested, served=served, platform="vertex", region=region)
        assert total == pytest.approx(usd / 10)

    @pytest.mark.parametrize("region", [None, ""])
    def test_vertex_without_a_region_is_unpriced(self, region: str | None) -> None:
        """Without the region there is no telling."""
        assert not bill(million(), "claude-opus-4-8", platform="vertex", region=region).priced

    def test_region_means_nothing_elsewhere(self) -> None:
        """On the platforms of Anthropic the geography of the inference decides, not the region of the endpoint."""
        assert cost(million(), platform="aws", region="us-west-2") == 4.0
        assert cost(million(inference_geo="us"), platform="aws", region="us-west-2") == pytest.approx(4.4)


class TestDate:
    """Prices with dates."""

    @pytest.mark.parametrize(
        ("at", "usd"),
        [
            (date(2026, 10, 6), 0.2),
            (date(2026, 10, 7), 0.1),
            (datetime(2026, 10, 6, 23, 59, 59), 0.2),
            (datetime(2026, 10, 7), 0.1),
            (datetime(2026, 10, 7, 1, tzinfo=timezone(timedelta(hours=2))), 0.2),
            (datetime(2026, 10, 7, tzinfo=timezone.utc).timestamp() - 1, 0.2),
            (datetime(2026, 10, 7, tzinfo=timezone.utc).timestamp(), 0.1),
        ],
    )
    def test_days_are_utc(self, at: Any, usd: float) -> None:
        """A price changes at midnight UTC, in whatever form the moment is given."""
        usage = Entry(cache_read=MILLION)
        assert cost(usage, "claude-sonnet-5-5", at=at) == pytest.approx(usd)

    def test_rows_of_a_model_neither_overlap_nor_leave_a_gap(self) -> None:
        """On every platform, the rows of a model follow each other."""
        for key, rows in rows_by_model(TABLE["rows"]).items():
            ends = [row["end_day"] for row in rows[:-1]]
            assert ends == [row["first_day"] for row in rows[1:]], key
            assert rows[-1]["end_day"] == float("inf"), key


class TestRates:
    """Rates for one token, which the recorder needs for what a cache miss cost."""

    def test_are_per_token(self) -> None:
        """USD for one token, by kind."""
        assert PRICES.rates(OPUS, at=TODAY) == pytest.approx((4e-6, 20e-6, 0.2e-6, 5e-6, 8e-6))

    def test_follow_the_length_of_the_prompt(self) -> None:
        """Above the length, the dearer ones."""
        short = PRICES.rates("claude-haiku-5-5", at=TODAY, prompt_tokens=100_000)
        long = PRICES.rates("claude-haiku-5-5", at=TODAY, prompt_tokens=100_001)
        assert short is not None
        assert long is not None
        assert long == pytest.approx(tuple(5 * rate for rate in short))

    def test_cache_minimum(self) -> None:
        """In tokens, by model and platform; `None` where it is not known."""
        assert PRICES.cache_minimum("claude-opus-4-7") == 2048
        assert PRICES.cache_minimum("us.anthropic.claude-opus-4-7", "bedrock") == 2048
        assert PRICES.cache_minimum("claude-fable-5-2") is None
        assert PRICES.cache_minimum("nothing") is None

    def test_are_kept_within_bounds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Names that never end do not fill the memory."""
        monkeypatch.setattr(pricing, "MAX_TARIFFS", 10)
        prices = Prices.load()
        for number in range(100):
            bill(million(), f"model-{number}", prices=prices)
            assert len(prices._tariffs) <= 10
        assert cost(million(), prices=prices) == 4.0


class TestOverrides:
    """What a user's claude-otel.yaml can change."""

    def test_a_price_of_a_known_model(self) -> None:
        """What is given replaces the list price under all ids of the model; the rest stays."""
        prices = Prices.load({"models": {"claude-sonnet-4-5": {"input": 1, "cache_read": 0}}})
        usage = Entry(input_tokens=100_000, output_tokens=100_000, cache_read=100)
        for model in ("claude-sonnet-4-5", "claude-sonnet-4-5-20250929"):
            assert cost(usage, model, prices=prices) == pytest.approx(0.1 + 1.5)
        assert cost(usage, "claude-sonnet-4-6", prices=prices) == pytest.approx(0.3 + 1.5 + 0.00003)

    def test_a_model_that_is_not_in_the_table(self) -> None:
        """It is priced on every platform, and its cache not at all unless prices of it are given."""
        prices = Prices.load({"models": {"claude-next": {"input": 7, "output": 30}}})
        for platform in TABLE["platforms"]:
            assert cost(million(), "claude-next", prices=prices, platform=platform) == 7.0
        assert not bill(Entry(cache_read=1), "claude-next", prices=prices).priced

    def test_a_platform_of_its_own(self) -> None:
        """A price may be for one platform only, and is then a new row there."""
        given = {"claude-sonnet-5": {"platforms": "vertex", "input": 2, "output": 10, "regional": 1.1}}
        prices = Prices.load({"models": given})
        assert cost(million(), "claude-sonnet-5", prices=prices, platform="vertex", region="eu") == pytest.approx(2.2)
        assert cost(million(), "claude-sonnet-5", prices=prices) == 2.0
        assert not bill(million(), "claude-sonnet-5", prices=prices, platform="bedrock").priced

    def test_dates(self) -> None:
        """A price with dates holds between them, the last day excluded; YAML's own dates will do."""
        given = [{"from": date(2026, 11, 1), "to": "2026-12-01", "input": 3}, {"from": "2027-01-01", "input": 9}]
        prices = Prices.load({"models": {OPUS: given}})
        days = {"2026-10-31": 4.0, "2026-11-01": 3.0, "2026-11-30": 3.0, "2026-12-01": 4.0, "2027-01-01": 9.0}
        assert {day: cost(million(), prices=prices, at=date.fromisoformat(day)) for day in days} == days

    def test_dates_meet_those_of_the_table(self) -> None:
        """An undated price holds over a change of the list price, which goes on for what was not given."""
        prices = Prices.load({"models": {"claude-sonnet-5-5": {"input": 1}}})
        usage = Entry(input_tokens=MILLION, cache_read=MILLION)
        assert cost(usage, "claude-sonnet-5-5", prices=prices, at=date(2026, 10, 6)) == pytest.approx(1.2)
        assert cost(usage, "claude-sonnet-5-5", prices=prices, at=date(2026, 10, 7)) == pytest.approx(1.1)

    def test_modifiers(self) -> None:
        """Batch, geography, fast mode and long prompts can be given too."""
        row = {
            "input": 1, "output": 2, "cache_read": 0.1, "batch": 0.4, "geo": {"eu": 1.2},
            "fast": {"input": 3, "output": 6}, "long_prompt": {"above": 1000, "input": 10, "output": 20},
        }  # fmt: skip
        prices = Prices.load({"models": {"mine": row}})
        small = Entry(input_tokens=1000)
        assert cost(Usage([small], service_tier="batch"), "mine", prices=prices) == pytest.approx(0.0004)
        assert cost(Usage([small], inference_geo="eu"), "mine", prices=prices) == pytest.approx(0.0012)
        assert cost(Usage([small], speed="fast"), "mine", prices=prices) == pytest.approx(0.003)
        assert cost(Usage([Entry(cache_read=1000)], speed="fast"), "mine", prices=prices) == pytest.approx(0.0003)
        assert cost(Entry(input_tokens=1001), "mine", prices=prices) == pytest.approx(0.01001)
        assert not bill(Entry(cache_read=1001), "mine", prices=prices).priced

    def test_a_price_that_is_taken_away(self) -> None:
        """`null` says that there is no price."""
        prices = Prices.load({"models": {OPUS: {"cache_write_1h": None, "fast": None}}})
        assert not bill(Entry(cache_write_1h=1), prices=prices).priced
        assert not bill(million(speed="fast"), prices=prices).priced

    def test_web_search(self) -> None:
        """USD for a thousand searches, wherever there is web search."""
        prices = Prices.load({"web_search": 5})
        usage = Usage(entries=[Entry()], web_search_requests=1000)
        assert cost(usage, prices=prices) == 5.0
        assert not bill(usage, "global.anthropic.claude-opus-4-8", prices=prices, platform="bedrock").priced

    def test_an_alias(self) -> None:
        """A name of the user's is billed as the model it stands for, and booked under its own name."""
        prices = Prices.load({"aliases": {"my-deployment": OPUS}})
        assert bill(million(), "my-deployment", prices=prices, platform="foundry").by_model() == {"my-deployment": 4.0}
        assert prices.cache_minimum("my-deployment") == 512

    def test_an_alias_of_a_users_model(self) -> None:
        """Aliases may name the user's own models."""
        prices = Prices.load({"models": {"mine": {"input": 1, "output": 1}}, "aliases": {"yours": "mine"}})
        assert cost(million(), "yours", prices=prices) == 1.0

    def test_one_discount_for_all(self) -> None:
        """Percent off everything, web search too."""
        usage = million(web_search_requests=1000)
        assert cost(usage, prices=Prices.load({"discount": 25})) == pytest.approx((4 + 10) * 0.75)
        assert bill(usage, prices=Prices.load({"discount": 25})).uncached == pytest.approx((4 + 10) * 0.75)

    def test_the_nearest_discount_holds(self) -> None:
        """That of the model, else of the platform, else the overall one; they do not add up."""
        given = {"overall": 10, "platforms": {"aws": 20}, "models": {OPUS: 50, "claude-haiku-4-5": 0}}
        prices = Prices.load({"discount": given})
        assert cost(million(), prices=prices, platform="aws") == pytest.approx(2.0)
        assert cost(million(), "claude-opus-5", prices=prices, platform="aws") == pytest.approx(4.0)
        assert cost(million(), "claude-opus-5", prices=prices) == pytest.approx(4.5)
        assert cost(million(), "claude-haiku-4-5-20251001", prices=prices) == pytest.approx(1.0)

    def test_a_surcharge(self) -> None:
        """A negative discount is a surcharge, as for a US Data Zone deployment on Foundry."""
        prices = Prices.load({"discount": {"platforms": {"foundry": -10}}})
        assert cost(million(), prices=prices, platform="foundry") == pytest.approx(4.4)

    @pytest.mark.parametrize("nothing", [None, {}, {"models": None, "aliases": {}, "discount": None}])
    def test_nothing_changes_nothing(self, nothing: Any) -> None:
        """An empty key is no fault."""
        assert cost(million(), prices=Prices.load(nothing)) == 4.0


FAULTS: list[tuple[Any, list[str]]] = [
    ([], ["prices is [], not a mapping"]),
    ("free", ["prices is 'free', not a mapping"]),
    ({"model": {}}, ["prices.model is not known; use aliases, discount, models, web_search"]),
    ({"models": {OPUS: {"input": -1}}}, [f"prices.models.{OPUS}.input is -1, which is negative; give a number of 0"]),
    ({"models": {OPUS: {"input": float("nan")}}}, [f"prices.models.{OPUS}.input is nan, not a number"]),
    ({"models": {OPUS: {"output": float("inf")}}}, [f"prices.models.{OPUS}.output is inf, not a number"]),
    ({"models": {OPUS: {"input": "4"}}}, [f"prices.models.{OPUS}.input is '4', not a number; give a number without"]),
    ({"models": {OPUS: {"input": True}}}, [f"prices.models.{OPUS}.input is True, not a number"]),
    ({"models": {OPUS: {"input": None}}}, [f"prices.models.{OPUS}.input is None, not a number"]),
    ({"models": {OPUS: {"cache_read": [1]}}}, [f"prices.models.{OPUS}.cache_read is [1], not a number"]),
    ({"models": {OPUS: {"inputs": 4}}}, [f"prices.models.{OPUS}.inputs is not known; use input, output"]),
    ({"models": {OPUS: 4}}, [f"prices.models.{OPUS} is 4, not a mapping"]),
    ({"models": {OPUS: [{"input": 4}, {"input": -4}]}}, [f"prices.models.{OPUS}[1].input is -4, which is negative"]),
    ({"models": {OPUS: {"from": "soon"}}}, [f"prices.models.{OPUS}.from is 'soon', not a date; write it as"]),
    ({"models": {OPUS: {"geo": {"us": -1}}}}, [f"prices.models.{OPUS}.geo.us is -1"]),
    ({"models": {OPUS: {"fast": {"input": 1}}}}, [f"prices.models.{OPUS}.fast.output is missing; add it"]),
    ({"models": {OPUS: {"fast": 2}}}, [f"prices.models.{OPUS}.fast is 2, not a mapping"]),
    ({"models": {OPUS: {"long_prompt": {"input": 1, "output": 1}}}}, [f"prices.models.{OPUS}.long_prompt.above is"]),
    ({"models": {OPUS: {"platforms": ["azure"]}}}, [f"prices.models.{OPUS}.platforms names the unknown platform"]),
    ({"models": {OPUS: {"platforms": 3}}}, [f"prices.models.{OPUS}.platforms is 3, not a list of platforms; use"]),
    ({"models": {"new": {"input": 1}}}, ["prices.models.new.output is missing: 'new' has no row on anthropic"]),
    ({"models": {5: {"input": 1}}}, ["prices.models.5 has a key that is not text; put the key in quotes"]),
    ({"aliases": {"mine": "claude-opus-5.5"}}, ["prices.aliases.mine names 'claude-opus-5.5', which has no price; did "
                                                "you mean 'claude-opus-5-5'? Else add it under prices.models"]),
    ({"aliases": {"mine": 5}}, ["prices.aliases.mine is 5, not the name of a model"]),
    ({"aliases": "mine"}, ["prices.aliases is 'mine', not a mapping"]),
    ({"discount": "10%"}, ["prices.discount is '10%', not a number"]),
    ({"discount": 101}, ["prices.discount is 101; give percent, from -100 (a surcharge) to 100"]),
    ({"discount": {"overal": 1}}, ["prices.discount.overal is not known; use overall, platforms, models"]),
    ({"discount": {"platforms": {"azure": 1}}}, ["prices.discount.platforms.azure is not known; use anthropic"]),
    ({"discount": {"models": {"gpt": 1}}}, ["prices.discount.models.gpt names 'gpt', which has no price"]),
    ({"web_search": -5}, ["prices.web_search is -5, which is negative"]),
    (
        {"web_search": "5", "discount": 200, "aliases": {"a": 1}, "models": {OPUS: {"input": -1, "outptu": 2}}},
        [f"prices.models.{OPUS}.outptu is not known", f"prices.models.{OPUS}.input is -1", "prices.web_search is '5'",
         "prices.aliases.a is 1", "prices.discount is 200"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("overrides", "beginnings"), FAULTS)
def test_faults_are_told_with_place_and_remedy_all_at_once(overrides: Any, beginnings: list[str]) -> None:
    """Each fault of a user's prices: the path of the key, what is there, and the way out."""
    with pytest.raises(PriceError) as error:
        Prices.load(overrides)
    faults = error.value.faults
    assert len(faults) == len(beginnings)
    assert all(fault.startswith(beginning) for fault, beginning in zip(faults, beginnings, strict=True)), faults
    assert all("; " in fault for fault in faults)
    assert str(error.value) == "\n".join(faults)


class TestTable:
    """prices.json itself."""

    def test_every_row_has_a_source(self) -> None:
        """Where each number came from, and the platforms' rules too."""
        assert all(row["source"].strip() for row in TABLE["rows"])
        assert all(platform["source"].strip() for platform in TABLE["platforms"].values())
        assert date.fromisoformat(TABLE["as_of"]) <= TODAY
        assert PRICES.as_of == TABLE["as_of"]

    def test_ids_are_unique(self) -> None:
        """A row is named by its id."""
        ids = [row["id"] for row in TABLE["rows"]]
        assert len(ids) == len(set(ids))

    def test_platforms_are_those_that_are_described(self) -> None:
        """No row for a platform without its rules, no platform without rows."""
        assert {name for row in TABLE["rows"] for name in row["platforms"]} == set(TABLE["platforms"])

    def test_writes_cost_what_the_multipliers_say(self) -> None:
        """A 5 minute write is 1.25 times, a 1 hour write twice the input; Haiku 3's write was rounded."""
        for row in TABLE["rows"]:
            if row["id"] == "list/3-haiku":
                continue
            assert row["cache_write_5m"] == pytest.approx(row["input"] * 1.25)
            assert row["cache_write_1h"] in (None, pytest.approx(row["input"] * 2))

    def test_no_price_is_zero(self) -> None:
        """What is not published is null; nothing is free."""
        assert all(row[name] is None or row[name] > 0 for row in TABLE["rows"] for name in RATES)


KINDS = ("input_tokens", "output_tokens", "cache_read", "cache_write_5m", "cache_write_1h")
counts = st.integers(0, 400_000)
entries = st.builds(Entry, **dict.fromkeys(KINDS, counts))
models = st.sampled_from(sorted(TRUE_PRICES))
moments = st.dates(date(2026, 1, 1), date(2027, 6, 1))
tiers = st.sampled_from([None, "standard", "priority", "batch"])
geographies = st.sampled_from([None, "global", "not_available", "us"])
close = {"rel": 1e-9, "abs": 1e-15}


@st.composite
def api_entries(draw: st.DrawFn, *, model: bool = False) -> dict[str, Any]:
    """The tokens of an answer or an iteration, as the API sends them: with or without the split of writes."""
    short, long, rest = draw(counts), draw(counts), draw(st.sampled_from([0, 0, 7]))
    entry: dict[str, Any] = {
        "input_tokens": draw(counts),
        "output_tokens": draw(st.integers(0, 64_000)),
        "cache_read_input_tokens": draw(counts | st.none()),
        "cache_creation_input_tokens": short + long + rest,
    }
    if draw(st.booleans()):
        entry["cache_creation"] = {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long}
    if model:
        entry["type"] = draw(st.sampled_from(["message", "compaction", "advisor_message", "fallback_message"]))
        entry["model"] = draw(models | st.none())
    return entry


@st.composite
def api_usages(draw: st.DrawFn) -> dict[str, Any]:
    """The usage of an answer, as the API sends it."""
    return {
        **draw(api_entries()),
        "iterations": draw(st.none() | st.lists(api_entries(model=True), max_size=4)),
        "service_tier": draw(tiers),
        "speed": draw(st.sampled_from([None, "standard", "standard", "fast"])),
        "inference_geo": draw(geographies),
        "server_tool_use": draw(st.none() | st.builds(lambda n: {"web_search_requests": n}, st.integers(0, 20))),
    }


@settings(max_examples=1000, deadline=None)
@given(api_usages(), models, moments, st.sampled_from(["5m", "1h"]), st.sampled_from([None, "end_turn", "refusal"]))
def test_the_bill_is_the_true_one(usage: dict[str, Any], model: str, at: date, ttl: str, stop_reason: Any) -> None:
    """For any usage of any model, the bill is what the second, exact table says, and unpriced where that is."""
    try:
        truth: Decimal | None = truth_cost(usage, model, at=at, ttl=ttl, stop_reason=stop_reason)
    except Unpriced:
        truth = None
    done = bill(read(merged(usage), model=model, ttl=ttl), model, at=at, stop_reason=stop_reason)
    assert done.priced == (truth is not None)
    if truth is not None:
        assert done.total == pytest.approx(float(truth), **close)


@given(models, st.lists(entries, max_size=4), moments, tiers, geographies)
def test_costs_are_never_negative_and_add_up(model: str, many: list[Entry], at: date, tier: Any, geo: Any) -> None:
    """No line is negative, the lines are the total, and the bill of many entries is the sum of their bills."""
    around = {"service_tier": tier, "inference_geo": geo}
    whole = bill(Usage(many, **around), model, at=at)
    parts = [bill(Usage([entry], **around), model, at=at) for entry in many]
    assert all(usd >= 0 for _, _, usd in whole.lines)
    assert whole.total == pytest.approx(sum(usd for _, _, usd in whole.lines), **close)
    assert whole.total == pytest.approx(sum(part.total for part in parts), **close)
    assert whole.uncached == pytest.approx(sum(part.uncached for part in parts), **close)


@given(models, entries, st.sampled_from(KINDS), st.integers(1, 100_000), moments)
def test_more_tokens_never_cost_less(model: str, entry: Entry, kind: str, more: int, at: date) -> None:
    """One more token of any kind costs more."""
    larger = replace(entry, **{kind: getattr(entry, kind) + more})
    assert cost(larger, model, at=at) > cost(entry, model, at=at)


@given(models, entries, moments, geographies)
def test_a_batch_is_half(model: str, entry: Entry, at: date, geo: Any) -> None:
    """Every kind of token costs half in a batch."""
    whole = cost(Usage([entry], inference_geo=geo), model, at=at)
    half = cost(Usage([entry], inference_geo=geo, service_tier="batch"), model, at=at)
    assert half == pytest.approx(whole / 2, **close)


@given(st.sampled_from(sorted(FAST)), entries, geographies)
def test_fast_mode_is_twice_the_price(model: str, entry: Entry, geo: Any) -> None:
    """All of today's fast prices are twice the normal ones, cache and geography on top."""
    at = min(LAST_FAST_DAY.get(model, TODAY), TODAY)
    normal = cost(Usage([entry], inference_geo=geo), model, at=at)
    assert cost(Usage([entry], inference_geo=geo, speed="fast"), model, at=at) == pytest.approx(2 * normal, **close)


@given(models, st.integers(0, 1000), st.integers(0, 1000), moments)
def test_without_a_cache_the_bill_is_the_uncached_one(model: str, fresh: int, out: int, at: date) -> None:
    """What a call had cost without a cache is its cost, if it used none."""
    done = bill(Entry(input_tokens=fresh, output_tokens=out), model, at=at)
    assert done.uncached == pytest.approx(done.total, **close)


KNOWN = {name for row in TABLE["rows"] for name in row["models"]}


@given(st.text(min_size=1) | st.from_regex(r"claude-(opus|sonnet|haiku|fable)-\d-\d(-\d{8})?", fullmatch=True), entries)
def test_an_unknown_model_is_always_unpriced(model: str, entry: Entry) -> None:
    """Whatever it is called and whatever it used."""
    if model not in KNOWN:
        assert bill(entry, model).unpriced == (model,)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=9) | st.dates(),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
                        st.sampled_from(["models", "aliases", "discount", "web_search", OPUS, "x", "input", "output",
                                         "fast", "geo", "long_prompt", "platforms", "from", "above", "overall"]),
                        inner, max_size=4), max_leaves=12))  # fmt: skip
def test_no_overrides_are_worse_than_a_price_error(overrides: Any) -> None:
    """Anything that a YAML file can hold either loads or is refused with its faults; a bill still comes out."""
    try:
        prices = Prices.load(overrides)
    except PriceError:
        return
    bill(million(speed="fast", service_tier="batch"), prices=prices)
    assert bill(million(), prices=prices).total >= 0


def test_the_example_in_the_docs_loads() -> None:
    """docs/pricing.md shows prices that are accepted."""
    (text,) = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    prices = Prices.load(yaml.safe_load(text)["prices"])
    assert cost(million(), "checkout-opus", prices=prices, platform="foundry") == pytest.approx(4 * 0.88)
