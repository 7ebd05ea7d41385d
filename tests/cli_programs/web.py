"""A web application, as WSGI for gunicorn and as ASGI for uvicorn: each request is a call, answered with the pid."""

import os
from collections.abc import Callable, Iterable
from typing import Any

import anthropic
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from claude_otel import surface

QUESTION: Any = {"model": "claude-haiku-5-5", "max_tokens": 50, "messages": [{"role": "user", "content": "Hello"}]}


def wsgi(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    with surface("checkout-chat"):
        anthropic.Anthropic().messages.create(**QUESTION)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]


async def asgi(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        with surface("checkout-chat"):
            await anthropic.AsyncAnthropic().messages.create(**QUESTION)
        await PlainTextResponse(str(os.getpid()))(Request(scope).scope, receive, send)
