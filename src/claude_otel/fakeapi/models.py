"""The models the fake API knows: their lifecycle, and the shortest prefix each of them caches.

Sources: the models and deprecations pages of platform.claude.com as of November 2026, and the prompt caching page for
the minimum prefixes. A model that is not listed is served all the same, with `UNKNOWN_MINIMUM_PREFIX`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .jsontypes import JSON

UNKNOWN_MINIMUM_PREFIX = 1_024


@dataclass(frozen=True)
class Model:
    """A model of the API: dates as the Models API gives them."""

    id: str
    created: str
    minimum_prefix: int
    lifecycle: str = "active"
    deprecated: str | None = None
    retires: str | None = None
    alias: str | None = None

    @property
    def line(self) -> str:
        """The family of the model, such as `opus`."""
        return next(line for line in ("haiku", "sonnet", "opus", "fable", "mythos") if line in self.id)

    @property
    def display_name(self) -> str:
        """The name a person reads, such as `Claude Opus 5.5`."""
        version = re.sub(r"-\d{8}$", "", self.id).removeprefix(f"claude-{self.line}-")
        return f"Claude {self.line.title()} {version.replace('-', '.')}"

    def info(self) -> JSON:
        """The model as `GET /v1/models/{id}` gives it."""
        return {
            "type": "model",
            "id": self.id,
            "display_name": self.display_name,
            "created_at": _midnight(self.created),
            "lifecycle": self.lifecycle,
            "deprecated_at": _midnight(self.deprecated),
            "retires_at": _midnight(self.retires),
            "line": self.line,
            "max_input_tokens": 1_000_000,
            "max_tokens": 128_000,
        }


def _midnight(day: str | None) -> str | None:
    return f"{day}T00:00:00Z" if day else None


MODELS = [
    Model("claude-fable-5-2", "2026-11-09", 512),
    Model("claude-mythos-5-2", "2026-11-09", 512),
    Model("claude-haiku-5-5", "2026-10-07", 512),
    Model("claude-sonnet-5-5", "2026-09-28", 512),
    Model("claude-opus-5-5", "2026-09-22", 512),
    Model("claude-fable-5-1", "2026-09-01", 512),
    Model("claude-mythos-5-1", "2026-09-01", 512),
    Model("claude-opus-5", "2026-07-24", 512),
    Model("claude-sonnet-5", "2026-06-30", 1_024),
    Model("claude-fable-5", "2026-06-09", 512),
    Model("claude-mythos-5", "2026-06-09", 512),
    Model("claude-opus-4-8", "2026-05-28", 1_024),
    Model("claude-opus-4-7", "2026-04-16", 2_048),
    Model("claude-sonnet-4-6", "2026-02-17", 1_024),
    Model("claude-opus-4-6", "2026-02-05", 4_096),
    Model("claude-opus-4-5-20251101", "2025-11-24", 4_096, alias="claude-opus-4-5"),
    Model("claude-haiku-4-5-20251001", "2025-10-15", 4_096, alias="claude-haiku-4-5"),
    Model(
        "claude-sonnet-4-5-20250929",
        "2025-09-29",
        1_024,
        lifecycle="deprecated",
        deprecated="2026-09-30",
        retires="2026-11-30",
        alias="claude-sonnet-4-5",
    ),
    Model("claude-opus-4-1-20250805", "2025-08-05", 1_024, "retired", "2026-06-05", "2026-08-05", "claude-opus-4-1"),
    Model("claude-opus-4-20250514", "2025-05-22", 1_024, "retired", "2026-04-14", "2026-06-15", "claude-opus-4-0"),
    Model("claude-sonnet-4-20250514", "2025-05-22", 1_024, "retired", "2026-04-14", "2026-06-15", "claude-sonnet-4-0"),
    Model("claude-3-7-sonnet-20250219", "2025-02-24", 1_024, "retired", "2025-10-28", "2026-02-19"),
    Model("claude-3-5-haiku-20241022", "2024-10-22", 2_048, "retired", "2025-12-19", "2026-02-19"),
    Model("claude-3-haiku-20240307", "2024-03-07", 2_048, "retired", "2026-02-19", "2026-04-20"),
    Model("claude-3-opus-20240229", "2024-02-29", 1_024, "retired", "2025-06-30", "2026-01-05"),
]

BY_NAME = {name: model for model in MODELS for name in (model.id, model.alias) if name}


def served_model(name: str) -> str:
    """The id an answer carries for the model name a request sent, on any platform."""
    first_party = first_party_name(name)
    known = BY_NAME.get(first_party)
    return known.id if known else first_party


def first_party_name(name: str) -> str:
    """The name without what Bedrock (`us.anthropic.`, `-v1:0`) or Vertex (`@20250929`) puts around it."""
    name = name.rpartition("/")[2]
    name = re.sub(r"^([a-z]+\.)?anthropic\.", "", name)
    name = re.sub(r"-v\d+(:\d+)?$", "", name)
    return name.replace("@default", "").replace("@", "-")


def is_retired(name: str) -> bool:
    """Whether a request for the model is refused with a 404."""
    known = BY_NAME.get(first_party_name(name))
    return known is not None and known.lifecycle == "retired"


def minimum_prefix(name: str) -> int:
    """The shortest prefix, in tokens, that the model caches."""
    known = BY_NAME.get(first_party_name(name))
    return known.minimum_prefix if known else UNKNOWN_MINIMUM_PREFIX


def refuses(name: str) -> bool:
    """Whether the model has the safety classifiers that decline a prompt: the Fable and Mythos lines."""
    return "fable" in name or "mythos" in name
