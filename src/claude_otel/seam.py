"""The seam: the few functions of the SDK through which every call goes, and what is told to its record there.

`request` is one call, with all its retries; `_attempt_request` is one HTTP request of it; `Stream.__stream__` makes
the events that any way of reading a stream comes from. They are the same from 0.108 to 2.11, sync and async, for raw
responses, helpers, `client.post`, the tool runner and every platform client. Objects stay the SDK's own: nothing is
wrapped that the application gets.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

from opentelemetry.context import get_current
from opentelemetry.instrumentation.utils import is_instrumentation_enabled
from wrapt import register_post_import_hook

from claude_otel import bodies, guard, others, sdk_tracing
from claude_otel.call import Call
from claude_otel.recorder import Recorder
from claude_otel.running import Tokens, enter, leave, pause, running

Function = Callable[..., Any]
Args = tuple[Any, ...]
Kwargs = dict[str, Any]


class Seam:
    """The patches, and the recorder they report to."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._bodies = bodies.Bodies(recorder)
        self._patched: list[tuple[Any, str, Any, Any]] = []
        self._active = False

    def install(self) -> None:
        """Patches the SDK, now or when it is imported: a process that never imports it does not pay for that."""
        self._active = True
        register_post_import_hook(self._imported, "anthropic")

    def _imported(self, _: Any) -> None:
        try:
            if self._active and not self._patched:
                self._patch()
        except Exception:
            guard.log.warning(
                "claude-otel could not instrument the anthropic SDK; calls are not recorded", exc_info=True
            )

    def _patch(self) -> None:
        """Patches the functions of the seam, as far as this version of the SDK has them."""
        from anthropic import _base_client, _response, _streaming
        from anthropic._decoders import jsonl

        sync, asynchronous = _base_client.SyncAPIClient, _base_client.AsyncAPIClient
        tracing = sdk_tracing.SdkTracing(self._recorder, late=others.present())
        late = ((sync, "_request", self._late), (asynchronous, "_request", self._async_late))
        for owner, name, patch in (
            (sync, "request", self._request),
            (asynchronous, "request", self._async_request),
            (sync, "_attempt_request", self._attempt),
            (asynchronous, "_attempt_request", self._async_attempt),
            (_streaming.Stream, "__stream__", self._bodies.events),
            (_streaming.AsyncStream, "__stream__", self._bodies.async_events),
            (jsonl.JSONLDecoder, "__decode__", self._bodies.results),
            (jsonl.AsyncJSONLDecoder, "__decode__", self._bodies.async_results),
            (_response.APIResponse, "read", self._bodies.read),
            (_response.AsyncAPIResponse, "read", self._bodies.async_read),
            *((_response.APIResponse, name, self._bodies.pieces) for name in bodies.ITERATORS),
            *((_response.AsyncAPIResponse, name, self._bodies.async_pieces) for name in bodies.ITERATORS),
            (_base_client.BaseClient, "_set_open_telemetry", tracing.set_option),
            (_base_client.BaseClient, "_copy_open_telemetry", tracing.copy_option),
            (_base_client, "start_api_call_span", tracing.start_span),
            *(late if others.present() else ()),
        ):
            if name in vars(owner):
                original = vars(owner)[name]
                # A function as any other: a wrapper that is an object is bound anew for each call.
                ours = wraps(original)(patch(original))
                setattr(owner, name, ours)
                self._patched.append((owner, name, original, ours))

    def remove(self) -> None:
        """Restores the SDK. Calls and streams that are under way are recorded to their end."""
        self._active = False
        while self._patched:
            owner, name, original, ours = self._patched.pop()
            # What somebody else has wrapped since stays wrapped: taking ours out would take out theirs.
            if vars(owner).get(name) is ours:
                setattr(owner, name, original)

    # The call.

    def _start(self, client: Any, args: Args, kwargs: Kwargs, late: bool) -> Call | None:
        try:
            if not self._active:
                return None
            frame = sys._getframe(2)
            context = get_current()
            # Nothing is off in an empty context.
            if context and not is_instrumentation_enabled() and not others.suppressed_by_other(frame):
                return None
            # The arguments are those of `request(cast_to, options, *, stream, stream_cls)`.
            options = kwargs["options"] if "options" in kwargs else args[1]
            return self._recorder.start(client, options, bool(kwargs.get("stream")), frame, context, late)
        except Exception:
            guard.failed("start")
            return None

    def _request(self, original: Function, late: bool = False) -> Function:
        def request(client: Any, *args: Any, **kwargs: Any) -> Any:
            call = self._start(client, args, kwargs, late)
            if call is None:
                paused = pause()
                try:
                    return original(client, *args, **kwargs)
                finally:
                    leave(paused)
            tokens = enter(call)
            try:
                result = original(client, *args, **kwargs)
            except BaseException as error:
                call.fails(error)
                raise
            finally:
                leave(tokens)
            self._returned(call, client, result)
            return result

        return request

    def _async_request(self, original: Function, late: bool = False) -> Function:
        async def request(client: Any, *args: Any, **kwargs: Any) -> Any:
            call = self._start(client, args, kwargs, late)
            if call is None:
                paused = pause()
                try:
                    return await original(client, *args, **kwargs)
                finally:
                    leave(paused)
            tokens: Tokens | None = enter(call)
            try:
                result = await original(client, *args, **kwargs)
            except GeneratorExit:
                # The coroutine was dropped, and may be closed in a context that is not its own.
                tokens = tokens if running() is call else None
                call.dropped()
                raise
            except BaseException as error:
                call.fails(error)
                raise
            finally:
                leave(tokens)
            self._returned(call, client, result)
            return result

        return request

    # Logfire puts a `request` of its own on a client or its class, which calls the one that it found. When it was there
    # before us, that one is not ours, and the call is seen a step later. Before 1.14 the SDK has no such step.

    def _late(self, original: Function) -> Function:
        request = self._request(original, late=True)

        def late(client: Any, *args: Any, **kwargs: Any) -> Any:
            return (request if running() is None else original)(client, *args, **kwargs)

        return late

    def _async_late(self, original: Function) -> Function:
        request = self._async_request(original, late=True)

        async def late(client: Any, *args: Any, **kwargs: Any) -> Any:
            return await (request if running() is None else original)(client, *args, **kwargs)

        return late

    def _attempt(self, original: Function) -> Function:
        def attempt(client: Any, *args: Any, **kwargs: Any) -> Any:
            call = running()
            if call is None:
                return original(client, *args, **kwargs)
            self._attempt_begins(call, client, args, kwargs)
            try:
                answer = original(client, *args, **(_with_our_span(call, kwargs) if call.sdks_record else kwargs))
            except BaseException as error:
                _attempt_failed(call, error)
                raise
            try:
                call.attempt_answered(answer[0])
            except Exception:
                guard.failed("attempt")
            return answer

        return attempt

    def _async_attempt(self, original: Function) -> Function:
        async def attempt(client: Any, *args: Any, **kwargs: Any) -> Any:
            call = running()
            if call is None:
                return await original(client, *args, **kwargs)
            self._attempt_begins(call, client, args, kwargs)
            try:
                answer = await original(client, *args, **(_with_our_span(call, kwargs) if call.sdks_record else kwargs))
            except BaseException as error:
                _attempt_failed(call, error)
                raise
            try:
                call.attempt_answered(answer[0])
            except Exception:
                guard.failed("attempt")
            return answer

        return attempt

    def _attempt_begins(self, call: Call, client: Any, args: Args, kwargs: Kwargs) -> None:
        try:
            if not call.attempts:
                options = kwargs.get("options")
                self._recorder.asks(call, client, args[0] if options is None else options)
        except Exception:
            guard.failed("attempt")
        call.attempt_begins()

    def _returned(self, call: Call, client: Any, result: Any) -> None:
        """Ends the call that `request` returned `result` for, or watches the body that is yet to be read."""
        try:
            response = bodies.response_of(result)
            if response is not None and (call.origin.stream or not response.is_closed):
                if getattr(client, "_middleware", None):
                    call.requests_while_read = True
                self._bodies.track(call, response)
            else:
                bodies.take(call, result, response)
                call.read_to_the_end()
        except Exception:
            guard.failed("response")
            call.ends("completed")


def _with_our_span(call: Call, kwargs: Kwargs) -> Kwargs:
    """The arguments of `_attempt_request`, with our span where the SDK's would have been propagated."""
    return kwargs if kwargs.get("call") is not None else {**kwargs, "call": call.sdks_record}


def _attempt_failed(call: Call, error: BaseException) -> None:
    try:
        call.attempt_failed(error)
    except Exception:
        guard.failed("attempt")
