"""The local log of notifications: a webhook receiver on loopback that writes what Alertmanager sends as JSONL.

Without any receiver in claude-otel.yaml this is where pages go. It also keeps the logs of the whole stack small.
A line has `at` (UTC), `path` (of the request, which names the receiver) and `notification`, as Alertmanager sent it.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from claude_otel.stack.rotation import rotate

LARGEST = 8 * 1024 * 1024
"""The largest notification that is taken, in bytes."""

EVERY = 10.0
"""Seconds between two looks at the sizes of the logs."""


class Server(ThreadingHTTPServer):
    """Takes notifications and writes them to `file`, one at a time."""

    daemon_threads = True

    def __init__(self, port: int, file: Path) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.file = file
        self.lock = threading.Lock()

    def write(self, path: str, notification: Any) -> None:
        """Appends a notification."""
        at = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        line = json.dumps({"at": at, "path": path, "notification": notification}) + "\n"
        with self.lock:
            rotate(self.file)
            with self.file.open("a", encoding="utf-8") as stream:
                stream.write(line)


class Handler(BaseHTTPRequestHandler):
    """`POST` of any path is a notification; `GET /-/ready` says that the log is there."""

    server: Server

    def do_GET(self) -> None:
        """Answers whether the log is there."""
        self.answer(200 if self.path == "/-/ready" else 404)

    def do_POST(self) -> None:
        """Writes a notification; one that could not be written is refused, so that Alertmanager sends it again."""
        self.answer(self.taken())

    def taken(self) -> int:
        """The status for the notification that was sent."""
        try:
            length = int(self.headers.get("Content-Length") or 0)
            if length > LARGEST:
                return 413
            self.server.write(self.path, json.loads(self.rfile.read(length)))
        except ValueError:
            return 400
        except OSError:
            return 503
        return 200

    def answer(self, status: int) -> None:
        """An answer without a body."""
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the names are the base class's
        """Prints nothing: the log is the file."""


def notifications(file: Path) -> Iterator[dict[str, Any]]:
    """The lines of the log, oldest first; a line that is not whole yet is left out."""
    if not file.is_file():
        return
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue


def keep_small(logs: Path) -> None:
    """Sets aside every log of the folder that is full, for ever."""
    while True:
        for log in logs.glob("*.log"):
            try:
                rotate(log)
            except OSError as error:
                print(f"could not set {log} aside: {error}", flush=True)  # noqa: T201 - into its own log
        time.sleep(EVERY)


def main() -> None:
    """Serves until it is ended."""
    parser = argparse.ArgumentParser(description="The local log of notifications.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--logs", type=Path, required=True)
    options = parser.parse_args()
    threading.Thread(target=keep_small, args=[options.logs], daemon=True).start()
    Server(options.port, options.file).serve_forever()


if __name__ == "__main__":
    main()
