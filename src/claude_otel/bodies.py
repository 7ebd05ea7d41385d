"""The bodies of answers that the application reads after the SDK's method has returned.

Objects stay the SDK's own. A response holds its call in its extensions; when the response is dropped, so is the call.
The body's `close` is hooked on that one object. Every way of reading goes through a generator of the SDK's, where a
generator of ours looks on; the call ends once, whoever comes first.
"""

from __future__ import annotations

import json
import sys
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from functools import lru_cache
from types import FrameType
from typing import Any

from claude_otel import guard
from claude_otel.batches import Results
from claude_otel.call import Call
from claude_otel.recorder import Recorder
from claude_otel.running import enter, leave
from claude_otel.sse import Scanner
from claude_otel.usage import get, number, text

KEY = "claude_otel.call"
"""The extension of a response that holds its call. Extensions are not pickled."""

ITERATORS = ("iter_bytes", "iter_text", "iter_lines")
"""The methods of a response by which an application reads its body piece by piece."""

_LARGEST = 32_000_000
"""Bytes of an unstreamed body that are kept while the application reads it piece by piece."""


class Held:
    """Holds the call of a response, and ends it when the response is dropped."""

    __slots__ = ("__weakref__", "call")

    def __init__(self, call: Call) -> None:
        self.call = call
        _held.add(self)

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        """A copy holds no call, which its drop would end."""
        return type(None), ()

    def __del__(self) -> None:
        try:
            self.call.dropped()
        except Exception:
            guard.failed("stream")


_held: weakref.WeakSet[Held] = weakref.WeakSet()


def end_all() -> None:
    """Ends the calls whose streams are still open: for the exit of the process, before the exporters are shut down."""
    try:
        for held in now_held():
            held.call.dropped()
    except Exception:
        guard.failed("end")


def now_held() -> list[Held]:
    """All that are held at one moment, tried for again when a thread that goes on opens or closes a stream."""
    for _ in range(_TRIES):
        try:
            return list(_held)
        except RuntimeError:
            continue
    return []


_TRIES = 1000


def call_of(response: Any) -> Call | None:
    """The call that `response` answers, if it has not ended."""
    extensions = getattr(response, "extensions", None)
    if not isinstance(extensions, dict) or KEY not in extensions:
        return None
    held = extensions[KEY]
    return held.call if isinstance(held, Held) and not held.call.has_ended else None


def response_of(result: Any) -> Any:
    """The HTTP response behind what `request` returned, `None` for a parsed value."""
    classes, attributes = holders()
    if not isinstance(result, classes):
        return None
    attribute = next(name for cls, name in zip(classes, attributes, strict=True) if isinstance(result, cls))
    return getattr(result, attribute) if attribute else result


@lru_cache(maxsize=1)
def holders() -> tuple[tuple[type, ...], tuple[str, ...]]:
    """The classes of this SDK that hold a response, and the attribute of each that does; none for a response itself."""
    from anthropic import _base_client, _response, _streaming
    from anthropic._decoders import jsonl

    # The SDK's own HTTP library: httpx and its fork httpx2 can both be installed.
    http = vars(_base_client).get("httpx2") or vars(_base_client)["httpx"]
    found: list[tuple[type, str]] = [
        (_streaming.Stream, "response"),
        (_streaming.AsyncStream, "response"),
        (_response.BaseAPIResponse, "http_response"),
        (jsonl.JSONLDecoder, "http_response"),
        (jsonl.AsyncJSONLDecoder, "http_response"),
        (http.Response, ""),
    ]
    # Of the raw responses before 1.0.
    if (legacy := sys.modules.get("anthropic._legacy_response")) is not None:
        found.append((legacy.LegacyAPIResponse, "http_response"))
    classes, attributes = zip(*found, strict=True)
    return classes, attributes


def take(call: Call, result: Any, response: Any) -> None:
    """Takes what an answer says that was read before the SDK's method returned."""
    data, operation = result, call.origin.operation
    if response is not None or get(result, _TELLING[operation]) is None:
        response = response if response is not None else (call.answers or (None,))[-1]
        data = decoded(response)
    if operation == "chat":
        call.message(data)
    elif operation == "count_tokens":
        call.counted_tokens = number(get(data, "input_tokens"))
    elif batch_id := text(get(data, "id")):
        call.batch_id = batch_id


_TELLING = {
    "chat": "usage",
    "count_tokens": "input_tokens",
    "create_batch": "id",
    "retrieve_batch": "id",
    "batch_results": "id",
}
"""The field without which a parsed value does not tell what is recorded, and the body is asked instead."""


def decoded(response: Any) -> Any:
    """The JSON body of a response that was read, `None` when it has none."""
    try:
        return None if response is None else json.loads(response.content)
    except (ValueError, RuntimeError):
        # A runtime error is what too deep a body makes, and one that was never read.
        return None


Function = Callable[..., Any]


class Bodies:
    """Patches of the SDK's functions that read a body: each makes ours of the original."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def track(self, call: Call, response: Any) -> None:
        """Watches the body of `response`, which is yet to be read."""
        if call.origin.operation == "batch_results":
            call.results = Results()
        if call.answers:
            call.answers = ()
        response.extensions[KEY] = Held(call)
        if not response.is_closed:
            hook_close(response.stream, call)

    def events(self, original: Function) -> Function:
        """`Stream.__stream__`."""
        return lambda stream, *args, **kwargs: look_on(original(stream, *args, **kwargs), stream.response, Call.event)

    def async_events(self, original: Function) -> Function:
        """`AsyncStream.__stream__`."""
        return lambda stream, *args, **kwargs: async_look_on(
            original(stream, *args, **kwargs), stream.response, Call.event
        )

    def results(self, original: Function) -> Function:
        """`JSONLDecoder.__decode__`."""
        return lambda decoder, *args, **kwargs: look_on(
            original(decoder, *args, **kwargs), decoder.http_response, self._see_result
        )

    def async_results(self, original: Function) -> Function:
        """`AsyncJSONLDecoder.__decode__`."""
        return lambda decoder, *args, **kwargs: async_look_on(
            original(decoder, *args, **kwargs), decoder.http_response, self._see_result
        )

    def _see_result(self, call: Call, row: Any) -> None:
        if call.results is not None:
            self._recorder.result(call, call.results, row)

    def pieces(self, original: Function) -> Function:
        """`APIResponse.iter_bytes`, `iter_text` and `iter_lines`."""

        def pieces(response: Any, *args: Any, **kwargs: Any) -> Any:
            found = original(response, *args, **kwargs)
            return look_on(found, response.http_response, Reading(original.__name__).piece, owns=False)

        return pieces

    def async_pieces(self, original: Function) -> Function:
        """`AsyncAPIResponse.iter_bytes`, `iter_text` and `iter_lines`."""

        def pieces(response: Any, *args: Any, **kwargs: Any) -> Any:
            found = original(response, *args, **kwargs)
            return async_look_on(found, response.http_response, Reading(original.__name__).piece, owns=False)

        return pieces

    def read(self, original: Function) -> Function:
        """`APIResponse.read`, which `parse`, `json` and `text` read a body with."""

        def read(response: Any, *args: Any, **kwargs: Any) -> Any:
            call = call_of(response.http_response)
            if call is None:
                return original(response, *args, **kwargs)
            call.busy = True
            try:
                content = original(response, *args, **kwargs)
            except BaseException as error:
                call.fails(error)
                raise
            finally:
                call.busy = False
            read_whole(call, content)
            return content

        return read

    def async_read(self, original: Function) -> Function:
        """`AsyncAPIResponse.read`."""

        async def read(response: Any, *args: Any, **kwargs: Any) -> Any:
            call = call_of(response.http_response)
            if call is None:
                return await original(response, *args, **kwargs)
            call.busy = True
            try:
                content = await original(response, *args, **kwargs)
            except BaseException as error:
                call.fails(error)
                raise
            finally:
                call.busy = False
            read_whole(call, content)
            return content

        return read


Tell = Callable[[Call, Any], None]


def look_on(items: Generator[Any, Any, Any], response: Any, tell: Tell, *, owns: bool = True) -> Iterator[Any]:
    """The `items` of a body, each told to its call before the application gets it.

    They own the body when dropping them closes it; else the application may still close it.
    """
    # Looked up late: up to 1.13 a stream makes its generator before the response is known to answer a call.
    call = call_of(response)
    if call is None:
        yield from items
        return
    call.reader = weakref.ref(items)
    if owns != call.reader_owns:
        call.reader_owns = owns
    try:
        for item in within(call, items) if call.requests_while_read else items:
            try:
                # Most events say nothing. What is no event has no type.
                if getattr(item, "type", None) != call.skipped:
                    tell(call, item)
            except Exception:
                guard.failed("stream")
            yield item
    except GeneratorExit:
        if owns:
            call.dropped()
        raise
    except BaseException as error:
        call.fails(error)
        raise
    else:
        call.read_to_the_end()
    finally:
        items.close()


async def async_look_on(
    items: AsyncGenerator[Any, Any], response: Any, tell: Tell, *, owns: bool = True
) -> AsyncIterator[Any]:
    """The `items` of a body, each told to its call before the application gets it."""
    call = call_of(response)
    if call is None:
        try:
            async for item in items:
                yield item
        finally:
            await items.aclose()
        return
    call.reader = weakref.ref(items)
    if owns != call.reader_owns:
        call.reader_owns = owns
    try:
        async for item in async_within(call, items) if call.requests_while_read else items:
            try:
                # Most events say nothing. What is no event has no type.
                if getattr(item, "type", None) != call.skipped:
                    tell(call, item)
            except Exception:
                guard.failed("stream")
            yield item
    except GeneratorExit:
        if owns:
            call.dropped()
        raise
    except BaseException as error:
        call.fails(error)
        raise
    else:
        call.read_to_the_end()
    finally:
        await items.aclose()


def within(call: Call, items: Iterator[Any]) -> Iterator[Any]:
    """`items`, with `call` as the running one while each is made: middleware may send a fallback's request then."""
    while True:
        tokens = enter(call)
        try:
            item = next(items, _DONE)
        finally:
            leave(tokens)
        if item is _DONE:
            return
        yield item


async def async_within(call: Call, items: AsyncGenerator[Any, Any]) -> AsyncIterator[Any]:
    """`items`, with `call` as the running one while each is made."""
    while True:
        tokens = enter(call)
        try:
            item = await anext(items, _DONE)
        finally:
            leave(tokens)
        if item is _DONE:
            return
        yield item


_DONE = object()


def read_whole(call: Call, content: bytes) -> None:
    """Takes what a body says that the application has read at once."""
    try:
        if call.origin.stream:
            for event in Scanner().feed(content + b"\n"):
                call.event(event)
            # The text is there now. When the first piece of it came, nobody saw.
            call.first_chunk = None
        elif call.results is None:
            take(call, _json(content), None)
    except Exception:
        guard.failed("response")
    call.read_to_the_end()


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


class Reading:
    """What a body says that the application reads piece by piece, without the SDK's parser."""

    def __init__(self, method: str) -> None:
        self._end = b"\n" if method == "iter_lines" else b""
        self._scanner = Scanner()
        self._body = bytearray()

    def piece(self, call: Call, piece: bytes | str) -> None:
        """Takes one piece."""
        if call.has_ended:
            return
        data = (piece.encode() if isinstance(piece, str) else piece) + self._end
        if call.origin.stream:
            for event in self._scanner.feed(data):
                call.event(event)
        elif call.results is None and len(self._body) < _LARGEST:
            self._body += data
            # The last piece is not marked as such; a body that is not whole yet is no JSON.
            if data.rstrip().endswith(b"}") and (message := _json(bytes(self._body))) is not None:
                take(call, message, None)


def hook_close(body: Any, call: Call) -> None:
    """Has `body` tell its call when the application closes it. The hook holds no reference to the body."""
    reference = weakref.ref(body)
    if hasattr(body, "close"):

        def close() -> None:
            this = reference()
            try:
                if this is not None:
                    type(this).close(this)
            finally:
                call.closed()

        set_hook(body, "close", close)
    if hasattr(body, "aclose"):

        async def aclose() -> None:
            this = reference()
            try:
                if this is not None:
                    await type(this).aclose(this)
            finally:
                call.closed(by_reader=reads_bytes(sys._getframe()))

        set_hook(body, "aclose", aclose)


def reads_bytes(frame: FrameType) -> bool:
    """Whether the body is closed, in `frame`, by the HTTP library's own generator of its bytes."""
    closing = frame.f_back and frame.f_back.f_back
    return closing is not None and closing.f_code.co_name == "aiter_raw"


def set_hook(body: Any, name: str, hook: Any) -> None:
    try:
        setattr(body, name, hook)
    except AttributeError:
        # A body that takes no attributes: its call ends when it is read or dropped.
        guard.log.debug("The body %s takes no hook", type(body).__name__)
