"""The tokens of an answer, as the API reports them: totals, and one entry for each model that is billed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any


@dataclass(slots=True)
class Entry:
    """The tokens that one model is billed for: an iteration of an answer, or the whole answer.

    `input_tokens` are the uncached ones only, as the API counts them.
    """

    kind: str = "message"
    model: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    billed: bool = True

    @property
    def cache_write(self) -> int:
        """Input tokens written to the cache, for whatever life."""
        return self.cache_write_5m + self.cache_write_1h

    @property
    def prompt_tokens(self) -> int:
        """All input tokens, cached or not: what length tiers of prices go by."""
        return self.input_tokens + self.cache_read + self.cache_write_5m + self.cache_write_1h

    def add(self, other: Entry) -> None:
        """Adds the tokens of `other`."""
        self.input_tokens += other.input_tokens
        self.output_tokens += other.output_tokens
        self.cache_read += other.cache_read
        self.cache_write_5m += other.cache_write_5m
        self.cache_write_1h += other.cache_write_1h


@dataclass(slots=True)
class Usage:
    """What an answer used. `entries` has at least one entry; their sum is what the token counters count."""

    entries: list[Entry] = field(default_factory=list)
    reasoning_tokens: int | None = None
    service_tier: str | None = None
    speed: str | None = None
    inference_geo: str | None = None
    web_search_requests: int = 0
    web_fetch_requests: int = 0
    iterations: int = 0

    @property
    def totals(self) -> Entry:
        """The sum of all entries; the entry itself when there is one, as there nearly always is."""
        if len(self.entries) == 1:
            return self.entries[0]
        totals = Entry()
        for entry in self.entries:
            totals.add(entry)
        return totals


def get(data: Any, name: str) -> Any:
    """The field `name` of a model or of decoded JSON, `None` where it is missing."""
    return data.get(name) if isinstance(data, dict) else getattr(data, name, None)


def fields_of(data: Any) -> Mapping[str, Any]:
    """The fields of a model or of decoded JSON, with those that the model's class does not know."""
    if isinstance(data, dict):
        return data
    try:
        extra = data.__pydantic_extra__
    except AttributeError:
        return getattr(data, "__dict__", {})
    return {**data.__dict__, **extra} if extra else data.__dict__


SHORT = 200
"""Characters that a text may have to become an attribute: names and levels, never content."""


MOST = 10**12
"""The largest count: no answer has so many tokens, and no sum of counts outgrows the 64 bits that exporters have."""

BITS = 39
"""Numbers of so many bits are counts: a negative or a larger one has more."""


def text(value: object) -> str | None:
    """`value` when it is a short text, so that no content passes for a name."""
    if not value or not isinstance(value, str) or len(value) > SHORT:
        return None
    return value if value.isascii() or encodable(value) else None


def texts(*values: object) -> Sequence[str | None]:
    """`text` of each of `values`, for less when all of them are short texts, as they nearly always are."""
    try:
        joined = "".join(values)  # type: ignore[arg-type]
    except TypeError:
        return [text(value) for value in values]
    if len(joined) <= SHORT and joined.isascii() and all(values):
        return values  # type: ignore[return-value]
    return [text(value) for value in values]


def encodable(value: str) -> bool:
    """Whether `value` can be sent: JSON may have half a surrogate pair, which exporters cannot encode."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def number(value: object) -> int | None:
    """`value` when it is a count."""
    return value if type(value) is int and 0 <= value <= MOST else None


def count(value: object) -> int:
    """`value` when it is a count of tokens; 0 for anything else."""
    return value if type(value) is int and 0 < value <= MOST else 0


PLAIN = (
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "service_tier",
    "speed",
    "inference_geo",
)
"""The fields of `usage` that are read. `message_delta` has those that are cumulative, and replaces what it has."""

NESTED = ("cache_creation", "output_tokens_details", "server_tool_use", "iterations")
"""The fields of it that have more in them."""

SPLIT = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
"""The fields of its `cache_creation`."""

FIELDS = (
    *PLAIN,
    *SPLIT,
    "thinking_tokens",
    "web_search_requests",
    "web_fetch_requests",
    "iterations",
)
"""The fields of merged usage: those, the counts of what is nested in others, and a list."""


_SPLIT = attrgetter(*SPLIT)
"""Those of a model."""


def merge(into: dict[str, Any], usage: Any) -> None:
    """Puts the fields that `usage` gives over those in `into`: `message_start` first, then `message_delta`.

    As they are now: an answer is the application's, and may be changed before what it used is looked at.
    """
    of = fields_of(usage).get
    if not into and of("input_tokens") is not None:
        into.update(zip(PLAIN, map(of, PLAIN), strict=True))
    else:
        for name in PLAIN:
            value = of(name)
            if value is not None:
                into[name] = value
    split, details, server, listed = map(of, NESTED)
    if split is not None:
        try:
            into[SPLIT[0]], into[SPLIT[1]] = _SPLIT(split)
        except AttributeError:
            into.update(zip(SPLIT, map(fields_of(split).get, SPLIT), strict=True))
    if details is not None:
        into["thinking_tokens"] = get(details, "thinking_tokens")
    if server is not None:
        nested = fields_of(server).get
        into["web_search_requests"] = count(nested("web_search_requests"))
        into["web_fetch_requests"] = count(nested("web_fetch_requests"))
    if listed is not None:
        into["iterations"] = copied(listed)


def merged(*usages: Any) -> dict[str, Any]:
    """The fields of these usages, one put over the other."""
    into: dict[str, Any] = {}
    for usage in usages:
        merge(into, usage)
    return into


def copied(value: Any, depth: int = 4) -> Any:
    """`value` as it is now, in plain lists and dictionaries."""
    if value is None or isinstance(value, (int, str, float)):
        return value
    if not depth:
        return None
    if isinstance(value, (list, tuple)):
        return [copied(item, depth - 1) for item in value]
    return {name: copied(part, depth - 1) for name, part in fields_of(value).items()}


def read(raw: Mapping[str, Any], *, model: str | None, ttl: str, final: bool = True) -> Usage:
    """The usage that the merged fields `raw` make.

    `model` is the one that served. `ttl`, `5m` or `1h`, is the life that the request asked for: writes that no split
    covers are booked on it. Without `final`, which `message_delta` brings, output is a placeholder and is left out.
    """
    of = raw.get
    listed = of("iterations") if final else None
    if isinstance(listed, list) and listed:
        entries = _iterations(listed, model, ttl)
        iterations = len(entries)
        if not any(entry.kind in ("message", "fallback_message") for entry in entries):
            entries.insert(0, _entry(raw, "message", model, ttl))
    else:
        entries, iterations = [_entry(raw, "message", model, ttl)], 0
    usage = Usage(entries, None, text(of("service_tier")), text(of("speed")), text(of("inference_geo")))
    usage.iterations = iterations
    if not final:
        entries[0].output_tokens = 0
        return usage
    usage.reasoning_tokens = count(of("thinking_tokens")) if "thinking_tokens" in raw else None
    usage.web_search_requests = of("web_search_requests") or 0
    usage.web_fetch_requests = of("web_fetch_requests") or 0
    return usage


def cached(raw: Mapping[str, Any]) -> int:
    """The tokens of the prompt that were read from the cache or written to it, as `read` would tell them."""
    totals = read(raw, model=None, ttl="5m").totals
    return totals.cache_read + totals.cache_write


def _iterations(listed: list[Any], model: str | None, ttl: str) -> list[Entry]:
    """An entry for each iteration. One that declined before any output, so that another served, is not billed."""
    entries = [
        _entry(merged(item), text(get(item, "type")) or "message", text(get(item, "model")) or model, ttl)
        for item in listed
    ]
    if any(entry.kind == "fallback_message" for entry in entries):
        for entry in entries:
            entry.billed = entry.kind != "message" or entry.output_tokens > 0
    return entries


def _entry(raw: Mapping[str, Any], kind: str, model: str | None, ttl: str) -> Entry:
    of = raw.get
    fresh, output, read = of("input_tokens"), of("output_tokens"), of("cache_read_input_tokens")
    short, long = map(of, SPLIT)
    write_5m, write_1h = writes(of("cache_creation_input_tokens"), short, long, ttl)
    return Entry(kind, model, count(fresh), count(output), count(read), write_5m, write_1h)


def writes(total: Any, short: Any, long: Any, ttl: str) -> tuple[int, int]:
    """The 5 minute and 1 hour cache writes. A `total` that grew since its split was given is booked on `ttl`."""
    if not type(short) is type(long) is int or (short | long) >> BITS:
        short, long = count(short), count(long)
    if type(total) is not int or total > MOST or total == short + long:
        return short, long
    total = max(total, 0)
    if short + long > total:
        return total - min(long, total), min(long, total)
    rest = total - short - long
    return (short, long + rest) if ttl == "1h" else (short + rest, long)
