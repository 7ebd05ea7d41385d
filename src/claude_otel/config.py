"""What the environment and the configuration file say, read once when the instrumentor starts.

A mistake never stops the application: one warning names the variable or file, what was expected, and what is used.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from claude_otel.guard import log
from claude_otel.pricing import PriceError, Prices

SPANS = "CLAUDE_OTEL_SPANS"
"""`auto` (the default), `own`, `native` or `off`: whose span a call has."""

LOGS = "CLAUDE_OTEL_LOGS"
"""`all` (the default), `errors` or `off`: which calls have an event."""

CONFIG = "CLAUDE_OTEL_CONFIG"
"""The path of claude-otel.yaml: budgets, attribution rules, prices."""

BAGGAGE = "CLAUDE_OTEL_BAGGAGE"
"""`true` to take the surface from W3C baggage `claude.surface`; `false` is the default."""

USER_KEY = "CLAUDE_OTEL_USER_HASH_KEY"
"""The key of the HMAC that makes `user.hash`; without one no user leaves the process."""

USER_KEY_FILE = "CLAUDE_OTEL_USER_HASH_KEY_FILE"
"""A file with that key."""

FLUSH_ON_SIGTERM = "CLAUDE_OTEL_FLUSH_ON_SIGTERM"
"""`1` to export what is left when SIGTERM ends the process; `0` is the default."""


@dataclass(frozen=True)
class Rule:
    """Calls made at a call site that matches `match` (`module:function`, `*` allowed) belong to `surface`."""

    match: str
    surface: str

    def matches(self, call_site: str) -> bool:
        pattern = self.match if ":" in self.match else f"{self.match}:*"
        return fnmatchcase(call_site, pattern)


@dataclass(frozen=True)
class Settings:
    """The settings in force."""

    spans: str = "auto"
    logs: str = "all"
    baggage: bool = False
    user_key: bytes | None = None
    flush_on_sigterm: bool = False
    rules: tuple[Rule, ...] = ()
    duration_budgets: tuple[float, ...] = ()
    per_token_budgets: tuple[float, ...] = ()
    prices: Prices = field(default_factory=Prices.load)


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings that `environ` and the file it names make. Never raises: what is wrong is warned of and left out."""
    document = read_file(environ.get(CONFIG, ""))
    duration, per_token = budgets(document)
    return Settings(
        spans=choice(environ, SPANS, ("auto", "own", "native", "off")),
        logs=choice(environ, LOGS, ("all", "errors", "off")),
        baggage=choice(environ, BAGGAGE, ("false", "true")) == "true",
        user_key=user_key(environ),
        flush_on_sigterm=choice(environ, FLUSH_ON_SIGTERM, ("0", "1", "false", "true")) in ("1", "true"),
        rules=rules(document),
        duration_budgets=duration,
        per_token_budgets=per_token,
        prices=prices(document),
    )


def choice(environ: Mapping[str, str], name: str, values: tuple[str, ...]) -> str:
    """The value of the variable `name`, or the first of `values` when it is unset or none of them."""
    value = environ.get(name, "").strip().lower()
    if not value or value in values:
        return value or values[0]
    log.warning("%s=%r is not one of %s; using %s", name, environ[name], ", ".join(values), values[0])
    return values[0]


def user_key(environ: Mapping[str, str]) -> bytes | None:
    """The key of the user hash, from the environment or the file that it names."""
    if key := environ.get(USER_KEY):
        return key.encode()
    path = environ.get(USER_KEY_FILE)
    if not path:
        return None
    try:
        with open(path, "rb") as file:
            key_bytes = file.read().strip()
    except OSError as error:
        log.warning("%s=%r cannot be read (%s); users are left out", USER_KEY_FILE, path, error.strerror)
        return None
    if not key_bytes:
        log.warning("%s=%r is empty; users are left out", USER_KEY_FILE, path)
    return key_bytes or None


def read_file(path: str) -> Mapping[str, Any]:
    """The configuration file as a mapping, empty when there is none or it cannot be used."""
    if not path:
        return {}
    try:
        import yaml

        with open(path, encoding="utf-8") as file:
            document = yaml.safe_load(file)
    except ImportError:
        return unusable(path, "PyYAML is not installed: pip install pyyaml")
    except OSError as error:
        return unusable(path, f"cannot be read: {error.strerror}")
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        return unusable(path, f"is not YAML: {' '.join(str(error).split())}")
    if document is None:
        return {}
    if not isinstance(document, dict):
        return unusable(path, f"has a {type(document).__name__} at the top where keys are expected")
    return document


def unusable(path: str, why: str) -> Mapping[str, Any]:
    """No settings, after a warning that the file at `path` has none that can be used."""
    log.warning("%s=%s %s; using the defaults", CONFIG, path, why)
    return {}


def warn(key: str, why: str) -> None:
    """Warns that `key` of the configuration file is left out, and why."""
    log.warning("%s: %s %s; it is left out", CONFIG, key, why)


def section(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The keys under `key`, none when it is left out or has anything but keys."""
    value = document.get(key)
    if value is None or isinstance(value, dict):
        return value or {}
    warn(key, f"is a {type(value).__name__} where keys are expected")
    return {}


def rules(document: Mapping[str, Any]) -> tuple[Rule, ...]:
    """The attribution rules, in order: `attribution.rules[].{match, surface}`."""
    listed = section(document, "attribution").get("rules")
    if listed is not None and not isinstance(listed, list):
        warn("attribution.rules", f"is a {type(listed).__name__} where a list is expected")
        return ()
    found = []
    for index, rule in enumerate(listed or ()):
        match, name = (rule.get("match"), rule.get("surface")) if isinstance(rule, dict) else (None, None)
        if isinstance(match, str) and match and isinstance(name, str) and name:
            found.append(Rule(match, name))
        else:
            warn(f"attribution.rules[{index}]", "needs `match` and `surface`, both text")
    return tuple(found)


def budgets(document: Mapping[str, Any]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The budgets of all surfaces that become bucket edges: durations in seconds, and seconds per output token."""
    durations: list[float] = []
    per_token: list[float] = []
    for name, surface in section(document, "surfaces").items():
        settings = section({f"surfaces.{name}": surface}, f"surfaces.{name}")
        if "budgets" in settings:
            settings = section({f"surfaces.{name}.budgets": settings["budgets"]}, f"surfaces.{name}.budgets")
        for key in ("time_to_first_text", "time_to_first_chunk", "duration"):
            durations += budget(f"surfaces.{name}.{key}", settings.get(key))
        per_token += (
            1 / rate for rate in budget(f"surfaces.{name}.tokens_per_second", settings.get("tokens_per_second"))
        )
    return tuple(durations), tuple(per_token)


def budget(key: str, value: object) -> list[float]:
    """The budget `value` as a list of one, empty when there is none or it is not a positive number."""
    if value is None:
        return []
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1e9:
        return [float(value)]
    warn(key, f"is {value!r} where a positive number is expected")
    return []


def prices(document: Mapping[str, Any]) -> Prices:
    """The vendored prices with the file's own, or without these when they are wrong."""
    overrides = document.get("prices")
    try:
        return Prices.load(overrides)
    except PriceError as error:
        warn("prices", f"cannot be used: {'. '.join(error.faults)}")
        return Prices.load()
