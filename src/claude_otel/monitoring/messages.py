"""What pydantic finds, said for the person who wrote the file: what is wrong, and what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic_core import ErrorDetails

from claude_otel.monitoring import schema_walk, values
from claude_otel.monitoring.fault import Fault, Place

PATTERNS: Mapping[str, str] = {
    values.RECEIVER_NAME: "is no name for a receiver; write letters, digits and _ . -",
    values.ABSOLUTE_PATH: "is no absolute path; write where Alertmanager finds the file, such as /run/secrets/key",
    values.CLOCK: 'is no time of day; write it in quotes, such as "19:00"',
}
"""What is wrong with a text that does not have the form it should, by that form."""

NUMBERS = ("float_type", "int_type", "int_from_float", "finite_number", "float_parsing", "int_parsing")
RANGES = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")
MAPPINGS = ("model_type", "dict_type", "model_attributes_type")


def faults(errors: Sequence[ErrorDetails]) -> list[Fault]:
    """The faults that `errors` are. A key that is only misspelled is not missing as well."""
    meant = {(*place_of(error)[:-1], meant_by(error)) for error in errors if error["type"] == "extra_forbidden"}
    return [
        Fault(place_of(error), text(error))
        for error in errors
        if not (error["type"] == "missing" and place_of(error) in meant)
    ]


def place_of(error: ErrorDetails) -> Place:
    """Where an error is; that of a key is where the key stands."""
    return tuple(step for step in error["loc"] if step != "[key]")


def text(error: ErrorDetails) -> str:
    """What is wrong, and the remedy."""
    kind = error["type"]
    schema = schema_walk.at(place_of(error))
    if kind == "fault":
        return str(error["ctx"]["what"])
    if kind == "extra_forbidden":
        return unknown_key(error)
    if error["input"] is None:
        return f"has no value; {remedy(schema)}, or take the key away"
    if kind == "missing":
        return "is missing; add it"
    if kind in NUMBERS:
        number = "whole number" if schema.get("type") == "integer" else "number"
        return f"is {shown(error)}, not a {number}; {remedy(schema)}{bare(error)}"
    if kind in RANGES:
        return f"is {shown(error)}; {remedy(schema)}"
    if kind == "literal_error":
        return one_of(error, schema["enum"])
    return of_form(error, kind)


def of_form(error: ErrorDetails, kind: str) -> str:
    """What is wrong with a value that is not a number."""
    if kind == "string_pattern_mismatch":
        # Never shown: what stands in place of a path may be the secret itself.
        return PATTERNS[error["ctx"]["pattern"]]
    if kind == "string_type":
        return f"is {shown(error)}, not text; put it in quotes"
    if kind == "string_too_short":
        return "is empty; write something, or take the key away"
    if kind == "string_too_long":
        return f"is longer than {error['ctx']['max_length']} characters; shorten it"
    if kind == "bool_type":
        return f"is {shown(error)}; write true or false"
    if kind in MAPPINGS:
        return f"is {shown(error)}, where keys are expected; write `key: value` lines below it"
    if kind == "list_type":
        return f"is {shown(error)}, not a list; write `- ` lines below it"
    if kind == "too_short":
        return "is empty; list one, or take the key away"
    if kind == "too_long":
        most = error["ctx"]["max_length"]
        return f"has more than {most} entries, and the instrumentor tells {most} apart; join some"
    return f"{error['msg'][:1].lower()}{error['msg'][1:]}; see docs/configuration.md"


def unknown_key(error: ErrorDetails) -> str:
    """What to write in place of a key that there is not. Its value is never shown."""
    *around, key = place_of(error)
    known = schema_walk.keys(tuple(around))
    meant = meant_by(error)
    if meant.endswith("_file") and "file" not in str(key):
        return f"would be a secret in this file; write it into a file of its own, and name that in `{meant}`"
    if meant:
        return f"is not known; did you mean `{meant}`?"
    if around[:1] == ["surfaces"] and key == "budgets":
        return "is not known; write the keys below it a level higher"
    homes = [home or "the top of the file" for home in schema_walk.homes(str(key))]
    if homes:
        return f"is not known here; it belongs to {' or '.join(homes[:3])}"
    return f"is not known; use {', '.join(known)}"


def meant_by(error: ErrorDetails) -> str:
    """The key that was probably meant by one that there is not; empty if none is near."""
    *around, key = place_of(error)
    known = schema_walk.keys(tuple(around))
    secrets = {name.removesuffix("_file"): name for name in known if name.endswith("_file")}
    found = near(key, [*known, *secrets]) or SECRETS.get(str(key), "")
    found = secrets.get(found, found)
    return found if found in known else ""


SECRETS = {
    "api_url": "webhook_url_file",
    "url": "webhook_url_file",
    "service_key": "routing_key_file",
    "key": "api_key_file",
    "auth_password": "password_file",
    "bearer_token": "token_file",
}
"""What other tools call the secrets of a receiver."""


def near(word: object, words: Iterable[str]) -> str:
    """The one of `words` that `word` is probably meant to be; empty if none is near."""
    known = {each.lower(): each for each in words}
    found = difflib.get_close_matches(str(word).lower().replace("-", "_"), known, n=1, cutoff=0.75)
    return known[found[0]] if found else ""


def one_of(error: ErrorDetails, choices: Sequence[str]) -> str:
    """What to write in place of a word that is none of `choices`."""
    meant = near(error["input"], choices) if isinstance(error["input"], str) else ""
    return f"is {shown(error)}; " + (f"did you mean {meant}?" if meant else f"write one of {', '.join(choices)}")


def remedy(schema: schema_walk.Schema) -> str:
    """What may stand where `schema` holds."""
    if "enum" in schema:
        return f"write one of {', '.join(schema['enum'])}"
    if schema.get("type") in ("number", "integer"):
        return f"give {schema_walk.wanted(schema)}"
    return "give one"


def bare(error: ErrorDetails) -> str:
    """That a number stands alone, where somebody wrote a unit or quotes."""
    text = error["input"]
    return ", without quotes or a unit" if isinstance(text, str) and any(letter.isdigit() for letter in text) else ""


def shown(error: ErrorDetails) -> str:
    """The value at fault, shortened."""
    value: Any = error["input"]
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    words = repr(value)
    return words if len(words) <= 60 else f"{words[:57]}..."
