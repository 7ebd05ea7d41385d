"""The bills of golden_bills.py: their sums checked without the package, then the package against them."""

from __future__ import annotations

import ast
import json
import operator
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from claude_otel.price_table import PRICES_FILE
from claude_otel.pricing import Bill, Prices
from claude_otel.telemetry import COST_COMPONENTS
from claude_otel.usage import Usage, merged, read
from golden_bills import GOLDEN, Golden
from truth import truth_cost

PRICES = Prices.load()
TABLE = json.loads(PRICES_FILE.read_text(encoding="utf-8"))
HERE = Path(__file__).parent

OPERATORS: dict[type[ast.operator], Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}

by_name = pytest.mark.parametrize("golden", GOLDEN, ids=[golden.name for golden in GOLDEN])


def evaluate(text: str) -> Decimal:
    """The value of a sum of numbers, + - * / and parentheses, exactly."""

    def value(node: ast.expr) -> Decimal:
        if isinstance(node, ast.BinOp):
            return OPERATORS[type(node.op)](value(node.left), value(node.right))
        assert isinstance(node, ast.Constant), f"{ast.dump(node)} is not arithmetic"
        # From the text: as a float, 0.1 would not be 0.1.
        return Decimal(str(ast.get_source_segment(text, node)))

    return value(ast.parse(text, mode="eval").body)


def usage_of(golden: Golden) -> Usage:
    """The usage of `golden` as the recorder reads it."""
    return read(merged(golden.usage), model=golden.model, ttl="5m")


def bill_of(golden: Golden) -> Bill:
    """The package's bill for `golden`."""
    return PRICES.bill(
        usage_of(golden),
        requested=golden.requested or golden.model,
        served=golden.model,
        platform=golden.platform,
        region=golden.region,
        stop_reason=golden.stop_reason,
        at=date.fromisoformat(golden.at),
    )


@by_name
def test_the_written_sum_is_the_written_amount(golden: Golden) -> None:
    """The arithmetic beside a bill comes to its amount."""
    assert evaluate(golden.sum) == Decimal(golden.usd)


@by_name
def test_the_package_agrees(golden: Golden) -> None:
    """The package's bill is the one worked by hand, its parts sum up to it, and no model lacks a price."""
    bill = bill_of(golden)
    assert bill.priced
    assert bill.total == pytest.approx(float(golden.usd), abs=1e-12, rel=0)
    assert sum(usd for _, _, usd in bill.lines) == pytest.approx(bill.total, abs=1e-12, rel=0)
    assert sum(bill.by_model().values()) == pytest.approx(bill.total, abs=1e-12, rel=0)
    assert {component for _, component, _ in bill.lines} <= set(COST_COMPONENTS)
    if golden.uncached is not None:
        assert bill.uncached == pytest.approx(float(golden.uncached), abs=1e-12, rel=0)


LEFT_OUT_OF_TRUTH = ("claude-3-5-sonnet", "claude-3-opus", "claude-3-haiku")
"""Models that retired before the first version of the SDK that is supported: truth.py does without them."""


@pytest.mark.parametrize("golden", [g for g in GOLDEN if g.platform == "anthropic"], ids=lambda golden: golden.name)
def test_the_second_table_agrees(golden: Golden) -> None:
    """truth.py, which other tests compare with, comes to the amounts that were worked by hand."""
    if golden.model.startswith(LEFT_OUT_OF_TRUTH):
        return
    cost = truth_cost(golden.usage, golden.model, at=date.fromisoformat(golden.at), stop_reason=golden.stop_reason)
    assert cost == Decimal(golden.usd)


def test_golden_bills_and_truth_import_nothing_of_the_package() -> None:
    """What the package is compared with does not come from it."""
    code = "import sys, golden_bills, truth; print([name for name in sys.modules if name.startswith('claude_otel')])"
    done = subprocess.run([sys.executable, "-c", code], cwd=HERE, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def rows_used(golden: Golden) -> set[str]:
    """The ids of the rows that a golden bill is priced by."""
    at = date.fromisoformat(golden.at)
    models = {entry.model or golden.model for entry in usage_of(golden).entries if entry.billed}
    return {str(PRICES.row_id(model, platform=golden.platform, at=at)) for model in models}


def long_prompts(golden: Golden) -> set[str]:
    """The ids of the rows of which a golden bill has a prompt above the length that is dearer."""
    above = {row["id"]: row["long_prompt"]["above"] for row in TABLE["rows"] if "long_prompt" in row}
    at = date.fromisoformat(golden.at)
    rows = {
        PRICES.row_id(entry.model or golden.model, platform=golden.platform, at=at): entry.prompt_tokens
        for entry in usage_of(golden).entries
    }
    return {row for row, tokens in rows.items() if row in above and tokens > above[row]}


def test_every_row_is_in_a_golden_bill() -> None:
    """No price is without a bill that was worked by hand."""
    used = set().union(*(rows_used(golden) for golden in GOLDEN))
    assert used == {row["id"] for row in TABLE["rows"]}


def test_every_price_of_every_row_is_in_a_golden_bill() -> None:
    """Each of the five prices of a row, where it has one, is in a bill of that row."""
    used = {
        (row, component) for golden in GOLDEN for row in rows_used(golden) for _, component, _ in bill_of(golden).lines
    }
    missing = [
        (row["id"], name)
        for row in TABLE["rows"]
        for name in COST_COMPONENTS[:-1]
        if row[name] is not None and not row["to"] and (row["id"], name) not in used
    ]
    assert not missing


def test_every_fast_price_is_in_a_golden_bill() -> None:
    """Each row with fast mode has a bill in fast mode."""
    used = set().union(*(rows_used(golden) for golden in GOLDEN if golden.usage.get("speed") == "fast"))
    assert used == {row["id"] for row in TABLE["rows"] if "fast" in row}


def test_every_long_prompt_price_is_in_a_golden_bill() -> None:
    """Each row with dearer long prompts has a bill with one."""
    used = set().union(*(long_prompts(golden) for golden in GOLDEN))
    assert used == {row["id"] for row in TABLE["rows"] if "long_prompt" in row}


def circumstance(**wanted: Any) -> Callable[[Golden], bool]:
    """Whether a golden bill's usage has these fields."""
    return lambda golden: all(golden.usage.get(name) == value for name, value in wanted.items())


def entry_kind(kind: str) -> Callable[[Golden], bool]:
    """Whether a golden bill has an iteration of this kind."""
    return lambda golden: any(entry.kind == kind for entry in usage_of(golden).entries)


MODIFIERS: dict[str, Callable[[Golden], bool]] = {
    "batch": circumstance(service_tier="batch"),
    "priority": circumstance(service_tier="priority"),
    "fast": circumstance(speed="fast"),
    "inference in the US": circumstance(inference_geo="us"),
    "fast and in the US": circumstance(speed="fast", inference_geo="us"),
    "batch and in the US": circumstance(service_tier="batch", inference_geo="us"),
    "web search": lambda golden: usage_of(golden).web_search_requests > 0,
    "web fetch": lambda golden: usage_of(golden).web_fetch_requests > 0,
    "refusal without output": lambda golden: golden.stop_reason == "refusal" and golden.usd == "0",
    "refusal with output": lambda golden: golden.stop_reason == "refusal" and golden.usd != "0",
    "compaction": entry_kind("compaction"),
    "advisor": entry_kind("advisor_message"),
    "fallback": entry_kind("fallback_message"),
    "declined, not billed": lambda golden: not all(entry.billed for entry in usage_of(golden).entries),
    "another model than requested": lambda golden: golden.requested not in (None, golden.model),
    "Bedrock regional": lambda golden: golden.platform == "bedrock" and "* 1.1" in golden.sum,
    "Bedrock global": lambda golden: golden.platform == "bedrock" and "global." in str(golden.requested),
    "Bedrock ARN": lambda golden: str(golden.requested).startswith("arn:"),
    "Vertex regional": lambda golden: golden.platform == "vertex" and golden.region != "global",
    "Vertex global": lambda golden: golden.platform == "vertex" and golden.region == "global",
    **{f"platform {name}": lambda golden, name=name: golden.platform == name for name in TABLE["platforms"]},
    **{
        f"batch of {batch}": lambda golden, batch=batch: f"/ {1 / batch:g}" in golden.sum
        for batch in {row["batch"] for row in TABLE["rows"] if "batch" in row}
    },
}  # fmt: skip


@pytest.mark.parametrize("name", MODIFIERS)
def test_every_modifier_is_in_a_golden_bill(name: str) -> None:
    """Each rule that changes a price is in a bill that was worked by hand."""
    assert any(MODIFIERS[name](golden) for golden in GOLDEN)


def test_rows_have_no_modifier_that_this_file_does_not_know() -> None:
    """A new key of a row, a new geography or a new premium needs golden bills first."""
    known = {"id", "platforms", "models", "from", "to", "batch", "geo", "regional", "fast", "long_prompt",
             "cache_minimum", "source", *COST_COMPONENTS[:-1]}  # fmt: skip
    assert not {key for row in TABLE["rows"] for key in row} - known
    assert [dict(geo) for geo in {tuple(row["geo"].items()) for row in TABLE["rows"] if "geo" in row}] == [{"us": 1.1}]
    assert {row["regional"] for row in TABLE["rows"] if "regional" in row} == {1.1}
    assert {row["batch"] for row in TABLE["rows"] if "batch" in row} == {0.5}
