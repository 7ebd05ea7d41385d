"""Message batches: they are worked off as they are made, and end at once or after a delay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from .clock import Clock, rfc3339
from .errors import APIError, invalid_request
from .ids import Ids
from .jsontypes import JSON, as_dict, dicts
from .seeded_batch import SEEDED_BATCH_ID, seeded_rows

PATH = "/v1/messages/batches"
Answer = Callable[[JSON, dict[str, str]], JSON]
"""Answers the parameters of one request, sent with these headers, with a message. Raises the API's errors."""

DAY = 86_400.0
RESULT_TYPES = ("succeeded", "errored", "canceled", "expired")


@dataclass
class Batch:
    """A batch: when it was made and ends, and its results."""

    id: str
    created: float
    ends: float
    rows: list[JSON]
    canceled: float | None = None

    def status(self, now: float) -> str:
        """`in_progress`, `canceling` or `ended`."""
        if now >= self.ends:
            return "ended"
        return "canceling" if self.canceled is not None else "in_progress"

    def object(self, now: float, base_url: str) -> JSON:
        """The batch as the API shows it."""
        ended = now >= self.ends
        return {
            "id": self.id,
            "type": "message_batch",
            "processing_status": self.status(now),
            "request_counts": self._counts(ended),
            "created_at": rfc3339(self.created),
            "expires_at": rfc3339(self.created + DAY),
            "ended_at": rfc3339(self.ends) if ended else None,
            "cancel_initiated_at": rfc3339(self.canceled) if self.canceled is not None else None,
            "archived_at": None,
            "results_url": f"{base_url}{PATH}/{self.id}/results" if ended else None,
        }

    def _counts(self, ended: bool) -> JSON:
        results = Counter(row["result"]["type"] for row in self.rows)
        counts = {kind: results[kind] if ended else 0 for kind in RESULT_TYPES}
        return {"processing": 0 if ended else len(self.rows), **counts}


class Batches:
    """All batches, by id, the seeded one first."""

    def __init__(self, clock: Clock, ids: Ids, answer: Answer, delay: float) -> None:
        self._clock, self._ids, self._answer, self._delay = clock, ids, answer, delay
        made = clock.now() - 3_600
        self._batches = {SEEDED_BATCH_ID: Batch(SEEDED_BATCH_ID, made, made + 600, seeded_rows())}

    def create(self, body: JSON, headers: dict[str, str]) -> Batch:
        """A new batch, its requests answered already. Raises the API's 400 for a malformed one."""
        requests = dicts(body.get("requests"))
        names = [request.get("custom_id") for request in requests]
        if not requests:
            raise invalid_request("requests: Field required")
        if any(not isinstance(name, str) or not name for name in names) or len(set(names)) < len(names):
            raise invalid_request("requests: every request needs a custom_id of its own")
        now = self._clock.now()
        rows = [self._row(str(item["custom_id"]), as_dict(item.get("params")), headers) for item in requests]
        batch = Batch(self._ids.next("msgbatch"), now, now + self._delay, rows)
        self._batches[batch.id] = batch
        return batch

    def get(self, batch_id: str) -> Batch:
        """The batch with the id. Raises the API's 404."""
        if batch_id not in self._batches:
            raise APIError(404, "not_found_error", f"Message batch {batch_id} not found.")
        return self._batches[batch_id]

    def newest_first(self) -> list[Batch]:
        """All batches."""
        return list(reversed(self._batches.values()))

    def cancel(self, batch_id: str) -> Batch:
        """The batch, ended now with its requests canceled, if it was still running."""
        batch, now = self.get(batch_id), self._clock.now()
        if now < batch.ends:
            batch.canceled, batch.ends = now, now
            batch.rows = [{"custom_id": row["custom_id"], "result": {"type": "canceled"}} for row in batch.rows]
        return batch

    def delete(self, batch_id: str) -> None:
        """Forget a batch. Raises the API's 404, and its 400 while it runs."""
        if self._clock.now() < self.get(batch_id).ends:
            raise invalid_request("A message batch that is in progress cannot be deleted.")
        del self._batches[batch_id]

    def _row(self, custom_id: str, params: JSON, headers: dict[str, str]) -> JSON:
        try:
            return {"custom_id": custom_id, "result": {"type": "succeeded", "message": self._answer(params, headers)}}
        except APIError as error:
            shown = error.body(self._ids.next("req"))
            return {"custom_id": custom_id, "result": {"type": "errored", "error": shown}}


def summaries(rows: list[JSON]) -> list[JSON]:
    """What the journal keeps of results: for each row its id and type, and the model, message id and usage."""
    return [_summary(row) for row in rows]


def _summary(row: JSON) -> JSON:
    message = row["result"].get("message")
    short = {"custom_id": row["custom_id"], "type": row["result"]["type"]}
    if not message:
        return short
    return {**short, "model": message["model"], "message_id": message["id"], "usage": message["usage"]}
