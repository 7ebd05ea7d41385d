"""What a JSON object is to the type checker, and its one canonical text."""

from __future__ import annotations

import json
from typing import Any

JSON = dict[str, Any]


def canonical(value: object) -> str:
    """The JSON text of a value: no spaces, keys in the order they came, non-ASCII kept."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def dicts(value: object) -> list[JSON]:
    """The objects of a JSON list, or none when it is not a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def as_dict(value: object) -> JSON:
    """The value when it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}
