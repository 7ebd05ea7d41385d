"""A fake API that listens on loopback, in a thread of its own or in the foreground."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from .api import API, Latency
from .app import build_app
from .clock import Clock
from .journal import Journal
from .rate_limits import RateLimits
from .script import Rule, Script, load_script, parse_script
from .wanted import Wanted

RuleLike = Rule | dict[str, Any] | str
BACKLOG = 2_048
START_SECONDS = 10.0
TICK_SECONDS = 0.1
GRACE_SECONDS = 1.0


class PortInUseError(OSError):
    """The address that was asked for is taken, or may not be used."""


class Protocol(H11Protocol):
    """HTTP/1.1 that lets the application reach the connection, to reset it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Keep the transport where the application finds it."""
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)


class Server(uvicorn.Server):
    """A server that stops at once when it is told to, not at its next tick."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event) -> None:
        super().__init__(config)
        self._stopping = stopping

    async def main_loop(self) -> None:
        """Serve until the server is to stop."""
        ticks = 0
        while not await self.on_tick(ticks):
            ticks += 1
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), TICK_SECONDS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, close those that are idle, and let answers in progress end or be cut."""
        self._stopping.set()
        for server in self.servers:
            server.close()
        for bound in sockets or []:
            bound.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        if self.server_state.tasks:
            _, unfinished = await asyncio.wait(self.server_state.tasks, timeout=GRACE_SECONDS)
            for task in unfinished:
                task.cancel()
        await asyncio.sleep(0)  # closed connections end in the next turn of the loop


class FakeAPI:
    """A Claude API to run against.

    with FakeAPI() as api:
        client = Anthropic(base_url=api.url, api_key="any")
        api.fault("overloaded", times=1)
        client.messages.create(...)
        assert api.journal.faults() == {"overloaded": 1}
    """

    def __init__(
        self,
        *,
        script: Path | str | Iterable[RuleLike] = (),
        seed: int | None = None,
        latency: Latency | float = 0.0,
        clock: Clock | None = None,
        rate_limits: RateLimits | None = None,
        journal: Path | None = None,
        keep_bodies: bool = True,
        batch_delay: float = 0.0,
        retry_after_ms: float = 10.0,
        serve_retired: bool = False,
        host: str = "127.0.0.1",
        port: int = 0,
        tag: str | None = None,
    ) -> None:
        """Bind the port; nothing is served before `start`.

        `script` is a file or rules (`Rule`, an object as in a file, or the name of a fault). `latency` is the
        seconds to the first token, or a `Latency`. With `rate_limits` the limits are enforced. `journal` is a file
        the entries are appended to. Ids are the same again for the same `seed`, unless `tag` sets them apart.
        Raises `ScriptError` and `PortInUseError`.
        """
        rules, script_seed = read_rules(script)
        seed = script_seed if seed is None else seed
        self._script = Script(rules, seed)
        self._socket = bound_socket(host, port)
        self.host, self.port = host, int(self._socket.getsockname()[1])
        self.journal = Journal(journal, keep_bodies=keep_bodies)
        self.api = API(
            journal=self.journal,
            script=self._script,
            clock=clock,
            latency=latency if isinstance(latency, Latency) else Latency(first_token=latency),
            rate_limits=rate_limits,
            batch_delay=batch_delay,
            retry_after_ms=retry_after_ms,
            serve_retired=serve_retired,
            tag=tag or f"s{seed}",
            seed=seed,
        )
        self._server = Server(server_config(self.api), self.api.stopping)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def url(self) -> str:
        """The base URL for a client."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that point an SDK client here."""
        return {"ANTHROPIC_BASE_URL": self.url, "ANTHROPIC_API_KEY": "fake"}

    def script(self, *rules: RuleLike, append: bool = False) -> None:
        """Put rules in force: in place of the old ones, or behind them. None at all takes all faults away."""
        parsed, _ = read_rules(rules)
        if append:
            self._script.add(parsed)
        else:
            self._script.set(parsed)

    def fault(self, name: str, **fields: Any) -> None:
        """Add a rule with a fault, such as `fault("overloaded", times=2, model="claude-opus-*")`."""
        self.script({"fault": name, **fields}, append=True)

    def answer(self, wanted: Wanted, **fields: Any) -> None:
        """Add a rule with an answer, such as `answer(Wanted(output_tokens=2000), text="report")`."""
        self.script(Rule(answer=wanted, **fields), append=True)

    def start(self) -> FakeAPI:
        """Serve in a thread of its own; returns when requests are accepted."""
        self._thread = threading.Thread(target=self._run, name=f"fakeapi:{self.port}", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError(f"The fake API on {self.url} did not start.")
            time.sleep(0.002)
        return self

    def serve_forever(self) -> None:
        """Serve in this thread until it is interrupted."""
        with contextlib.suppress(KeyboardInterrupt):
            self._run()
        self.journal.close()

    def close(self) -> None:
        """Stop serving: answers in progress are cut, and the thread has ended when this returns."""
        self._server.should_exit = True
        if self._thread and self._loop:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self.api.stopping.set)
            self._thread.join()
        self._socket.close()
        self.journal.close()

    def __enter__(self) -> FakeAPI:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._server.serve(sockets=[self._socket])


def server_config(api: API) -> uvicorn.Config:
    """The server's settings: quiet, plain HTTP/1.1, and quick to stop."""
    return uvicorn.Config(
        build_app(api),
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=300,
    )


def bound_socket(host: str, port: int) -> socket.socket:
    """A socket that owns the address. Raises `PortInUseError` with the remedy."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends small parts at once (TCP_NODELAY) only on a socket that names its protocol.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        reason = error.strerror or str(error)
        remedy = "Choose another with --port, or 0 for any free one."
        raise PortInUseError(f"Cannot listen on {host}:{port}: {reason}. {remedy}") from error
    bound.listen(BACKLOG)
    return bound


def read_rules(script: Path | str | Iterable[RuleLike]) -> tuple[list[Rule], int]:
    """The rules and the seed of a script, however it is given. Raises `ScriptError`."""
    if isinstance(script, (str, Path)):
        return load_script(Path(script))
    rules: list[Rule] = []
    for index, item in enumerate(script):
        if isinstance(item, Rule):
            rules.append(item)
        else:
            data = {"fault": item} if isinstance(item, str) else item
            rules += parse_script([data], f"script[{index}]")[0]
    return rules, 0
