"""Sends what a run receives on to a Collector, so that dashboards show it as well. The program never waits for it."""

from __future__ import annotations

import queue
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping

from claude_otel.cli.problem import Problem
from claude_otel.cli.receiver import Handler

WAITING = 10_000
"""How many requests wait at most; what comes then is not sent on."""

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Asks the address itself, whatever proxy the environment names."""


class Forward:
    """A thread that posts OTLP requests to `endpoint`, in their order."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint.rstrip("/")
        self.waiting: queue.Queue[tuple[str, bytes] | None] = queue.Queue(WAITING)
        self.lost = 0
        self.fault = ""
        self.thread = threading.Thread(target=self.send_all, daemon=True)
        self.check()
        self.thread.start()

    def check(self) -> None:
        """Raises `Problem` when nothing takes OTLP at the endpoint."""
        fault = self.post("/v1/traces", b"")
        if fault:
            raise Problem(
                f"--forward: {self.endpoint} does not take OTLP over HTTP: {fault}. Name the Collector's HTTP port; "
                "that of `claude-otel stack up` is http://127.0.0.1:4318"
            )

    def routes(self, routes: Mapping[str, Handler]) -> dict[str, Handler]:
        """The same routes, whose requests are sent on once they have been taken."""
        return {path: self.both(path, handler) for path, handler in routes.items()}

    def both(self, path: str, handler: Handler) -> Handler:
        """`handler`, and after it the sending on."""

        def take(body: bytes) -> None:
            handler(body)
            try:
                self.waiting.put_nowait((path, body))
            except queue.Full:
                self.lost += 1

        return take

    def send_all(self) -> None:
        """Sends until it is told to end."""
        while (item := self.waiting.get()) is not None:
            fault = self.post(*item)
            if fault:
                self.lost += 1
                self.fault = fault

    def post(self, path: str, body: bytes) -> str:
        """Sends one request. Why it could not, empty when it could."""
        headers = {"Content-Type": "application/x-protobuf"}
        try:
            request = urllib.request.Request(f"{self.endpoint}{path}", body, headers)
            OPENER.open(request, timeout=5).close()
        except urllib.error.URLError as error:
            return str(error.reason)
        except (OSError, ValueError) as error:
            return str(error)
        return ""

    def close(self, seconds: float = 15) -> str:
        """Waits until all is sent. What to say of it."""
        self.waiting.put(None)
        self.thread.join(seconds)
        lost = self.lost + self.waiting.qsize()
        if not lost:
            return f"All of it is also at {self.endpoint}."
        return f"{lost} requests could not be sent on to {self.endpoint}: {self.fault or 'it was too slow'}."
