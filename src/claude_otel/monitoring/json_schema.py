"""The JSON Schema of claude-otel.yaml, from which editors complete and check it: docs/claude-otel.schema.json."""

from __future__ import annotations

import json
from typing import Any

from claude_otel.monitoring.config import Config

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The schema. Sections may be empty, as everything in them has a default."""
    schema = Config.model_json_schema(by_alias=True)
    described = {"$schema": DIALECT, **schema, "title": "claude-otel.yaml"}
    for section in (described, *described["$defs"].values()):
        for name, value in section.get("properties", {}).items():
            if name not in section.get("required", ()) and holds_more(value):
                section["properties"][name] = may_be_empty(value)
    return described


def holds_more(value: dict[str, Any]) -> bool:
    """Whether what stands at a key is a section, a mapping or a list."""
    return "$ref" in value or value.get("type") in ("object", "array")


def may_be_empty(value: dict[str, Any]) -> dict[str, Any]:
    """The schema of what may have nothing below its key, as all of it has defaults."""
    said: dict[str, Any] = {key: value[key] for key in ("title", "description") if key in value}
    rest = {key: each for key, each in value.items() if key not in (*said, "default")}
    return {**said, "anyOf": [rest, {"type": "null"}]}


def text() -> str:
    """The schema as a file."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
