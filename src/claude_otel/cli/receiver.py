"""An OTLP/HTTP receiver on loopback: logs, metrics and traces as protobuf, plain or compressed.

A request is answered after its content was handed over, so what an exporter saw accepted is in the report.
"""

from __future__ import annotations

import gzip
import threading
import time
import zlib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

Handler = Callable[[bytes], None]

MAX_BODY = 64 * 1024 * 1024
"""The largest request that is read, in bytes: the exporters' own limit."""

UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "identity": bytes,
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
}


class Receiver:
    """A running receiver. `routes` says who takes the body of a request to which path."""

    def __init__(self, routes: dict[str, Handler]) -> None:
        self.server = Server(("127.0.0.1", 0), Request)
        self.server.routes = routes
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        """Where exporters send to: `OTEL_EXPORTER_OTLP_ENDPOINT`."""
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def drain(self, seconds: float = 2.0) -> None:
        """Waits until all that was sent is handed over: every connection closed, or none busy for a while."""
        deadline = time.monotonic() + seconds
        time.sleep(0.02)  # a connection made in the last moment is accepted by now
        while self.server.connections and time.monotonic() < deadline:
            if self.server.idle_for(0.2):
                return
            time.sleep(0.01)

    def close(self) -> None:
        """Stops receiving."""
        self.server.shutdown()
        self.server.server_close()


class Server(ThreadingHTTPServer):
    """A thread for each connection; it counts them, and knows when the last request came."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    routes: dict[str, Handler]

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.lock = threading.Lock()
        self.connections = 0
        self.busy = 0
        self.last = time.monotonic()

    def count(self, connections: int = 0, busy: int = 0) -> None:
        """Adds to the number of open connections and of requests being read."""
        with self.lock:
            self.connections += connections
            self.busy += busy
            self.last = time.monotonic()

    def idle_for(self, seconds: float) -> bool:
        """Whether no request has been read for so long."""
        return not self.busy and time.monotonic() - self.last > seconds

    def process_request(self, request: Any, client_address: Any) -> None:
        self.count(connections=1)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self.count(connections=-1)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A program that dies in the middle of a request is no news."""


class Request(BaseHTTPRequestHandler):
    """One connection of an exporter."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        """Takes one export request and answers it."""
        self.server.count(busy=1)
        try:
            self.answer(self.take())
        finally:
            self.server.count(busy=-1)

    def take(self) -> int:
        """The HTTP status of the request, after its body has been handed over."""
        handler = self.server.routes.get(self.path)
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > MAX_BODY:
            self.close_connection = True
            return 413 if length.isdigit() else 411
        body = self.rfile.read(int(length))
        if handler is None:
            return 404
        return self.hand_over(handler, body)

    def hand_over(self, handler: Handler, body: bytes) -> int:
        """200 if `handler` took the body, 400 if it is not what it should be."""
        unpack = UNPACK.get(self.headers.get("Content-Encoding", ""))
        if unpack is None:
            return 415
        try:
            handler(unpack(body))
        except (DecodeError, OSError, EOFError, zlib.error):
            return 400
        return 200

    def answer(self, status: int) -> None:
        """Sends `status` and an empty body, which is an export response without complaints."""
        self.send_response(status)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing is logged: stderr is the program's own."""
