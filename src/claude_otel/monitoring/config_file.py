"""Reads claude-otel.yaml: a `Config`, or all of its faults at once, each with file, line, key and remedy."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from claude_otel.config import CONFIG as VARIABLE
from claude_otel.monitoring import consistency, lifecycle, messages
from claude_otel.monitoring.config import Config
from claude_otel.monitoring.fault import Fault, Place, dotted
from claude_otel.monitoring.yaml_document import Document, NotYAMLError, parse, text_keys
from claude_otel.pricing import PriceError, Prices

NAME = "claude-otel.yaml"


@dataclass(frozen=True)
class Message:
    """A fault or a warning as it is shown."""

    file: str
    line: int | None
    key: str
    what: str

    @property
    def text(self) -> str:
        """`claude-otel.yaml:12: surfaces.checkout-chat.duration: what is wrong; the remedy`."""
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return ": ".join(part for part in (where, self.key, self.what) if part)


class ConfigError(ValueError):
    """The file cannot be used: every fault. What would only be a warning is told when there are none."""

    def __init__(self, faults: Sequence[Message]) -> None:
        super().__init__("\n".join(fault.text for fault in faults))
        self.faults = tuple(faults)


@dataclass(frozen=True)
class Loaded:
    """What is in force: the file, if there is one, and the warnings about it."""

    config: Config
    path: Path | None = None
    warnings: tuple[Message, ...] = ()


def find(named: str | None, environ: Mapping[str, str] = os.environ) -> Path | None:
    """The file to read: the one named, else that of `CLAUDE_OTEL_CONFIG`, else ./claude-otel.yaml if it is there."""
    given = named or environ.get(VARIABLE)
    if given:
        return Path(given)
    return Path(NAME) if Path(NAME).exists() else None


def load(path: Path | None, *, dates_may_be_missing: bool = False) -> Loaded:
    """What the file at `path` says, the defaults if there is none. Raises `ConfigError`.

    `dates_may_be_missing` is for who is about to write the file with retirement dates.
    """
    if path is None:
        return read("", NAME, None)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        what = f"cannot be read: {error.strerror}; name a file that is there"
        raise ConfigError([Message(str(path), None, "", what)]) from error
    except UnicodeDecodeError as error:
        what = f"is not UTF-8 text (byte {error.start}); save it as UTF-8"
        raise ConfigError([Message(str(path), None, "", what)]) from error
    return read(text, str(path), path, dates_may_be_missing=dates_may_be_missing)


def read(text: str, file: str = NAME, path: Path | None = None, *, dates_may_be_missing: bool = False) -> Loaded:
    """What `text`, the content of `file`, says. Raises `ConfigError`."""
    try:
        document = parse(text)
    except NotYAMLError as error:
        raise ConfigError([Message(file, error.line, "", f"is not YAML: {error.why}; correct it")]) from error
    data = {} if document.data is None else document.data
    if not isinstance(data, dict):
        what = f"has a {type(data).__name__} at the top, where keys are expected; write `key: value` lines"
        raise ConfigError([Message(file, 1, "", what)])
    found, config = checked(data)
    config, unread = with_lifecycle(config, path, dates_may_be_missing)
    faults = [*document.faults, *found, *unread, *price_faults(data.get("prices"), document)]
    if faults:
        raise ConfigError(shown(faults, file, document))
    if data.get("prices"):
        config = config.model_copy(update={"prices": data["prices"]})
    return Loaded(config, path, tuple(shown(consistency.warnings(config), file, document)))


def checked(data: dict[str, Any]) -> tuple[list[Fault], Config]:
    """All faults of the values, and what is left of the file without them."""
    faults: list[Fault] = []
    # Prices are checked as the instrumentor checks them.
    left = Rest(text_keys({key: value for key, value in data.items() if key != "prices"}))
    while True:
        try:
            config = Config.model_validate(left.data)
        except ValidationError as error:
            errors = error.errors(include_url=False)
            # What goes missing by taking the faults away is no fault of the file.
            faults = faults or messages.faults(errors)
            for one in errors:
                place = messages.place_of(one)
                left.take_away(place[:-1] if one["type"] == "missing" else place)
        else:
            between = consistency.faults(config, names(data, "notify", "receivers"))
            placed = [Fault(left.was(fault.place), fault.what) for fault in between]
            return faults + [fault for fault in placed if not hangs_on(fault, faults)], config


def hangs_on(fault: Fault, others: Sequence[Fault]) -> bool:
    """Whether `fault` may only be there because of others: what it says is about its neighbours, which have faults."""
    place = fault.place[:2]
    about_neighbours = (
        (place == ("notify", "routes") and len(fault.place) == 3)
        or (place == ("attribution", "rules"))
        or (place == ("notify", "mute_tickets"))
    )
    return about_neighbours and any(other.place[:2] == place for other in others)


class Rest:
    """What is left of a file as faults are taken away, and where it stood."""

    def __init__(self, data: Any) -> None:
        self.data = data
        self.kept: dict[Place, list[int]] = {}
        """The former indices of the entries of lists of which some were taken away."""

    def take_away(self, place: Place) -> None:
        """Removes what stands at `place`, unless that is gone already."""
        *around, last = place
        holder = self.data
        for step in around:
            try:
                holder = holder[step]
            except (LookupError, TypeError):
                return
        if isinstance(holder, dict):
            holder.pop(last, None)
        elif isinstance(holder, list) and isinstance(last, int) and last < len(holder):
            # The places of other faults must hold, so that only what is empty already goes.
            if holder[last] is not None:
                holder[last] = None
                return
            self.kept.setdefault(tuple(around), list(range(len(holder)))).pop(last)
            holder.pop(last)

    def was(self, place: Place) -> Place:
        """Where what stands at `place` now stood in the file."""
        return tuple(
            self.kept[place[:n]][step] if isinstance(step, int) and place[:n] in self.kept else step
            for n, step in enumerate(place)
        )


def with_lifecycle(config: Config, path: Path | None, may_be_missing: bool) -> tuple[Config, list[Fault]]:
    """`config` with the path of the retirement dates from where it is read, and what is wrong with that file."""
    if config.models.lifecycle_file is None:
        return config, []
    file = (path.parent if path else Path()) / config.models.lifecycle_file
    models = config.models.model_copy(update={"lifecycle_file": str(file)})
    try:
        if file.exists() or not may_be_missing:
            lifecycle.load(file)
    except lifecycle.LifecycleError as error:
        return config, [Fault(("models", "lifecycle_file"), str(error))]
    return config.model_copy(update={"models": models}), []


def names(data: Any, *place: str) -> list[str]:
    """The keys that stand at `place`, none if something else does."""
    for key in place:
        data = data.get(key) if isinstance(data, dict) else None
    return [str(key) for key in data] if isinstance(data, dict) else []


def price_faults(prices: Any, document: Document) -> list[Fault]:
    """What is wrong with the user's prices, as the instrumentor would find it."""
    try:
        Prices.load(prices)
    except PriceError as error:
        return [price_fault(text, document) for text in error.faults]
    return []


def price_fault(text: str, document: Document) -> Fault:
    """A fault of the prices, which begins with its place."""
    place = document.placed(text)
    key = dotted(place)
    if not text.startswith(f"{key} "):
        # A key that is missing, so that no line has it.
        key = text.partition(" ")[0]
    return Fault(place, text[len(key) :].strip(), key)


def shown(faults: Sequence[Fault], file: str, document: Document) -> list[Message]:
    """The faults as they are shown, in the order of the file, each once."""
    found = [Message(file, document.line(each.place), each.name or dotted(each.place), each.what) for each in faults]
    return sorted(dict.fromkeys(found), key=lambda message: message.line or 0)
