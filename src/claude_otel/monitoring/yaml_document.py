"""A YAML file as values, with the line of every key, and the faults that reading alone finds: keys given twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from claude_otel.monitoring.fault import Fault, Place, dotted

TEXT = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge", "tag:yaml.org,2002:value")
KINDS = {"int": "a number", "float": "a number", "bool": "true or false", "timestamp": "a date", "null": "nothing"}


class NotYAMLError(ValueError):
    """The text is no YAML: why, and the line, if it is known."""

    def __init__(self, why: str, line: int | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.line = line


@dataclass(frozen=True)
class Document:
    """What the file says. `lines` has the line of every key and of every entry of a list, counted from 1."""

    data: Any = None
    lines: Mapping[Place, int] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()

    def line(self, place: Place) -> int | None:
        """The line of a place, or of the nearest key around it."""
        # Keys that are numbers are text here, as they stand in the file.
        lines = {tuple(map(str, known)): line for known, line in self.lines.items()}
        wanted = tuple(map(str, place))
        return next((lines[wanted[:n]] for n in range(len(wanted), 0, -1) if wanted[:n] in lines), None)

    def placed(self, text: str) -> Place:
        """The longest place whose dotted form `text` begins with; keys may have dots themselves."""
        fitting = [place for place in self.lines if starts_with(text, dotted(place))]
        return max(fitting, key=lambda place: len(dotted(place)), default=())


def starts_with(text: str, place: str) -> bool:
    """Whether `text` begins with `place` as a whole."""
    return text.startswith(place) and text[len(place) : len(place) + 1] in ("", " ", ".", "[")


def parse(text: str) -> Document:
    """The values and lines of `text`. Raises `NotYAMLError`."""
    try:
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return Document()
            check_values(node)
            faults = (*doubled(node), *odd_keys(node))
            data = loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise not_yaml(error) from error
    except RecursionError as error:
        raise NotYAMLError("it is nested too deep") from error
    return Document(data, dict(places(node)), faults)


def check_values(node: yaml.Node, within: tuple[int, ...] = ()) -> None:
    """Raises `NotYAMLError` at what cannot be a value: a date such as 2026-02-31, an anchor that holds itself."""
    line = node.start_mark.line + 1
    if id(node) in within:
        raise NotYAMLError("an anchor holds itself", line)
    if isinstance(node, yaml.ScalarNode):
        try:
            yaml.SafeLoader("").construct_object(node)
        except ValueError as error:
            raise NotYAMLError(f"{node.value}: {error}", line) from error
    for _, _, value in children(node):
        check_values(value, (*within, id(node)))


def not_yaml(error: yaml.YAMLError) -> NotYAMLError:
    """Why a text is not YAML, in one line."""
    mark = getattr(error, "problem_mark", None)
    parts = [getattr(error, name, None) for name in ("context", "problem")]
    why = ", ".join(" ".join(part.split()) for part in parts if part) or " ".join(str(error).split())
    return NotYAMLError(why, None if mark is None else mark.line + 1)


def doubled(node: yaml.Node, place: Place = ()) -> Iterator[Fault]:
    """A fault for each key that stands twice in a mapping."""
    seen: dict[str, int] = {}
    for step, key, value in children(node):
        if key is not None and step in seen and step != "<<":
            where = f"in line {key.start_mark.line + 1} is given in line {seen[str(step)]} already; keep one of them"
            yield Fault((*place, step), where)
        if key is not None:
            seen.setdefault(str(step), key.start_mark.line + 1)
        yield from doubled(value, (*place, step))


def odd_keys(node: yaml.Node, place: Place = ()) -> Iterator[Fault]:
    """A fault for each key that YAML reads as no text: 404, yes, 2026-11-21. The keys of prices are checked there."""
    if place == ("prices",):
        return
    for step, key, value in children(node):
        if key is not None and key.tag not in TEXT:
            kind = key.tag.rpartition(":")[2]
            yield Fault((*place, str(step)), f"is a key that YAML reads as {KINDS.get(kind, kind)}; put it in quotes")
        yield from odd_keys(value, (*place, step))


def text_keys(data: Any) -> Any:
    """`data` without the keys that are no text."""
    if isinstance(data, dict):
        return {key: text_keys(value) for key, value in data.items() if isinstance(key, str)}
    return [text_keys(value) for value in data] if isinstance(data, list) else data


def places(node: yaml.Node, place: Place = ()) -> Iterator[tuple[Place, int]]:
    """The line of every key and entry below `node`."""
    for step, key, value in children(node):
        yield (*place, step), (key or value).start_mark.line + 1
        yield from places(value, (*place, step))


def children(node: yaml.Node) -> Iterator[tuple[str | int, yaml.Node | None, yaml.Node]]:
    """What stands directly below `node`: its key or index, the node of the key, and the node of the value."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                yield key.value, key, value
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield index, None, value
