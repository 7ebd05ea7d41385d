"""Which models retire when, by platform: lifecycle.json, or what `claude-otel models refresh` made of `/v1/models`.

A date that is only a floor ("not sooner than") is no date of retirement, and nothing is alerted on it. Amazon and
Google set dates of their own: a row holds on its platforms and no others. Dates are UTC.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from claude_otel.price_table import table_name

if TYPE_CHECKING:
    from claude_otel.monitoring.config import Config

FILE = Path(__file__).with_name("lifecycle.json")

State = Literal["active", "deprecated", "retired"]

ANTHROPIC_OPERATED = ("anthropic", "aws", "foundry")
"""The platforms that share the dates of Anthropic's own API."""

PROVIDERS: Mapping[str, str] = {
    "anthropic": "anthropic",
    "aws": "anthropic",
    "foundry": "anthropic",
    "google_cloud": "anthropic",
    "bedrock": "aws.bedrock",
    "mantle": "aws.bedrock",
    "vertex": "gcp.vertex_ai",
}
"""What `gen_ai.provider.name` says on a platform."""

NOTE = (
    'retires is a UTC date; with floor it is only "not sooner than", and never alerts. '
    "Platforms that set their own dates have rows of their own; a model without a row has no known date."
)


class LifecycleError(ValueError):
    """A file with retirement dates that cannot be used: why, and what to do."""


@dataclass(frozen=True)
class Row:
    """A model on some platforms: its state, and when it retires, as far as that is known."""

    platforms: tuple[str, ...]
    model: str
    aliases: tuple[str, ...]
    state: State
    deprecated: date | None
    retires: date | None
    floor: bool
    replacement: str | None
    source: str

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that a request may give the model."""
        return (self.model, *self.aliases)

    @property
    def providers(self) -> tuple[str, ...]:
        """The values of `gen_ai.provider.name` on its platforms."""
        return tuple(dict.fromkeys(PROVIDERS[platform] for platform in self.platforms))

    @property
    def dated(self) -> bool:
        """Whether a retirement is announced: what may be alerted on."""
        return self.retires is not None and not self.floor and self.state != "retired"

    def days_left(self, today: date) -> int | None:
        """The days until it retires; less than 0 after; `None` without a date that is one."""
        return (self.retires - today).days if self.retires is not None and not self.floor else None


@dataclass(frozen=True)
class Lifecycle:
    """All rows, and the day on which they were last looked up."""

    as_of: date
    rows: tuple[Row, ...]

    @property
    def aliases(self) -> tuple[str, ...]:
        """The names that move from one model to the next."""
        return tuple(dict.fromkeys(alias for row in self.rows for alias in row.aliases))

    def text(self) -> str:
        """The file, one row a line, so that a difference is one of rows."""
        rows = ",\n".join(f"    {json.dumps(plain(row))}" for row in self.rows)
        return f'{{\n  "as_of": "{self.as_of}",\n  "note": {json.dumps(NOTE)},\n  "rows": [\n{rows}\n  ]\n}}\n'


def plain(row: Row) -> dict[str, Any]:
    """`row` as JSON has it."""
    return {key: value.isoformat() if isinstance(value, date) else value for key, value in asdict(row).items()}


def of(config: Config) -> Lifecycle:
    """The rows that hold for `config`: those of the file that it names, else those that came with claude-otel."""
    named = config.models.lifecycle_file
    return load(Path(named) if named else None)


def load(path: Path | None = None) -> Lifecycle:
    """The rows of the file at `path`; without one, those that came with claude-otel. Raises `LifecycleError`."""
    file = path or FILE
    remedy = "run `claude-otel models refresh`, or take models.lifecycle_file out of claude-otel.yaml"
    try:
        return parse(json.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise LifecycleError(f"{file}: cannot be read: {error.strerror}; {remedy}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        why = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise LifecycleError(f"{file}: is no file of retirement dates: {why}; {remedy}") from error


def parse(document: Mapping[str, Any]) -> Lifecycle:
    """The rows of a document. Raises any of the errors of wrong data."""
    return Lifecycle(date.fromisoformat(document["as_of"]), tuple(parsed(row) for row in document["rows"]))


def parsed(row: Mapping[str, Any]) -> Row:
    """One row of a document."""
    if row["state"] not in get_args(State):
        raise ValueError(f"the state of {row['model']} is {row['state']!r}")
    unknown = set(row["platforms"]) - set(PROVIDERS)
    if unknown or not row["platforms"]:
        raise ValueError(f"the platforms of {row['model']} are {row['platforms']!r}")
    return Row(
        platforms=tuple(row["platforms"]),
        model=str(row["model"]),
        aliases=tuple(row["aliases"]),
        state=row["state"],
        deprecated=day(row["deprecated"]),
        retires=day(row["retires"]),
        floor=bool(row["floor"]),
        replacement=row["replacement"],
        source=str(row["source"]),
    )


def day(text: str | None) -> date | None:
    """An ISO date, or the UTC day of a time."""
    if text is None:
        return None
    return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text.replace("Z", "+00:00")).date()


def refreshed(old: Lifecycle, models: Sequence[Mapping[str, Any]], today: date) -> Lifecycle:
    """`old` with what Anthropic's own API says today of its models; other platforms' rows, and floors, stay.

    `models` are the entries of `GET /v1/models`. It has no floors, and no aliases: those of rows that are there stay.
    """
    known = {row.model: row for row in old.rows if "anthropic" in row.platforms}
    fresh = [of_api(model, known.get(str(model["id"])), today) for model in models]
    listed = {row.model for row in fresh}
    kept = [row for row in old.rows if not ("anthropic" in row.platforms and row.model in listed)]
    return Lifecycle(today, (*fresh, *kept))


def of_api(model: Mapping[str, Any], known: Row | None, today: date) -> Row:
    """The row of a model that the API lists."""
    retires = day(model["retires_at"])
    floor = retires is None and known is not None and known.floor and model["lifecycle"] == "active"
    return parsed(
        {
            "platforms": list(known.platforms if known else ANTHROPIC_OPERATED),
            "model": model["id"],
            "aliases": list(known.aliases if known else ()),
            "state": model["lifecycle"],
            "deprecated": text_of(day(model["deprecated_at"])),
            "retires": text_of(known.retires if floor and known else retires),
            "floor": floor,
            "replacement": known.replacement if known else None,
            "source": f"/v1/models on {today}" + (f"; the floor: {known.source}" if floor and known else ""),
        }
    )


def text_of(value: date | None) -> str | None:
    """A date as text."""
    return None if value is None else value.isoformat()


def pinned_name(model: str) -> str | None:
    """The model that the moving alias `model` stands for now; `None` if it is no alias that is known."""
    name = table_name(model)
    return next((row.model for row in load().rows if name in row.aliases), None)
