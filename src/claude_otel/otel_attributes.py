"""Attributes of OpenTelemetry's SDK that are filled in when somebody looks: an exporter, or a processor.

As in `otel_spans`, what is used of the SDK (1.43 to 1.45) is looked for first.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock, RLock
from typing import Any

from opentelemetry.attributes import BoundedAttributes

MOST = 128
"""The SDK's default for the attributes of a span or an event, which ours stay below."""


class Unsettled(BoundedAttributes):
    """Attributes that lack some of theirs until `settle` is called, which fills in the dictionary that holds them.

    Then they become what they would have been at once.
    """

    @property
    def _dict(self) -> dict[str, Any]:  # type: ignore[override]
        parts = vars(self)
        parts["_settle"]()
        self.__class__ = BoundedAttributes  # type: ignore[assignment]
        held: dict[str, Any] = parts["_dict"]
        return held


def unsettle(attributes: Any, settle: Callable[[], None]) -> dict[str, Any] | None:
    """Makes `attributes` ones that `settle` fills in, and gives what it is to put them into.

    `None` where these are not attributes as they are known, or may have few or short ones only.
    """
    if type(attributes) is not Unsettled:
        if not can_wait(attributes):
            return None
        vars(attributes)["_settle"] = settle
        attributes.__class__ = Unsettled
    held: dict[str, Any] = vars(attributes)["_dict"]
    return held


Make = Callable[[dict[str, Any]], BoundedAttributes]
"""Makes attributes in a dictionary."""


def of_at_most(most: int) -> Make | None:
    """What makes attributes, up to `most` of them; `None` as with `unsettle`."""
    return like(BoundedAttributes(most, immutable=False))


def like(attributes: Any) -> Make | None:
    """What makes attributes like those there are, but for their values; `None` as with `unsettle`."""
    if not can_wait(attributes) or "_lock" not in vars(attributes):
        return None
    parts = vars(attributes).copy()
    new_lock = Lock if type(parts["_lock"]) is type(Lock()) else RLock

    def make(held: dict[str, Any]) -> BoundedAttributes:
        made = object.__new__(BoundedAttributes)
        made.__dict__ = {**parts, "_dict": held, "_lock": new_lock()}
        return made

    return make


def can_wait(attributes: Any) -> bool:
    """Whether `attributes` are the SDK's as they are known, and take as many as ours and as long ones."""
    if type(attributes) is not BoundedAttributes:
        return False
    parts = vars(attributes)
    most = parts.get("maxlen")
    is_known = type(parts.get("_dict")) is dict and parts.get("max_value_len", "") is None
    return is_known and (most is None or most >= MOST)
