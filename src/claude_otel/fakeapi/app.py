"""The routes of the fake API: those of Claude, of the platforms that serve it, and of the fake itself."""

from __future__ import annotations

import re

from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from .admin_endpoint import admin_routes
from .api import API
from .batches_endpoint import batch, batch_results, batches
from .endpoint import Endpoint, Handler
from .messages_endpoint import count_tokens, create_message, invoke_bedrock, predict_vertex
from .models_endpoint import model, models, not_found

# What stands before the API's own path: `/anthropic` on Foundry and Mantle, a project on Google Cloud, `/v1` on Vertex.
CLAUDE_PATH = re.compile(r"/v1/(?:messages|models)(?:/.*)?$")
VERTEX_PATH = re.compile(r"/projects/[^/]+/locations/[^/]+/publishers/anthropic/models/.*$")


def build_app(api: API) -> ASGIApp:
    """The ASGI application of a fake API."""
    router = Router(routes=[*claude_routes(api), *platform_routes(api), *admin_routes(api)])
    router.default = Endpoint(api, "unknown", not_found)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await router({**scope, "path": short_path(scope["path"]), "path_sent": scope["path"]}, receive, send)

    return app


def short_path(path: str) -> str:
    """The path without what a platform puts before it."""
    found = VERTEX_PATH.search(path) or CLAUDE_PATH.search(path)
    return found[0] if found else path


def claude_routes(api: API) -> list[Route]:
    """The routes of the Claude API."""

    def route(path: str, name: str, handler: Handler, *methods: str) -> Route:
        return Route(path, Endpoint(api, name, handler), methods=list(methods))

    return [
        route("/v1/messages", "messages", create_message, "POST"),
        route("/v1/messages/count_tokens", "count_tokens", count_tokens, "POST"),
        route("/v1/messages/batches", "batches", batches, "GET", "POST"),
        route("/v1/messages/batches/{batch_id}", "batch", batch, "GET", "DELETE"),
        route("/v1/messages/batches/{batch_id}/cancel", "batch", batch, "POST"),
        route("/v1/messages/batches/{batch_id}/results", "batch_results", batch_results, "GET"),
        route("/v1/models", "models", models, "GET"),
        route("/v1/models/{model_id}", "model", model, "GET"),
    ]


def platform_routes(api: API) -> list[Route]:
    """The routes of Bedrock and Vertex; the other platforms have those of the Claude API."""
    bedrock = Endpoint(api, "messages", invoke_bedrock)
    vertex = Endpoint(api, "messages", predict_vertex)
    models_of_project = "/projects/{project}/locations/{location}/publishers/anthropic/models/{target}"
    return [
        Route("/model/{model:path}/invoke", bedrock, methods=["POST"]),
        Route("/model/{model:path}/invoke-with-response-stream", bedrock, methods=["POST"]),
        Route(models_of_project, vertex, methods=["POST"]),
    ]
