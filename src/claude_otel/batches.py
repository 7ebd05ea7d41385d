"""What was read of a message batch's results, and which of them were counted.

Their tokens are billed once, however often the results are read: counted once for a process and batch.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock

from claude_otel.pricing import Bill
from claude_otel.usage import Entry, Usage

_MOST_BATCHES = 1000


@dataclass
class Results:
    """The results of a batch that one call has read: how many, and the sums by model of those it counted."""

    succeeded: int = 0
    failed: int = 0
    entries: dict[str | None, Entry] = field(default_factory=dict)
    usd: dict[tuple[str, str], float] = field(default_factory=dict)
    uncached: float = 0.0
    unpriced: set[str] = field(default_factory=set)

    @property
    def rows(self) -> int:
        """How many results were read."""
        return self.succeeded + self.failed

    def add(self, usage: Usage, bill: Bill) -> None:
        """Adds the usage and the bill of one result."""
        for entry in usage.entries:
            self.entries.setdefault(entry.model, Entry(model=entry.model)).add(entry)
        for model, component, usd in bill.lines:
            key = (model, component)
            self.usd[key] = self.usd.get(key, 0.0) + usd
        self.uncached += bill.uncached
        self.unpriced.update(bill.unpriced)

    @property
    def usage(self) -> Usage | None:
        """The usage of all results that were counted."""
        return Usage(list(self.entries.values()), service_tier="batch") if self.entries else None

    @property
    def bill(self) -> Bill:
        """The bill of all results that were counted."""
        lines = [(model, component, usd) for (model, component), usd in self.usd.items()]
        return Bill(lines, sum(self.usd.values()), self.uncached, tuple(sorted(self.unpriced)))


class Ledger:
    """How many results of each batch were counted in this process. The file of results keeps its order."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counted: OrderedDict[str, int] = OrderedDict()

    def is_new(self, batch_id: str, index: int) -> bool:
        """Whether the result at `index` of the batch is counted for the first time; it is counted from then on."""
        with self._lock:
            counted = self._counted.get(batch_id, 0)
            if index < counted:
                return False
            self._counted[batch_id] = index + 1
            self._counted.move_to_end(batch_id)
            if len(self._counted) > _MOST_BATCHES:
                self._counted.popitem(last=False)
            return True

    def unlock(self) -> None:
        """Replaces the lock by one that nobody holds: for a forked child."""
        self._lock = Lock()


LEDGER = Ledger()
"""For the process, as instrumenting again must not count a batch again."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=LEDGER.unlock)
