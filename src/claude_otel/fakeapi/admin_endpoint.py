"""`/_fake/…`: the script and the journal over HTTP, for programs that do not run in the process of the server."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .api import API
from .faults import FAULTS
from .script import ScriptError, parse_script


def admin_routes(api: API) -> list[Route]:
    """The routes of the fake itself. Their requests are not in the journal."""

    async def script(request: Request) -> Response:
        if request.method == "DELETE":
            api.script.set([])
            return JSONResponse({"rules": 0})
        return await change_script(api, request)

    async def journal(request: Request) -> Response:
        if request.method == "DELETE":
            api.journal.clear()
        return JSONResponse(journal_page(api, int(request.query_params.get("since") or 0)))

    async def faults(_: Request) -> Response:
        return JSONResponse({name: fault.summary for name, fault in FAULTS.items()})

    return [
        Route("/_fake/script", script, methods=["POST", "DELETE"]),
        Route("/_fake/journal", journal, methods=["GET", "DELETE"]),
        Route("/_fake/faults", faults, methods=["GET"]),
    ]


async def change_script(api: API, request: Request) -> Response:
    """Put the rules of the body in force: in place of the old ones, or behind them with `?append=true`."""
    try:
        rules, _ = parse_script(json.loads(await request.body()), "body")
    except (ScriptError, json.JSONDecodeError) as error:
        return JSONResponse({"error": str(error)}, 400)
    if request.query_params.get("append") == "true":
        api.script.add(rules)
    else:
        api.script.set(rules)
    return JSONResponse({"rules": len(api.script.rules)})


def journal_page(api: API, since: int) -> list[dict[str, object]]:
    """The entries after a sequence number."""
    return [entry.to_json() for entry in api.journal.entries if entry.sequence > since]
