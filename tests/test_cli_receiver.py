"""The OTLP/HTTP receiver."""

from __future__ import annotations

import gzip
import http.client
import zlib
from collections.abc import Iterator

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from claude_otel.cli import otlp
from claude_otel.cli.receiver import Receiver

LOGS = "/v1/logs"


@pytest.fixture
def taken() -> list[bytes]:
    """What the handler got."""
    return []


@pytest.fixture
def receiver(taken: list[bytes]) -> Iterator[Receiver]:
    """A receiver of log records."""

    def take(body: bytes) -> None:
        list(otlp.call_events(body))
        taken.append(body)

    running = Receiver({LOGS: take})
    yield running
    running.close()


def post(receiver: Receiver, body: bytes, path: str = LOGS, **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", receiver.server.server_address[1], timeout=60)
    connection.request("POST", path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    status = connection.getresponse().status
    connection.close()
    return status


def request() -> bytes:
    message = ExportLogsServiceRequest()
    record = message.resource_logs.add().scope_logs.add().log_records.add()
    record.event_name = "claude.call"
    return message.SerializeToString()


@pytest.mark.parametrize(
    ("encoding", "pack"), [("identity", bytes), ("gzip", gzip.compress), ("deflate", zlib.compress)]
)
def test_plain_and_compressed(receiver: Receiver, taken: list[bytes], encoding: str, pack: object) -> None:
    """The handler gets the body as it was before it was packed."""
    assert post(receiver, pack(request()), Content_Encoding=encoding) == 200  # type: ignore[operator]
    assert taken == [request()]


def test_what_is_no_export_request_is_refused(receiver: Receiver, taken: list[bytes]) -> None:
    """And the receiver goes on."""
    assert post(receiver, b"\xff\xff\xff") == 400
    assert post(receiver, b"x", Content_Encoding="gzip") == 400
    assert post(receiver, b"x", Content_Encoding="br") == 415
    assert post(receiver, b"", path="/v1/other") == 404
    assert post(receiver, b"", Content_Length="99999999999") == 413
    assert post(receiver, request()) == 200
    assert taken == [request()]


def test_only_loopback_is_listened_on(receiver: Receiver) -> None:
    """Nothing on the network can send to a run."""
    assert receiver.url.startswith("http://127.0.0.1:")


def test_drain_returns_when_every_connection_is_closed(receiver: Receiver) -> None:
    """And at the latest after its time."""
    post(receiver, request())
    receiver.drain()
    assert receiver.server.connections == 0


def test_values_of_every_type_are_read() -> None:
    """Strings, numbers, lists and maps."""
    message = ExportLogsServiceRequest()
    record = message.resource_logs.add().scope_logs.add().log_records.add()
    record.event_name = "claude.call"
    for key in ("text", "whole", "real", "yes", "list", "map", "none"):
        record.attributes.add(key=key)
    values = [pair.value for pair in record.attributes]
    values[0].string_value, values[1].int_value, values[2].double_value, values[3].bool_value = "a", 1, 0.5, True
    values[4].array_value.values.add(string_value="b")
    values[5].kvlist_value.values.add(key="c").value.double_value = 2.5
    (event,) = otlp.call_events(message.SerializeToString())
    assert event.attributes == {
        "text": "a", "whole": 1, "real": 0.5, "yes": True, "list": ["b"], "map": {"c": 2.5}, "none": None,
    }  # fmt: skip
