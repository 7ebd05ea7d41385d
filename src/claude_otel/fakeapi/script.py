"""The script of a fake API: rules that give a request a fault or an answer.

A rule matches by model, stream, platform, path and a text of the prompt; `after`, `nth`, `times` and `probability` then
pick among the requests that match. The first rule with a fault and the first with an answer that pick a request apply.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from .faults import FAULTS, SETTINGS, Injection, injection
from .jsontypes import JSON
from .request import MessagesRequest
from .wanted import Wanted, wanted_from

HEADER = "x-fake-fault"


class ScriptError(ValueError):
    """A script that cannot be used: where it is wrong, what was expected, and every problem at once."""


@dataclass(frozen=True)
class Rule:
    """Which requests, and what they get. `None` matches anything."""

    fault: str | None = None
    answer: Wanted | None = None
    model: str | None = None
    """A model name, `*` for any characters."""
    stream: bool | None = None
    platform: str | None = None
    path: str = "/v1/messages"
    """A path, `*` for any characters."""
    text: str | None = None
    """A text that is anywhere in the request's body."""
    after: int = 0
    """How many matching requests are let pass first."""
    nth: int | None = None
    """Only this one of the matching requests, counted from 1."""
    times: int | None = None
    """At most so many requests."""
    probability: float = 1.0
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The settings of the fault: seconds, after_events, retry_after, retry_after_ms, message."""

    def matches(self, request: MessagesRequest, path: str, raw: str) -> bool:
        """Whether the rule is about the request at all."""
        return (
            fnmatchcase(path, self.path)
            and (self.model is None or fnmatchcase(request.model, self.model))
            and (self.stream is None or self.stream == request.stream)
            and (self.platform is None or self.platform == request.platform)
            and (self.text is None or self.text in raw)
        )


@dataclass
class _Counts:
    seen: int = 0
    used: int = 0


class Script:
    """The rules in force. It may be changed by one thread while another is served by it."""

    def __init__(self, rules: Iterable[Rule] = (), seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._random = random.Random(seed)  # noqa: S311 - which requests fail is no secret
        self.set(rules)

    def set(self, rules: Iterable[Rule]) -> None:
        """Put other rules in place of those in force, their counts at zero."""
        with self._lock:
            self._rules = [(rule, _Counts()) for rule in rules]

    def add(self, rules: Iterable[Rule]) -> None:
        """Put more rules behind those in force."""
        with self._lock:
            self._rules += [(rule, _Counts()) for rule in rules]

    @property
    def rules(self) -> list[Rule]:
        """The rules in force, in order."""
        with self._lock:
            return [rule for rule, _ in self._rules]

    def decide(self, request: MessagesRequest, path: str, raw: str) -> tuple[Injection | None, Wanted | None]:
        """The fault and the wishes that the rules give a request."""
        fault: Injection | None = None
        wanted: Wanted | None = None
        with self._lock:
            for rule, counts in self._rules:
                if not rule.matches(request, path, raw):
                    continue
                counts.seen += 1
                taken = fault if rule.fault else wanted
                if taken is None and self._picks(rule, counts):
                    fault = fault or (injection(rule.fault, dict(rule.settings)) if rule.fault else None)
                    wanted = wanted or rule.answer
        return fault, wanted

    def _picks(self, rule: Rule, counts: _Counts) -> bool:
        if counts.seen <= rule.after or (rule.nth is not None and counts.seen != rule.nth):
            return False
        if rule.times is not None and counts.used >= rule.times:
            return False
        if rule.probability < 1 and self._random.random() >= rule.probability:
            return False
        counts.used += 1
        return True


def header_fault(value: str | None, retry_count: int) -> Injection | None:
    """The fault that the `x-fake-fault` header asks for, such as `overloaded; times=1; retry_after_ms=5`.

    With `times` only the first attempts of a call meet it. Raises `ValueError` that names what is wrong.
    """
    if not value:
        return None
    name, *pairs = (part.strip() for part in value.split(";"))
    settings = {key.strip(): _scalar(text.strip()) for key, _, text in (pair.partition("=") for pair in pairs)}
    times = settings.pop("times", None)
    unknown = sorted(set(settings) - set(SETTINGS))
    if unknown:
        raise ValueError(f"unknown setting {unknown[0]!r}; expected times, {', '.join(SETTINGS)}")
    asked = injection(name, settings)
    return asked if times is None or retry_count < int(times) else None


def _scalar(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def load_script(path: Path) -> tuple[list[Rule], int]:
    """The rules and the seed of a YAML or JSON file. Raises `ScriptError` that names the file and every problem."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ScriptError(f"{path}: {error.strerror}. Give a YAML or JSON file with `rules:`.") from error
    except UnicodeDecodeError as error:
        raise ScriptError(f"{path}: not UTF-8 text. Give a YAML or JSON file with `rules:`.") from error
    return parse_script(parsed_file(path, text), str(path))


def parsed_file(path: Path, text: str) -> object:
    """The value a YAML (or JSON) text stands for. Raises `ScriptError` that names the place of a mistake."""
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or error
        raise ScriptError(f"{path}{place}: not valid YAML or JSON: {problem}") from error


def parse_script(value: object, source: str) -> tuple[list[Rule], int]:
    """The rules and the seed of a script as data: a list of rules, or an object with `rules` and `seed`."""
    if isinstance(value, list):
        value = {"rules": value}
    if not isinstance(value, dict) or not isinstance(value.get("rules"), list):
        raise ScriptError(f"{source}: expected an object with a list `rules` (and, if wanted, `seed`)")
    rules: list[Rule] = []
    problems = [f"unknown key {key!r}; expected rules, seed" for key in value if key not in ("rules", "seed")]
    seed = value.get("seed", 0)
    if not isinstance(seed, int):
        problems.append(f"seed is {seed!r}; expected a whole number")
    for index, item in enumerate(value["rules"]):
        try:
            rules.append(parse_rule(item))
        except ValueError as error:
            problems.append(f"rules[{index}]: {error}")
    if problems:
        raise ScriptError("\n".join(f"{source}: {problem}" for problem in problems))
    return rules, seed


RULE_FIELDS = tuple(item.name for item in fields(Rule) if item.name != "settings")
TYPES: dict[str, tuple[type, ...]] = {
    "fault": (str,),
    "model": (str,),
    "stream": (bool,),
    "platform": (str,),
    "path": (str,),
    "text": (str,),
    "after": (int,),
    "nth": (int,),
    "times": (int,),
    "probability": (int, float),
    "seconds": (int, float),
    "after_events": (int,),
    "retry_after": (int, float),
    "retry_after_ms": (int, float),
    "message": (str,),
    "answer": (dict,),
}


def parse_rule(item: object) -> Rule:
    """The rule that an object of a script stands for. Raises `ValueError` that names what is wrong."""
    if not isinstance(item, dict):
        raise ValueError(f"expected an object, not {item!r}")
    check_types(item)
    if "fault" not in item and "answer" not in item:
        raise ValueError("expected `fault` or `answer`")
    if "fault" in item and item["fault"] not in FAULTS:
        raise ValueError(f"unknown fault {item['fault']!r}; expected one of {', '.join(FAULTS)}")
    known: JSON = {name: item[name] for name in RULE_FIELDS if name in item and name != "answer"}
    wanted = wanted_from(item["answer"]) if "answer" in item else None
    return Rule(answer=wanted, settings={name: item[name] for name in SETTINGS if name in item}, **known)


def check_types(item: JSON) -> None:
    """Raise `ValueError` for a key of a rule that is not known or has a value of the wrong type."""
    for key, value in item.items():
        if key not in TYPES:
            raise ValueError(f"unknown key {key!r}; expected one of {', '.join(TYPES)}")
        if not isinstance(value, TYPES[key]) or (isinstance(value, bool) and bool not in TYPES[key]):
            expected = " or ".join(kind.__name__ for kind in TYPES[key])
            raise ValueError(f"{key} is {value!r}; expected {expected}")
