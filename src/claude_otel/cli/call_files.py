"""Calls that are kept: files of OTLP JSON, as the Collector of the stack and `claude-otel run` write them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from claude_otel import telemetry
from claude_otel.cli.otlp import Event

FILES = "calls*.jsonl"
"""The file that is written, and those that were full, whose names say when."""

REQUEST = '{"resourceLogs"'
"""How a line begins. Where the Collector was killed while it wrote one, the next stands behind what there is of it."""


def kept_calls(directory: Path, containing: str = "") -> Iterator[Event]:
    """The calls in the files of `directory`, those of newer files first, and of a file the last written first.

    Lines without the text `containing` are passed over unread, which makes finding one id fast.
    """
    for file in sorted(directory.glob(FILES), key=age):
        for line in reversed_lines(file):
            if containing in line:
                yield from reversed(calls_of(line))


def calls_in_order(directory: Path) -> Iterator[Event]:
    """The same calls as they were written, the oldest first."""
    for file in sorted(directory.glob(FILES), key=age, reverse=True):
        for line in lines_of(file):
            yield from calls_of(line)


def age(file: Path) -> tuple[int, str]:
    """Sorts the file that is written first, then the others from the newest."""
    if file.name == "calls.jsonl":
        return 0, ""
    return 1, "".join(chr(0x10FFFF - ord(letter)) for letter in file.name)


def reversed_lines(file: Path, block: int = 1 << 20) -> Iterator[str]:
    """The lines of `file` from the last to the first, without all of it in memory."""
    try:
        stream = file.open("rb")
    except FileNotFoundError:  # set aside and removed since it was listed
        return
    with stream:
        position = stream.seek(0, 2)
        rest = b""
        while position > 0:
            start = max(0, position - block)
            stream.seek(start)
            lines = (stream.read(position - start) + rest).split(b"\n")
            position = start
            rest = lines[0]
            for line in reversed(lines[1:]):
                if line:
                    yield line.decode(errors="replace")
        if rest:
            yield rest.decode(errors="replace")


def lines_of(file: Path) -> Iterator[str]:
    """The lines of `file` from the first to the last."""
    try:
        stream = file.open(encoding="utf-8", errors="replace")
    except FileNotFoundError:  # set aside and removed since it was listed
        return
    with stream:
        yield from stream


def calls_of(line: str) -> list[Event]:
    """The calls of a line, in order; of one that is not whole, those of the requests in it that are."""
    found = []
    for request in requests(line):
        for resource_logs in request.get("resourceLogs", ()):
            resource = attributes(resource_logs.get("resource", {}))
            for scope_logs in resource_logs.get("scopeLogs", ()):
                found += [
                    kept(record, resource)
                    for record in scope_logs.get("logRecords", ())
                    if record.get("eventName") == telemetry.CALL_EVENT
                ]
    return found


def requests(line: str) -> Iterator[dict[str, Any]]:
    """The export requests that stand whole in a line."""
    decoder = json.JSONDecoder()
    position = line.find(REQUEST)
    while position >= 0:
        try:
            request, end = decoder.raw_decode(line, position)
        except ValueError:
            end = position + 1
        else:
            yield request
        position = line.find(REQUEST, end)


def kept(record: dict[str, Any], resource: dict[str, Any]) -> Event:
    """The call of a log record."""
    at = int(record.get("timeUnixNano") or record.get("observedTimeUnixNano") or 0) / 1e9
    return Event(at, record.get("traceId", ""), resource, attributes(record))


def attributes(holder: dict[str, Any]) -> dict[str, Any]:
    """The attributes of a resource or a record."""
    return {pair["key"]: value_of(pair.get("value", {})) for pair in holder.get("attributes", ())}


def value_of(value: dict[str, Any]) -> Any:
    """An `AnyValue` of OTLP JSON, which has whole numbers as text."""
    for kind, held in value.items():
        if kind == "intValue":
            return int(held)
        if kind == "arrayValue":
            return [value_of(item) for item in held.get("values", ())]
        if kind == "kvlistValue":
            return {pair["key"]: value_of(pair.get("value", {})) for pair in held.get("values", ())}
        return held
    return None


def line_of(events: list[Event]) -> str:
    """What `calls_of` reads as these calls."""
    by_resource = groupby(events, key=lambda event: event.resource)
    logs = [
        {
            "resource": {"attributes": pairs(resource)},
            "scopeLogs": [{"logRecords": [record_of(each) for each in group]}],
        }
        for resource, group in by_resource
    ]
    return json.dumps({"resourceLogs": logs}, separators=(",", ":"), ensure_ascii=False)


def record_of(event: Event) -> dict[str, Any]:
    """A call as a log record."""
    return {
        "timeUnixNano": str(round(event.at * 1e9)),
        "eventName": telemetry.CALL_EVENT,
        "traceId": event.trace_id,
        "attributes": pairs(event.attributes),
    }


def pairs(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Attributes as OTLP JSON has them."""
    return [{"key": key, "value": any_value(value)} for key, value in values.items()]


def any_value(value: Any) -> dict[str, Any]:
    """A Python value as an `AnyValue` of OTLP JSON; an empty one for what it has no name for."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [any_value(item) for item in value]}}
    return {"kvlistValue": {"values": pairs(value)}} if isinstance(value, dict) else {}
