"""Shows a page in the user's browser, where there is one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

PROGRAM = """
import signal, sys, webbrowser
signal.pthread_sigmask(signal.SIG_SETMASK, [])
sys.exit(not webbrowser.open(sys.argv[1]))
"""
"""Opens its argument. It is a process of its own, as ours may have signals blocked, which a browser would inherit."""

PATIENCE = 10.0


def show(page: Path) -> str:
    """Opens `page` in a browser. Says where the page is, and why no browser was opened, if none was."""
    missing = no_browser(os.environ, sys.platform)
    if not missing and not opened(page):
        missing = "no browser could be started"
    return f"The page: {page}" + (f" ({missing}: open it yourself, or copy it)" if missing else "")


def no_browser(env: Mapping[str, str], platform: str) -> str:
    """Why there is no browser to be expected; empty where there may be one."""
    if env.get("CI"):
        return "this is CI"
    if env.get("SSH_CONNECTION"):
        return "this is another machine's terminal"
    if platform != "darwin" and not (env.get("DISPLAY") or env.get("WAYLAND_DISPLAY")):
        return "there is no graphical session"
    return ""


def opened(page: Path) -> bool:
    """Whether a browser took the page. One that runs on in the foreground did."""
    nothing = subprocess.DEVNULL
    command = [sys.executable, "-c", PROGRAM, page.absolute().as_uri()]
    started = subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)
    try:
        return started.wait(PATIENCE) == 0
    except subprocess.TimeoutExpired:
        return True
