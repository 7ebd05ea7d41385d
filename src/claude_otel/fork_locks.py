"""The locks of OpenTelemetry's metrics SDK in a forked child, which has none of the threads that may have held them.

The SDK renews the locks of its queues of spans and events, and not those of its metrics. One of them is held while
metrics are sent, so that a child of a fork at that time would never send any, or hang in its first call.
"""

from __future__ import annotations

from collections.abc import Iterator
from threading import Lock, RLock
from typing import Any

_LOCKS = ("_lock", "_export_lock", "_instrument_registration_lock")


def renew(instrument: Any) -> None:
    """Gives the SDK's objects that `instrument` records through locks that nobody holds.

    The SDK has no call for it, so its private attributes are replaced; another SDK's are left alone.
    """
    for owner in owners(getattr(instrument, "_measurement_consumer", None)):
        for name in _LOCKS:
            lock = getattr(owner, name, None)
            if lock is not None:
                setattr(owner, name, RLock() if isinstance(lock, type(RLock())) else Lock())


def owners(consumer: Any) -> Iterator[Any]:
    """`consumer`, its readers, and all that sums up measurements for them."""
    yield consumer
    for reader, storage in getattr(consumer, "_reader_storages", {}).items():
        yield reader
        yield storage
        for matches in storage._instrument_view_instrument_matches.values():
            for match in matches:
                yield match
                for aggregation in match._attributes_aggregation.values():
                    yield aggregation
                    yield getattr(aggregation, "_reservoir", None)
