"""The two ways events travel: server-sent events, and the event stream of AWS that Bedrock uses."""

from __future__ import annotations

from typing import Protocol

from .errors import APIError
from .event_stream import chunk_frame, exception_frame, raw_frame
from .jsontypes import JSON, canonical
from .wire import sse

BROKEN_JSON = b'{"type":"content_block_delta","index":0,"delta":{"type":"text_de'
BEDROCK_STREAM_ERRORS = {"overloaded_error": "throttlingException", "api_error": "internalServerException"}


class Encoder(Protocol):
    """Turns events into the bytes of a response."""

    content_type: str

    def event(self, event: JSON) -> bytes:
        """The bytes of an event."""
        ...

    def error(self, error: APIError) -> bytes:
        """The bytes of an error in mid stream."""
        ...

    def malformed(self) -> bytes:
        """The bytes of an event that is not JSON."""
        ...


class ServerSentEvents:
    """The way of the Claude API and of every platform but Bedrock."""

    content_type = "text/event-stream; charset=utf-8"

    def event(self, event: JSON) -> bytes:
        """The bytes of an event."""
        return sse(event)

    def error(self, error: APIError) -> bytes:
        """An `error` event."""
        return f"event: error\ndata: {canonical({'type': 'error', 'error': error.error_object()})}\n\n".encode()

    def malformed(self) -> bytes:
        """An event whose data is not JSON."""
        return b"event: content_block_delta\ndata: " + BROKEN_JSON + b"\n\n"


class AWSEventStream:
    """The way of Bedrock."""

    content_type = "application/vnd.amazon.eventstream"

    def event(self, event: JSON) -> bytes:
        """A `chunk` frame; the last one also carries Bedrock's own counts."""
        if event["type"] == "message_stop":
            event = {**event, "amazon-bedrock-invocationMetrics": {"firstByteLatency": 1, "invocationLatency": 1}}
        return chunk_frame(event)

    def error(self, error: APIError) -> bytes:
        """An exception frame."""
        return exception_frame(BEDROCK_STREAM_ERRORS.get(error.type, "modelStreamErrorException"), error.message)

    def malformed(self) -> bytes:
        """A frame whose bytes are not JSON."""
        return raw_frame(BROKEN_JSON)


def encoder_for(platform: str) -> Encoder:
    """The encoder a platform's client reads."""
    return AWSEventStream() if platform == "bedrock" else ServerSentEvents()
