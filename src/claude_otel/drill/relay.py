"""The way from the Collector to Prometheus, which the drill can cut; and a receiver of notifications that refuses."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from claude_otel.stack.ports import HOST

CHUNK = 65536


class Relay:
    """Passes on what comes to a port of its own, until it is cut."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.is_cut = threading.Event()
        self.open: set[socket.socket] = set()
        self.server = socket.create_server((HOST, 0))
        self.address = f"{HOST}:{self.server.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        """Takes connections until the relay is closed."""
        with suppress(OSError):
            while True:
                near, _ = self.server.accept()
                if self.is_cut.is_set():
                    near.close()
                    continue
                self.connect(near)

    def connect(self, near: socket.socket) -> None:
        """Passes on both directions of a connection."""
        try:
            far = socket.create_connection((HOST, self.target))
        except OSError:
            near.close()
            return
        self.open |= {near, far}
        for one, other in ((near, far), (far, near)):
            threading.Thread(target=self.pump, args=(one, other), daemon=True).start()

    def pump(self, source: socket.socket, sink: socket.socket) -> None:
        """Passes on one direction until it ends."""
        with suppress(OSError):
            while data := source.recv(CHUNK):
                sink.sendall(data)
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
            self.open.discard(each)

    def cut(self) -> None:
        """Ends every connection, and takes no more."""
        self.is_cut.set()
        for each in list(self.open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Takes connections again."""
        self.is_cut.clear()

    def close(self) -> None:
        """Ends the relay."""
        self.cut()
        self.server.close()


class Pager(ThreadingHTTPServer):
    """A receiver of notifications that refuses them for as long as it is told to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((HOST, 0), Handler)
        self.refuses = True
        self.url = f"http://{HOST}:{self.server_address[1]}/pager"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Ends the receiver."""
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    """Answers 403, as for a key that was revoked, or 200."""

    server: Pager

    def do_POST(self) -> None:
        """Takes a notification, or refuses it."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(403 if self.server.refuses else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the names are the base class's
        """Prints nothing."""
