"""The conversations the API keeps: message threads, and the prompts that cache diagnostics compares with."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from .errors import APIError, invalid_request
from .jsontypes import JSON, as_dict
from .prefix import Part, Segment, segments
from .prompt_cache import CachePlan
from .request import MessagesRequest

MAXIMUM_KEPT = 5_000


@dataclass
class Kept:
    """A request that was answered, and the answer."""

    body: JSON
    model: str
    content: list[JSON]
    cached_tokens: int
    threaded: bool
    continued: bool = False


class Conversations:
    """The newest answered requests by the id of their answer."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def whole_request(self, request: MessagesRequest) -> MessagesRequest:
        """The request with what its thread holds put before it. Raises the API's errors for a thread that is gone or
        has gone on."""
        thread = as_dict(request.body.get("thread"))
        if thread.get("type") != "continue":
            return request
        previous = self._kept.get(str(thread.get("previous_message_id")))
        if previous is None or not previous.threaded:
            raise thread_error(404, "not_found_error", "thread_not_found", "The thread was not found.")
        if previous.continued:
            raise thread_error(400, "invalid_request_error", "thread_already_continued", "Already continued.")
        previous.continued = True
        return request.for_model(continued_body(previous, request.body))

    def remember(self, request: MessagesRequest, message: JSON, plan: CachePlan) -> None:
        """Keep an answered request. A refused turn, and one that a fallback model wrote, is not kept as a thread."""
        fell_back = any(block["type"] == "fallback" for block in message["content"])
        threaded = "thread" in request.body and message["stop_reason"] != "refusal" and not fell_back
        cached = plan.read + plan.written_5m + plan.written_1h
        self._kept[message["id"]] = Kept(request.body, message["model"], message["content"], cached, threaded)
        if len(self._kept) > MAXIMUM_KEPT:
            self._kept.popitem(last=False)

    def diagnostics(self, request: MessagesRequest, model: str, plan: CachePlan) -> JSON | None:
        """Why the cache missed, compared with the request the client names; `None` when it names none."""
        named = as_dict(request.body.get("diagnostics")).get("previous_message_id")
        if not named:
            return None
        previous = self._kept.get(str(named))
        if previous is None:
            return {"cache_miss_reason": {"type": "previous_message_not_found"}}
        missed = previous.cached_tokens - plan.read
        reason = difference(previous, request.body, model) if missed > 0 else None
        return {"cache_miss_reason": reason and {"type": reason, "cache_missed_input_tokens": missed}}


def thread_error(status: int, kind: str, code: str, message: str) -> APIError:
    """A rejection the SDK recovers from by sending the whole history again."""
    return APIError(status, kind, message, code, headers={"x-should-retry": "false"})


def continued_body(previous: Kept, body: JSON) -> JSON:
    """The body of a thread's next turn as if the client had sent all of it."""
    if not isinstance(body.get("messages"), list):
        raise invalid_request("messages: Input should be a valid list")
    reply = {"role": "assistant", "content": previous.content}
    kept: JSON = {name: previous.body[name] for name in ("tools", "system", "tool_choice") if name in previous.body}
    return {**kept, **body, "messages": [*previous.body["messages"], reply, *body["messages"]]}


def difference(previous: Kept, body: JSON, model: str) -> str | None:
    """The first thing that differs from an earlier request, as the API names it."""
    if previous.model != model:
        return "model_changed"
    before, now = segments(previous.body), segments(body)
    parts: tuple[Part, ...] = ("tools", "system")
    for part in parts:
        if _of(part, before) != _of(part, now):
            return f"{part}_changed"
    old = _of("messages", before)
    return "messages_changed" if _of("messages", now)[: len(old)] != old else "unavailable"


def _of(part: Part, row: list[Segment]) -> list[str]:
    return [segment.text for segment in row if segment.part == part]
