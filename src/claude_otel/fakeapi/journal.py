"""The journal: one entry for each HTTP request, telling what was served. It is what tests compare with."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .jsontypes import JSON, as_dict

TOKEN_KINDS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output")


@dataclass
class Entry:
    """One HTTP request and what became of it."""

    sequence: int
    time: float
    method: str
    path: str
    """The path as it was sent, with its query."""
    endpoint: str = ""
    """What was called: messages, count_tokens, batches, batch, batch_results, models, model."""
    platform: str = "anthropic"
    model_requested: str | None = None
    model_served: str | None = None
    request_id: str | None = None
    message_id: str | None = None
    status: int | None = None
    """The status that was sent; `None` when the connection was reset or the client left before one was."""
    error_type: str | None = None
    """The type of an error response or of an `error` event."""
    error_code: str | None = None
    fault: str | None = None
    """The fault the request met, by name."""
    stream: bool = False
    retry_count: int = 0
    """`x-stainless-retry-count` of the request."""
    message_start_sent: bool = False
    message_delta_sent: bool = False
    message_stop_sent: bool = False
    complete: bool = False
    """Whether the client could read everything: a whole body, or a stream up to `message_stop`."""
    client_closed: bool = False
    """Whether the client left before it was served."""
    stop_reason: str | None = None
    usage: JSON | None = None
    """The usage the client was told so far; final only when `message_delta_sent` or `complete`."""
    bill: list[JSON] = field(default_factory=list)
    """What the API bills: one row of tokens for each run of a model, at its own model."""
    batch_id: str | None = None
    batch_rows: list[JSON] = field(default_factory=list)
    """The rows of a batch: custom_id, type and, for those that succeeded, model, message_id and usage."""
    workspace: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    finished: bool = False

    def to_json(self) -> JSON:
        """The entry as a JSON object."""
        return asdict(self)


class Journal:
    """All entries, oldest first. Safe to read while requests are served."""

    def __init__(self, path: Path | None = None, *, keep_bodies: bool = True) -> None:
        self._entries: list[Entry] = []
        self._sequence = 0
        self._changed = threading.Condition()
        self._keep_bodies = keep_bodies
        self._file = path.open("a", encoding="utf-8") if path else None

    def open(self, now: float, method: str, path: str, headers: dict[str, str], body: bytes) -> Entry:
        """A new entry for a request that has been read."""
        with self._changed:
            self._sequence += 1
            entry = Entry(self._sequence, now, method, path, retry_count=_retry_count(headers))
            if self._keep_bodies:
                entry.headers, entry.body = headers, body.decode("utf-8", "replace")
            self._entries.append(entry)
            self._changed.notify_all()
            return entry

    def finish(self, entry: Entry) -> None:
        """Close an entry, and write it to the file if there is one."""
        with self._changed:
            entry.finished = True
            if self._file:
                self._file.write(json.dumps(entry.to_json(), ensure_ascii=False) + "\n")
                self._file.flush()
            self._changed.notify_all()

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()

    def clear(self) -> None:
        """Forget all entries."""
        with self._changed:
            self._entries.clear()

    @property
    def entries(self) -> list[Entry]:
        """All entries, oldest first."""
        with self._changed:
            return list(self._entries)

    def of(self, endpoint: str) -> list[Entry]:
        """The entries of one endpoint, such as `messages` or `batch_results`."""
        return [entry for entry in self.entries if entry.endpoint == endpoint]

    @property
    def messages(self) -> list[Entry]:
        """The attempts to create a message, oldest first."""
        return self.of("messages")

    @property
    def completed(self) -> list[Entry]:
        """The messages that were served whole."""
        return [entry for entry in self.messages if entry.status == 200 and entry.complete]

    @property
    def first_attempts(self) -> list[Entry]:
        """The attempts to create a message that are not retries: one for each call of an SDK client."""
        return [entry for entry in self.messages if entry.retry_count == 0]

    @property
    def request_ids(self) -> list[str]:
        """The request ids of the messages that were served whole."""
        return [entry.request_id for entry in self.completed if entry.request_id]

    def request(self, request_id: str) -> Entry:
        """The entry with a request id. Raises `KeyError` when there is none."""
        for entry in self.entries:
            if entry.request_id == request_id:
                return entry
        raise KeyError(request_id)

    def faults(self) -> Counter[str]:
        """How many requests met each fault."""
        return Counter(entry.fault for entry in self.entries if entry.fault)

    def statuses(self) -> Counter[int | None]:
        """How many requests got each status."""
        return Counter(entry.status for entry in self.entries)

    def usage_totals(self, entries: Iterable[Entry] | None = None) -> Counter[str]:
        """The tokens of each kind at the top of the messages served whole (or of other entries)."""
        chosen = self.completed if entries is None else entries
        return _sum(entry.usage for entry in chosen if entry.usage)

    def billed_totals(self, entries: Iterable[Entry] | None = None) -> Counter[str]:
        """The tokens of each kind that are billed for the messages served whole (or for other entries)."""
        chosen = self.completed if entries is None else entries
        return _sum(row for entry in chosen for row in entry.bill)

    def wait(self, condition: Callable[[Journal], bool], timeout: float = 10.0) -> None:
        """Wait until something holds of the journal. Raises `TimeoutError` when it does not in time."""
        deadline = time.monotonic() + timeout
        while not condition(self):
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"The journal of {len(self.entries)} requests did not become as awaited.")
            with self._changed:
                self._changed.wait(min(left, 0.05))

    def wait_finished(self, count: int, timeout: float = 10.0) -> list[Entry]:
        """Wait until so many requests have been served to their end, and return the entries."""
        self.wait(lambda journal: sum(entry.finished for entry in journal.entries) >= count, timeout)
        return self.entries


def tokens_of(usage: JSON) -> dict[str, int]:
    """The tokens of each kind in a usage or a row of a bill; `input` is what was neither read nor written."""
    split = as_dict(usage.get("cache_creation"))
    return {
        "input": usage.get("input_tokens") or 0,
        "cache_read": usage.get("cache_read_input_tokens") or 0,
        "cache_write_5m": split.get("ephemeral_5m_input_tokens") or 0,
        "cache_write_1h": split.get("ephemeral_1h_input_tokens") or 0,
        "output": usage.get("output_tokens") or 0,
    }


def _sum(usages: Iterable[JSON]) -> Counter[str]:
    totals: Counter[str] = Counter(dict.fromkeys(TOKEN_KINDS, 0))
    for usage in usages:
        totals.update(tokens_of(usage))
    return totals


def _retry_count(headers: dict[str, str]) -> int:
    text = headers.get("x-stainless-retry-count", "")
    return int(text) if text.isdigit() else 0
