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
            section["properties"][name] = may_be_empty(value)
    return described


def may_be_empty(value: dict[str, Any]) -> dict[str, Any]:
    """The schema of a section that has a default, which may have nothing below its key."""
    if "$ref" not in value or "default" not in value:
        return value
    rest = {key: each for key, each in value.items() if key not in ("$ref", "default")}
    return {"anyOf": [{"$ref": value["$ref"]}, {"type": "null"}], **rest}


def text() -> str:
    """The schema as a file."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
