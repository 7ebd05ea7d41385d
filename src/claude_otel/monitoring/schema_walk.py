"""What the JSON Schema of the file says of a place: its keys, its unit, its range."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from claude_otel.monitoring.config import Config
from claude_otel.monitoring.fault import Place

Schema = Mapping[str, Any]

UNITS = {
    "seconds": "seconds",
    "percent": "percent",
    "USD": "USD",
    "times": "a factor",
    "days": "days",
    "tokens per second": "tokens per second",
    "attempts": "attempts for a call",
}


@cache
def whole() -> Schema:
    """The JSON Schema of the whole file."""
    return Config.model_json_schema(by_alias=True)


def at(place: Place) -> Schema:
    """The schema of what stands at `place`; empty where anything may stand."""
    found = resolved(whole())
    for step in place:
        found = resolved(below(found, step))
    return found


def below(schema: Schema, step: str | int) -> Schema:
    """The schema of an entry of what `schema` describes."""
    if isinstance(step, int):
        items: Schema = schema.get("items", {})
        return items
    named = schema.get("properties", {})
    if step in named:
        found: Schema = named[step]
        return found
    return entries(schema)


def entries(schema: Schema) -> Schema:
    """The schema of the values of a mapping whose keys are the user's; empty if there are none."""
    more = [schema.get("additionalProperties"), *schema.get("patternProperties", {}).values()]
    return next((each for each in more if isinstance(each, Mapping)), {})


def resolved(schema: Schema) -> Schema:
    """`schema` with what it refers to, without the alternative of `null`."""
    merged = dict(schema)
    if "anyOf" in merged:
        merged |= next(each for each in merged.pop("anyOf") if each.get("type") != "null")
    if "$ref" in merged:
        merged = {**whole()["$defs"][merged.pop("$ref").rpartition("/")[2]], **merged}
    return merged


def keys(place: Place) -> tuple[str, ...]:
    """The keys that may stand below `place`."""
    return tuple(at(place).get("properties", {}))


def homes(key: str) -> list[str]:
    """Where `key` may stand: `budgets`, `surfaces.NAME`."""
    return [path for path, schema in sections(whole(), "") if key in schema.get("properties", {})]


def sections(schema: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    """Every mapping of the file with keys of ours, and where it stands."""
    schema = resolved(schema)
    if schema.get("type") != "object" or path == "prices":
        return
    if "properties" in schema:
        yield path, schema
    for name, each in schema.get("properties", {}).items():
        yield from sections(each, f"{path}.{name}".removeprefix("."))
        items = resolved(each).get("items")
        if items:
            yield from sections(items, f"{path}.{name}[]".removeprefix("."))
    if entries(schema):
        yield from sections(entries(schema), f"{path}.NAME")


def wanted(schema: Schema) -> str:
    """The numbers that may stand at a place: `percent above 0 and below 100`."""
    unit = UNITS.get(schema.get("unit", ""), "")
    what = f"whole {unit}".strip() if schema.get("type") == "integer" and unit else unit
    what = what or ("a whole number" if schema.get("type") == "integer" else "a number")
    low = bound(schema, "exclusiveMinimum", "above") or bound(schema, "minimum", "from")
    high = bound(schema, "exclusiveMaximum", "below") or bound(schema, "maximum", "to")
    joined = (
        f"{low} {high}" if low.startswith("from") and high.startswith("to") else " and ".join(filter(None, [low, high]))
    )
    return f"{what} {joined.replace(' and to ', ', up to ')}".strip()


def bound(schema: Schema, key: str, word: str) -> str:
    """One end of a range in words, empty if there is none."""
    return f"{word} {schema[key]:,.10g}" if key in schema else ""
