"""`POST /v1/messages` and its forms on other platforms: an answer as JSON or as events, or a fault in its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .api import special_kinds
from .encoders import Encoder, encoder_for
from .errors import invalid_request
from .exchange import Exchange
from .faults import Injection
from .iterations import cut_bill
from .jsontypes import JSON, canonical
from .prefix import input_tokens
from .replies import Reply
from .request import MessagesRequest, check, parse_json
from .script import header_fault
from .tokens import text_tokens
from .wanted import Wanted
from .wire import delta_text, events_of

HTML = b"<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>"
INSTEAD = ("error", "reset", "empty_body", "wrong_content_type")
ENDS_STREAM = ("cut", "lost", "error_event")
REFUSALS: dict[str, Any] = {"refusal": "before_output", "refusal_mid_output": "mid_output"}


async def create_message(exchange: Exchange) -> None:
    """Answer `POST /v1/messages`."""
    await serve(exchange, parse_json(exchange.body))


async def invoke_bedrock(exchange: Exchange) -> None:
    """Answer `POST /model/{model}/invoke` and `…/invoke-with-response-stream`."""
    exchange.entry.platform = "bedrock"
    streams = exchange.request.url.path.endswith("-stream")
    model = exchange.request.path_params["model"]
    await serve(exchange, {**parse_json(exchange.body), "model": model, "stream": streams})


async def predict_vertex(exchange: Exchange) -> None:
    """Answer `POST …/models/{model}:rawPredict` and `:streamRawPredict`, and token counts for the model
    `count-tokens`."""
    exchange.entry.platform = "vertex"
    model, _, _ = exchange.request.path_params["target"].rpartition(":")
    body = parse_json(exchange.body)
    if model == "count-tokens":
        exchange.entry.endpoint = "count_tokens"
        await count(exchange, body)
    else:
        await serve(exchange, {**body, "model": model})


async def count_tokens(exchange: Exchange) -> None:
    """Answer `POST /v1/messages/count_tokens`."""
    await count(exchange, parse_json(exchange.body))


async def count(exchange: Exchange, body: JSON) -> None:
    """Answer with the input tokens of a body."""
    request = read_request(exchange, body)
    check(body, needs_max_tokens=False, serve_retired=exchange.api.serve_retired)
    fault, _ = decided(exchange, request)
    if fault and fault.fault.kind in INSTEAD:
        await fail(exchange, request, fault)
    else:
        await exchange.send_json({"input_tokens": input_tokens(body)})


async def serve(exchange: Exchange, body: JSON) -> None:
    """Answer a Messages body."""
    request = read_request(exchange, body)
    check(body, serve_retired=exchange.api.serve_retired)
    fault, wanted = decided(exchange, request)
    if fault and fault.fault.kind in INSTEAD:
        await fail(exchange, request, fault)
        return
    reply = exchange.api.replier.reply(request, wanted)
    admit(exchange, reply)
    await begin(exchange, reply, fault)
    if request.stream:
        await stream(exchange, reply, fault)
    else:
        await answer_whole(exchange, request, reply, fault)


def read_request(exchange: Exchange, body: JSON) -> MessagesRequest:
    """The request a body stands for, noted in the journal."""
    request = MessagesRequest(body, exchange.headers, exchange.entry.platform)
    exchange.entry.model_requested = request.model or None
    exchange.entry.stream = request.stream
    return request


def decided(exchange: Exchange, request: MessagesRequest) -> tuple[Injection | None, Wanted | None]:
    """The fault and the wishes for a request: the header's, else the script's."""
    try:
        asked = header_fault(exchange.headers.get("x-fake-fault"), exchange.entry.retry_count)
    except ValueError as error:
        raise invalid_request(f"x-fake-fault: {error}") from error
    path = "/v1/messages" if exchange.entry.endpoint == "messages" else exchange.request.url.path
    scripted, wanted = exchange.api.script.decide(request, path, exchange.body.decode("utf-8", "replace"))
    fault = asked or scripted
    if fault:
        exchange.entry.fault = fault.name
    if fault and fault.fault.kind == "refusal":
        wanted = Wanted(refusal=REFUSALS[fault.name])
    return fault, wanted


def admit(exchange: Exchange, reply: Reply) -> None:
    """Count a request against its limits. Raises the API's 429 beyond them."""
    api, entry, usage = exchange.api, exchange.entry, reply.message["usage"]
    entry.model_served = str(reply.message["model"])
    where = (str(entry.workspace), entry.model_served)
    refused = api.limiter.admit(*where, reply.rate_limited_input)
    if not refused:
        api.limiter.spend_output(*where, reply.output_tokens)
        for kind in special_kinds(usage):
            api.limiter.spend_special(kind, *where, reply.rate_limited_input, reply.output_tokens)
    exchange.limit_headers = api.limit_headers(entry, usage)
    if refused:
        raise refused


async def begin(exchange: Exchange, reply: Reply, fault: Injection | None) -> None:
    """Wait for the first token; from then on what was written to the cache can be read."""
    api = exchange.api
    late = fault.seconds if fault and fault.fault.kind == "slow" else 0.0
    await exchange.pause(api.jittered(api.latency.first_token) + late)
    for plan in reply.plans:
        api.cache.begin(plan)


async def fail(exchange: Exchange, request: MessagesRequest, fault: Injection) -> None:
    """Serve a fault that stands in place of an answer."""
    kind = fault.fault.kind
    if kind == "reset":
        await exchange.reset()
    elif kind == "empty_body":
        await exchange.send_body(b"", "application/json")
    elif kind == "wrong_content_type":
        await exchange.send_body(HTML, "text/html", fault.fault.status)
    else:
        raise fault.error(request.model, exchange.api.retry_after_ms)


async def answer_whole(exchange: Exchange, request: MessagesRequest, reply: Reply, fault: Injection | None) -> None:
    """Answer with the whole message as JSON, after the time its tokens take."""
    api, entry = exchange.api, exchange.entry
    kind = fault.fault.kind if fault else None
    late = fault.seconds if fault and kind == "stall" else 0.0
    await exchange.pause(api.jittered(api.latency.per_token) * reply.output_tokens + late)
    if fault and kind == "error_event":
        raise fault.error(request.model, api.retry_after_ms)
    entry.message_id, entry.bill = reply.message["id"], reply.bill
    if fault and kind in ("cut", "lost", "malformed_body", "malformed_event"):
        await answer_half(exchange, reply, dropped=kind in ("cut", "lost"))
        return
    entry.usage, entry.stop_reason = reply.message["usage"], reply.message["stop_reason"]
    await exchange.send_json(reply.message)


async def answer_half(exchange: Exchange, reply: Reply, *, dropped: bool) -> None:
    """Answer with the first half of the message: as if it were all, or with the connection broken after it."""
    whole = canonical(reply.message).encode()
    half = whole[: len(whole) // 2]
    if not dropped:
        await exchange.send_body(half, "application/json")
        return
    await exchange.start("application/json", 200, {"content-length": str(len(whole))})
    await exchange.part(half)
    await exchange.reset()


async def stream(exchange: Exchange, reply: Reply, fault: Injection | None) -> None:
    """Answer with the events of the message, up to the fault if there is one."""
    if fault and fault.fault.kind == "malformed_body":
        await exchange.send_body(canonical(reply.message).encode()[:100], "application/json")
        return
    encoder = encoder_for(exchange.entry.platform)
    exchange.entry.message_id = reply.message["id"]
    said: list[str] = []
    try:
        await exchange.start(encoder.content_type, 200, {"cache-control": "no-cache"})
        for step in steps(list(events_of(reply.message, reply.start)), fault):
            await take(exchange, encoder, step, said)
    finally:
        settle(exchange, reply, fault, text_tokens("".join(said)))
    await finish(exchange, fault)


Step = JSON | Injection


def steps(events: list[JSON], fault: Injection | None) -> Iterator[Step]:
    """The events to send, with the fault in its place among them and nothing after it where it ends the stream."""
    kind = fault.fault.kind if fault else None
    place = fault_place(events, fault) if fault and kind in (*ENDS_STREAM, "stall", "malformed_event") else -1
    for index, event in enumerate(events):
        if fault and index == place:
            yield fault
            if kind in ENDS_STREAM:
                return
        yield event


def fault_place(events: list[JSON], fault: Injection) -> int:
    """The index of the event that a fault comes before: at the latest the message_delta, unless it is named."""
    types = [event["type"] for event in events]
    if fault.name == "cut_before_message_stop":
        return types.index("message_stop")
    last = types.index("message_delta")
    return last if fault.name == "cut_before_message_delta" else min(fault.after_events, last)


async def take(exchange: Exchange, encoder: Encoder, step: Step, said: list[str]) -> None:
    """Send an event, or let a fault happen."""
    if isinstance(step, Injection):
        await happen(exchange, encoder, step)
        return
    text = delta_text(step)
    await exchange.pause(exchange.api.jittered(exchange.api.latency.per_token) * text_tokens(text))
    said.append(text)
    note(exchange, step)
    await exchange.part(encoder.event(step))


async def happen(exchange: Exchange, encoder: Encoder, fault: Injection) -> None:
    """Let a fault happen in the middle of a stream."""
    if fault.fault.kind == "stall":
        await exchange.pause(fault.seconds)
    elif fault.fault.kind == "malformed_event":
        await exchange.part(encoder.malformed())
    elif fault.fault.kind == "error_event":
        error = fault.error("", 0)
        exchange.entry.error_type = error.type
        await exchange.part(encoder.error(error))


def note(exchange: Exchange, event: JSON) -> None:
    """Write down what the client is told, before it can read it."""
    entry = exchange.entry
    if event["type"] == "message_start":
        entry.message_start_sent, entry.usage = True, dict(event["message"]["usage"])
    elif event["type"] == "message_delta":
        entry.message_delta_sent, entry.stop_reason = True, event["delta"]["stop_reason"]
        entry.usage = {**(entry.usage or {}), **event["usage"]}
    elif event["type"] == "message_stop":
        entry.message_stop_sent = True


async def finish(exchange: Exchange, fault: Injection | None) -> None:
    """End the body of a stream, or break the connection."""
    if fault and fault.fault.kind == "lost":
        await exchange.reset()
        return
    exchange.entry.complete = exchange.entry.message_stop_sent
    await exchange.end()


def settle(exchange: Exchange, reply: Reply, fault: Injection | None, said: int) -> None:
    """Write down what is billed: all of a message whose usage was told, and what was said of one that was cut. An
    `error` event makes it free."""
    if exchange.entry.message_delta_sent:
        exchange.entry.bill = reply.bill
    elif not (fault and fault.fault.kind == "error_event"):
        exchange.entry.bill = cut_bill(reply.bill, said)
