"""`GET /v1/models` and `GET /v1/models/{id}`, and the answer to a path that does not exist."""

from __future__ import annotations

from .errors import APIError, model_not_found
from .exchange import Exchange
from .models import BY_NAME, MODELS


async def models(exchange: Exchange) -> None:
    """Answer with the models, newest first, page by page."""
    query = exchange.request.query_params
    ids = [model.id for model in MODELS]
    start = ids.index(query["after_id"]) + 1 if query.get("after_id") in ids else 0
    end = start + int(query.get("limit") or 20)
    data = [model.info() for model in MODELS[start:end]]
    first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
    await exchange.send_json({"data": data, "has_more": end < len(ids), "first_id": first, "last_id": last})


async def model(exchange: Exchange) -> None:
    """Answer with one model."""
    name = exchange.request.path_params["model_id"]
    exchange.entry.model_requested = name
    if name not in BY_NAME:
        raise model_not_found(name)
    await exchange.send_json(BY_NAME[name].info())


async def not_found(exchange: Exchange) -> None:
    """Answer a path that does not exist."""
    raise APIError(404, "not_found_error", f"Not found: {exchange.request.method} {exchange.request.url.path}")
