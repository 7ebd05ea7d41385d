"""What the drill can cut and refuse: the way to Prometheus, and a receiver."""

from __future__ import annotations

import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing

import pytest

from claude_otel.drill.relay import Pager, Relay


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that sends back what it gets."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            while True:
                try:
                    near, _ = server.accept()
                except OSError:
                    return
                with near:
                    while data := near.recv(100):
                        near.sendall(data)

        threading.Thread(target=serve, daemon=True).start()
        yield int(server.getsockname()[1])


@pytest.fixture
def relay(echo: int) -> Iterator[Relay]:
    """The way to it."""
    made = Relay(echo)
    yield made
    made.close()


def connected(relay: Relay) -> socket.socket:
    """A connection to the relay."""
    host, _, port = relay.address.partition(":")
    return socket.create_connection((host, int(port)), timeout=5)


def test_passes_on_both_ways(relay: Relay) -> None:
    """And as much as there is."""
    with connected(relay) as one:
        one.sendall(b"hello")
        assert one.recv(5) == b"hello"


def test_cut_ends_connections_and_takes_none(relay: Relay) -> None:
    """Those that are open end, new ones end at once."""
    with connected(relay) as one:
        one.sendall(b"a")
        assert one.recv(1) == b"a"
        relay.cut()
        assert one.recv(1) == b""
    with connected(relay) as other:
        assert other.recv(1) == b""


def test_mended_it_passes_on_again(relay: Relay) -> None:
    """A cut is not for ever."""
    relay.cut()
    relay.mend()
    with connected(relay) as one:
        one.sendall(b"again")
        assert one.recv(5) == b"again"


def test_pager_refuses_until_it_is_told_not_to() -> None:
    """403, which Alertmanager does not try again, then 200."""
    pager = Pager()
    try:
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(urllib.request.Request(pager.url, b"{}"), timeout=5)
        pager.refuses = False
        with urllib.request.urlopen(urllib.request.Request(pager.url, b"{}"), timeout=5) as answer:
            assert answer.status == 200
    finally:
        pager.close()
