"""A headless Chromium, told what to do over two pipes: the DevTools protocol without another library."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

MISSING = "these tests need Chromium, and there is none on PATH. On Debian or Ubuntu: sudo apt-get install chromium"

SWITCHES = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe",
    "--no-first-run", "--no-default-browser-check", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--force-device-scale-factor=1", "--hide-scrollbars",
)  # fmt: skip


def program() -> str:
    """The browser. Raises where there is none: what it would have shown is not known then."""
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return found
    raise FileNotFoundError(MISSING)


class Page:
    """A tab."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self.to_browser = to_browser
        self.from_browser = from_browser
        self.unread = b""
        self.last = 0
        self.session: str | None = None
        self.events: list[dict[str, Any]] = []

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The result of a command. Events that come before it are kept."""
        self.last += 1
        message = {"id": self.last, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to_browser, json.dumps(message).encode() + b"\0")
        while True:
            told = self.read()
            if told.get("id") == self.last:
                assert "error" not in told, told
                result: dict[str, Any] = told["result"]
                return result
            self.events.append(told)

    def read(self) -> dict[str, Any]:
        """The next message."""
        while b"\0" not in self.unread:
            received = os.read(self.from_browser, 1 << 20)
            assert received, "the browser has ended"
            self.unread += received
        message, _, self.unread = self.unread.partition(b"\0")
        told: dict[str, Any] = json.loads(message)
        return told

    def attach(self) -> None:
        """Takes the tab that is there."""
        (first, *_) = [each for each in self.send("Target.getTargets")["targetInfos"] if each["type"] == "page"]
        self.session = self.send("Target.attachToTarget", targetId=first["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log", "DOM"):
            self.send(f"{domain}.enable")

    def show(self, url: str, width: int, dark: bool = False) -> None:
        """Loads a page at a width, in light or dark, and waits until it is there."""
        scheme = "dark" if dark else "light"
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.events.clear()
        self.send("Page.navigate", url=url)
        while "Page.loadEventFired" not in [event.get("method") for event in self.events]:
            self.events.append(self.read())

    def value(self, expression: str) -> Any:
        """The value of an expression of JavaScript: ours, which the page's policy does not concern."""
        return self.send("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def requests(self) -> list[str]:
        """The URLs that were asked for since the page was loaded, its own included."""
        return [e["params"]["request"]["url"] for e in self.events if e.get("method") == "Network.requestWillBeSent"]

    def complaints(self) -> list[str]:
        """What the browser has logged: policies that were broken, files that were not there."""
        logged = [e["params"]["entry"]["text"] for e in self.events if e.get("method") == "Log.entryAdded"]
        return logged + [str(e["params"]) for e in self.events if e.get("method") == "Runtime.exceptionThrown"]

    def picture(self, path: Path) -> None:
        """A picture of the whole page."""
        taken = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(taken["data"]))


@contextmanager
def chromium() -> Iterator[Page]:
    """A browser with an empty tab, which is ended afterwards."""
    read_by_browser, to_browser = os.pipe()
    from_browser, written_by_browser = os.pipe()

    def pipes() -> None:
        """Puts the browser's ends at 3 and 4, wherever they are."""
        ends = [fcntl.fcntl(each, fcntl.F_DUPFD, 100) for each in (read_by_browser, written_by_browser)]
        os.dup2(ends[0], 3)
        os.dup2(ends[1], 4)

    with tempfile.TemporaryDirectory() as profile:
        started = subprocess.Popen(
            [program(), *SWITCHES, f"--user-data-dir={profile}", "about:blank"],
            close_fds=False, preexec_fn=pipes, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(read_by_browser)
        os.close(written_by_browser)
        try:
            page = Page(to_browser, from_browser)
            page.attach()
            yield page
        finally:
            os.close(to_browser)
            started.terminate()
            started.wait(30)
            os.close(from_browser)
