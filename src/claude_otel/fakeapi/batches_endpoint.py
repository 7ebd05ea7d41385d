"""`/v1/messages/batches`: make, list, retrieve, cancel and delete batches, and read their results."""

from __future__ import annotations

from .batches import Batch, summaries
from .errors import invalid_request
from .exchange import Exchange
from .jsontypes import JSON, canonical
from .messages_endpoint import INSTEAD, fail
from .request import MessagesRequest, parse_json
from .script import header_fault


async def batches(exchange: Exchange) -> None:
    """Answer `GET` (the list) and `POST` (a new batch)."""
    if await failed(exchange):
        return
    if exchange.request.method == "POST":
        batch = exchange.api.batches.create(parse_json(exchange.body), exchange.headers)
        exchange.entry.batch_id = batch.id
        await exchange.send_json(shown(exchange, batch))
        return
    await exchange.send_json(page(exchange))


async def batch(exchange: Exchange) -> None:
    """Answer `GET`, `DELETE` and `POST …/cancel` of one batch."""
    batch_id = batch_id_of(exchange)
    if await failed(exchange):
        return
    if exchange.request.method == "DELETE":
        exchange.api.batches.delete(batch_id)
        await exchange.send_json({"id": batch_id, "type": "message_batch_deleted"})
    elif exchange.request.method == "POST":
        await exchange.send_json(shown(exchange, exchange.api.batches.cancel(batch_id)))
    else:
        await exchange.send_json(shown(exchange, exchange.api.batches.get(batch_id)))


async def batch_results(exchange: Exchange) -> None:
    """Answer with the results of an ended batch, a line for each."""
    found = exchange.api.batches.get(batch_id_of(exchange))
    if await failed(exchange):
        return
    if found.status(exchange.api.clock.now()) != "ended":
        raise invalid_request(f"The results of {found.id} are not available yet.")
    lines = "".join(canonical(row) + "\n" for row in found.rows)
    exchange.entry.batch_rows = summaries(found.rows)
    await exchange.send_body(lines.encode(), "application/x-jsonl", complete=True)


async def failed(exchange: Exchange) -> bool:
    """Whether the request met a fault that its `x-fake-fault` header asked for, which has then been served."""
    try:
        fault = header_fault(exchange.headers.get("x-fake-fault"), exchange.entry.retry_count)
    except ValueError as error:
        raise invalid_request(f"x-fake-fault: {error}") from error
    if fault is None or fault.fault.kind not in INSTEAD:
        return False
    exchange.entry.fault = fault.name
    await fail(exchange, MessagesRequest({}, exchange.headers), fault)
    return True


def batch_id_of(exchange: Exchange) -> str:
    """The id in the path, noted in the journal."""
    batch_id = str(exchange.request.path_params["batch_id"])
    exchange.entry.batch_id = batch_id
    return batch_id


def shown(exchange: Exchange, found: Batch) -> JSON:
    """The batch as the API shows it to this client."""
    return found.object(exchange.api.clock.now(), str(exchange.request.base_url).rstrip("/"))


def page(exchange: Exchange) -> JSON:
    """The list of all batches, on one page."""
    data = [shown(exchange, found) for found in exchange.api.batches.newest_first()]
    first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
    return {"data": data, "has_more": False, "first_id": first, "last_id": last}
