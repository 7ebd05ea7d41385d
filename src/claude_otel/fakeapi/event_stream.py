"""Events in the binary framing of AWS, in which Bedrock streams a message (`application/vnd.amazon.eventstream`)."""

from __future__ import annotations

import base64
import struct
import zlib

from .jsontypes import JSON, canonical

HEADER_TYPE_STRING = 7


def chunk_frame(event: JSON) -> bytes:
    """An event of a message as a `chunk` frame."""
    return _event_frame("chunk", {"bytes": base64.b64encode(canonical(event).encode()).decode()})


def raw_frame(data: bytes) -> bytes:
    """A `chunk` frame around bytes that may be no event at all."""
    return _event_frame("chunk", {"bytes": base64.b64encode(data).decode()})


def exception_frame(name: str, message: str) -> bytes:
    """A frame that ends a stream with an error, such as `modelStreamErrorException`."""
    headers = {":exception-type": name, ":content-type": "application/json", ":message-type": "exception"}
    return frame(headers, canonical({"message": message}).encode())


def frame(headers: dict[str, str], payload: bytes) -> bytes:
    """One frame: lengths, their checksum, headers, payload, and the checksum of it all."""
    head = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack("!II", 16 + len(head) + len(payload), len(head))
    body = prelude + struct.pack("!I", zlib.crc32(prelude)) + head + payload
    return body + struct.pack("!I", zlib.crc32(body))


def _event_frame(name: str, payload: JSON) -> bytes:
    headers = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    return frame(headers, canonical(payload).encode())


def _header(name: str, value: str) -> bytes:
    key, text = name.encode(), value.encode()
    return struct.pack("!B", len(key)) + key + struct.pack("!BH", HEADER_TYPE_STRING, len(text)) + text
