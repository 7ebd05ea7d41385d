"""Attributes of OpenTelemetry's SDK that are filled in when somebody looks: an exporter, or a processor.

As in `otel_spans`, what is used of the SDK (1.43 to 1.45) is looked for first.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
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


def unsettled(most: int, held: dict[str, Any], settle: Callable[[], None]) -> Any:
    """Attributes, `most` of them, in the dictionary `held`, which `settle` fills in; `None` as with `unsettle`."""
    parts = parts_of(most)
    if parts is None:
        return None
    made = object.__new__(Unsettled)
    its = made.__dict__ = parts.copy()
    its["_dict"], its["_lock"], its["_settle"] = held, lock_like(its["_lock"])(), settle
    return made


@lru_cache(maxsize=4)
def parts_of(most: int) -> dict[str, Any] | None:
    """What attributes of the SDK consist of, `None` where they cannot wait."""
    made = BoundedAttributes(most, immutable=False)
    return dict(vars(made)) if can_wait(made) and "_lock" in vars(made) else None


def lock_like(lock: Any) -> Callable[[], Any]:
    """What makes a lock of the same kind, that nobody holds."""
    return Lock if type(lock) is _LOCK else RLock


_LOCK = type(Lock())


def can_wait(attributes: Any) -> bool:
    """Whether `attributes` are the SDK's as they are known, and take as many as ours and as long ones."""
    if type(attributes) is not BoundedAttributes:
        return False
    parts = vars(attributes)
    most = parts.get("maxlen")
    is_known = type(parts.get("_dict")) is dict and parts.get("max_value_len", "") is None
    return is_known and (most is None or most >= MOST)
