"""A value that satisfies a JSON schema and, where it can, fits the prompt it answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from .jsontypes import JSON, as_dict, dicts

MAXIMUM_DEPTH = 6
FORMATS = {
    "date": "2026-11-21",
    "date-time": "2026-11-21T12:00:00Z",
    "time": "12:00:00Z",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "7b0c1f4e-5f0a-4d1c-9c5e-0a2b3c4d5e6f",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "hostname": "example.com",
    "duration": "PT1H",
}


@dataclass(frozen=True)
class Prompt:
    """What a value may be taken from: the user's words, the last tool result, and words that are to be preferred."""

    text: str = ""
    result: str = ""
    keywords: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Place:
    root: JSON
    prompt: Prompt
    name: str = ""
    depth: int = 0

    def inner(self, name: str) -> _Place:
        return replace(self, name=name, depth=self.depth + 1)


def value_for(schema: JSON, prompt: Prompt | None = None) -> object:
    """A value that satisfies the schema."""
    return _value(schema, _Place(schema, prompt or Prompt()))


def _value(schema: JSON, place: _Place) -> object:
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if schema.get("enum"):
        return schema["enum"][0]
    if "$ref" in schema:
        return _value(_resolve(str(schema["$ref"]), place.root), place.inner(place.name))
    if "allOf" in schema:
        return _value(_merged(schema), place)
    choices = dicts(schema.get("anyOf")) or dicts(schema.get("oneOf"))
    if choices:
        return _value(_choice(choices, place), place.inner(place.name))
    return _typed(schema, place)


def _typed(schema: JSON, place: _Place) -> object:
    kind = schema.get("type") or ("object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = next((name for name in kind if name != "null"), "null")
    if kind in CONSTANTS:
        return CONSTANTS[str(kind)]
    maker = MAKERS.get(str(kind), _string)
    return maker(schema, place)


def _choice(choices: list[JSON], place: _Place) -> JSON:
    null = next((choice for choice in choices if choice.get("type") == "null"), None)
    if null is not None and place.depth >= MAXIMUM_DEPTH:
        return null
    return next((choice for choice in choices if choice.get("type") != "null"), choices[0])


def _resolve(ref: str, root: JSON) -> JSON:
    node: object = root
    for step in ref.removeprefix("#/").split("/") if ref != "#" else []:
        node = as_dict(node).get(step.replace("~1", "/").replace("~0", "~"))
    return as_dict(node)


def _merged(schema: JSON) -> JSON:
    merged = {key: value for key, value in schema.items() if key != "allOf"}
    for part in dicts(schema["allOf"]):
        merged.update(part)
    return merged


def _object(schema: JSON, place: _Place) -> object:
    properties = as_dict(schema.get("properties"))
    required = schema.get("required") or []
    names = [name for name in properties if name in required or place.depth < MAXIMUM_DEPTH]
    return {name: _value(as_dict(properties[name]), place.inner(name)) for name in names}


def _array(schema: JSON, place: _Place) -> object:
    least = int(schema.get("minItems") or 0)
    count = least if place.depth >= MAXIMUM_DEPTH else max(1, least)
    prefix = dicts(schema.get("prefixItems"))
    items = prefix or [as_dict(schema.get("items")) or {"type": "string"}] * count
    return [_value(item, place.inner(place.name)) for item in items]


def _string(schema: JSON, place: _Place) -> object:
    text = FORMATS.get(str(schema.get("format"))) or _words(place)
    text = text.ljust(int(schema.get("minLength") or 0), "x")
    return text[: schema["maxLength"]] if "maxLength" in schema else text


def _number(schema: JSON, place: _Place) -> object:
    found = re.search(r"\d+\.\d+", place.prompt.text) or re.search(r"\d+", place.prompt.text)
    return _within(schema, float(found[0]) if found else 1.5)


def _integer(schema: JSON, place: _Place) -> object:
    found = re.search(r"(?<![\d.])\d{1,9}(?![\d.])", place.prompt.text)
    return int(_within(schema, int(found[0]) if found else 1))


def _within(schema: JSON, value: float) -> float:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is not None and value <= low:
        value = low + (1 if "exclusiveMinimum" in schema else 0)
    if high is not None and value >= high:
        value = high - (1 if "exclusiveMaximum" in schema else 0)
    return value


MAKERS: dict[str, Callable[[JSON, _Place], object]] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "number": _number,
    "integer": _integer,
}
CONSTANTS = {"boolean": True, "null": None}


def _words(place: _Place) -> str:
    for names, find in STRINGS:
        if re.search(names, place.name):
            return find if isinstance(find, str) else find(place.prompt)
    return "example"


def _file(prompt: Prompt) -> str:
    ending = re.search(r"\.\w+\b(?!/)", prompt.text)
    lines = [line for line in prompt.result.split() if not ending or line.endswith(ending[0])]
    return lines[0] if lines else _folder(prompt)


def _folder(prompt: Prompt) -> str:
    found = re.search(r"(?<!\w)/[\w./-]*\w", prompt.text)
    return found[0] if found else "/tmp/example"  # noqa: S108 - a name in an answer, no file is made


def _number_of(prompt: Prompt) -> str:
    found = re.search(r"\d+", prompt.text)
    return found[0] if found else "1001"


def _location(prompt: Prompt) -> str:
    found = re.search(r"\b(?:in|for|at) ((?:[A-Z][\w.]*[ ]?)+)", prompt.text)
    return found[1].strip() if found else "San Francisco, CA"


def _keyword(prompt: Prompt) -> str:
    return prompt.keywords[0] if prompt.keywords else (prompt.text.strip(" ?.!")[:80] or "example")


STRINGS: list[tuple[str, Callable[[Prompt], str] | str]] = [
    (r"(^|_)(path|file|filename)$", _file),
    (r"(^|_)(dir|directory|folder)$", _folder),
    (r"(^|_)(id|number|code)$", _number_of),
    (r"(^|_)(location|city|place|address)$", _location),
    (r"(^|_)(query|keyword|search|question|q)$", _keyword),
    (r"(^|_)url$", FORMATS["uri"]),
    (r"(^|_)email$", FORMATS["email"]),
    (r"(^|_)(date|day)$", FORMATS["date"]),
    (r"(^|_)command$", "ls -l"),
]
