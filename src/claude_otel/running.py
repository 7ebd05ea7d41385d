"""The call whose request runs in the current context, and its span as the current one meanwhile.

Never across a `yield`, nor after the request has returned: an application's own spans are not to become our children.
"""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import Any

from opentelemetry import context as otel_context

from claude_otel.call import Call
from claude_otel.guard import log

Tokens = tuple[Token[Call | None], Any]

_call: ContextVar[Call | None] = ContextVar("claude_otel_call", default=None)


running = _call.get
"""The call whose request runs in this context."""


def enter(call: Call) -> Tokens:
    """Makes `call` the running one, and our span of it the current one."""
    context = call.context
    attached = None if context is None or call.native else otel_context._RUNTIME_CONTEXT.attach(context)
    return _call.set(call), attached


def pause() -> Tokens | None:
    """Leaves no call running: for a request that is no call, made while one runs, as middleware may."""
    return None if _call.get() is None else (_call.set(None), None)


def leave(tokens: Tokens | None) -> None:
    """Undoes `enter` or `pause`. Never raises, in whatever context it is called."""
    if tokens is None:
        return
    token, attached = tokens
    try:
        _call.reset(token)
        if attached is not None:
            # Not `otel_context.detach`, which logs an error in the application's face when the context has changed.
            otel_context._RUNTIME_CONTEXT.detach(attached)
    except Exception:
        log.debug("Left a call in another context than it was entered in", exc_info=True)
