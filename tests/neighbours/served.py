"""A server on loopback that answers as `wire` does, for a neighbour that looks at the network."""

from __future__ import annotations

import json
import threading
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import wire

script: list[Any] = []
"""Answers that come first."""


class Handler(BaseHTTPRequestHandler):
    """Answers each request with the next of the script, and with a whole message when that has run out."""

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["content-length"]))
        asked = json.loads(content)
        whole = wire.stream(*wire.EVENTS) if asked.get("stream") else wire.Answer(wire.MESSAGE)
        answer = script.pop(0) if script else whole
        steps = answer.steps or [json.dumps(answer.json).encode()]
        body = b"".join(step for step in steps if isinstance(step, bytes))
        self.send_response(answer.status)
        for name, value in {**wire.HEADERS, "content-type": answer.content_type(), **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing on stderr."""


@lru_cache(maxsize=1)
def url() -> str:
    """Where the server answers."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"
