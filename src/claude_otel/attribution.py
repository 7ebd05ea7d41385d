"""Who a call is for: its surface, its agent, its user, and the place in the code that made it."""

from __future__ import annotations

import functools
import hashlib
import hmac
import inspect
import os
import sys
from collections.abc import Callable, Generator
from contextvars import ContextVar
from dataclasses import dataclass
from types import CodeType, FrameType, TracebackType
from typing import Any, NamedTuple, TypeVar, cast

from opentelemetry import baggage

from claude_otel.bounded import Bounded
from claude_otel.config import Settings

UNKNOWN = "unknown"

SKIPPED = frozenset(
    {
        "anthropic", "claude_otel", "wrapt", "asyncio", "anyio", "concurrent", "contextlib", "functools", "threading",
        "opentelemetry", "uvloop", "sniffio",
        # Others that wrap the SDK's methods.
        "ddtrace", "elasticapm", "langfuse", "langsmith", "logfire", "newrelic", "openinference", "openlit",
        "sentry_sdk", "traceloop",
    }
)  # fmt: skip
"""Packages whose frames are never a call site."""

LOOPS = frozenset(
    {
        "asyncio.events", "asyncio.base_events", "asyncio.runners", "concurrent.futures.thread", "threading",
        "anyio._backends._asyncio",
    }
)  # fmt: skip
"""Modules that run what somebody else handed them: above them is no caller."""

RUNNERS = frozenset({"uvloop", "multiprocessing", "trio"})
"""Packages of which every module is one of these."""

_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Scope:
    """What the innermost `surface` says. What it leaves out comes from the one around it."""

    surface: str
    user: str | None
    agent: str | None
    owner: object = None
    """Who entered it."""
    outer: Scope | None = None


_scope: ContextVar[Scope | None] = ContextVar("claude_otel_surface", default=None)


class surface:  # noqa: N801  reads as a statement: `with surface("checkout-chat"):`
    """Calls to Claude made inside belong to the surface `name`: a context manager, and a decorator.

    Works for functions, coroutine functions and generators, and follows `asyncio` tasks and copied contexts.

    Args:
        name: The user-facing use of Claude, such as `checkout-chat`. Few different ones: it is a metric attribute.
        user: Who the call is for. Leaves the process only as a keyed hash, on spans and events, never on a metric.
        agent: The agent that makes the calls; becomes `gen_ai.agent.name`.
    """

    def __init__(self, name: str, *, user: str | None = None, agent: str | None = None) -> None:
        self.name = name
        self.user = user
        self.agent = agent

    def __enter__(self) -> surface:
        outer = _scope.get()
        user = self.user if self.user is not None or outer is None else outer.user
        agent = self.agent if self.agent is not None or outer is None else outer.agent
        _scope.set(Scope(self.name, user, agent, self, outer))
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        scope = _scope.get()
        # Else it is left in another context than it was entered in, which ends with that context anyway. There are no
        # tokens to keep: threads and tasks may share one `surface`.
        if scope is not None and scope.owner is self:
            _scope.set(scope.outer)

    def _again(self) -> surface:
        return surface(self.name, user=self.user, agent=self.agent)

    def __call__(self, function: _F) -> _F:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def coroutine(*args: Any, **kwargs: Any) -> Any:
                with self._again():
                    return await function(*args, **kwargs)

            return cast(_F, coroutine)
        if inspect.isasyncgenfunction(function):

            @functools.wraps(function)
            async def async_generator(*args: Any, **kwargs: Any) -> Any:
                items = function(*args, **kwargs)
                step, value = items.asend, None
                try:
                    while True:
                        with self._again():
                            try:
                                item = await step(value)
                            except StopAsyncIteration:
                                return
                        try:
                            step, value = items.asend, (yield item)
                        except GeneratorExit:
                            raise
                        except BaseException as error:
                            step, value = items.athrow, error
                finally:
                    with self._again():
                        await items.aclose()

            return cast(_F, async_generator)
        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def generator(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
                items = function(*args, **kwargs)
                step, value = items.send, None
                try:
                    while True:
                        with self._again():
                            try:
                                item = step(value)
                            except StopIteration as stop:
                                return stop.value
                        try:
                            step, value = items.send, (yield item)
                        except GeneratorExit:
                            raise
                        except BaseException as error:
                            step, value = items.throw, error
                finally:
                    with self._again():
                        items.close()

            return cast(_F, generator)

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with self._again():
                return function(*args, **kwargs)

        return cast(_F, call)


scope = _scope.get
"""What the innermost `surface` around here says."""


class Attribution(NamedTuple):
    """What a call is attributed to, each bounded."""

    surface: str
    call_site: str
    agent: str | None


class Attributor:
    """Finds what a call is attributed to, as it starts."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._surfaces = Bounded(50)
        self._sites = Bounded(100)
        self._agents = Bounded(20)
        self._ruled: dict[str, str] = {}

    def attribute(self, site: str, scope: Scope | None) -> Attribution:
        """The attribution of a call made at the call site `site`, in `scope`."""
        site = self._sites(site)
        if scope is None:
            name = (self._settings.baggage and self._from_baggage()) or self._from_rules(site)
            return Attribution(self._surfaces(name), site, None)
        agent = None if scope.agent is None else self._agents(str(scope.agent))
        return Attribution(self._surfaces(str(scope.surface)), site, agent)

    @staticmethod
    def _from_baggage() -> str | None:
        value = baggage.get_baggage("claude.surface")
        return value if isinstance(value, str) and value else None

    def _from_rules(self, site: str) -> str:
        known = self._ruled.get(site)
        if known is None:
            known = next((rule.surface for rule in self._settings.rules if rule.matches(site)), site)
            # `site` is bounded, so this is too.
            self._ruled[site] = known
        return known


def hashed_user(user: object, key: bytes) -> str | None:
    """The keyed hash of `user` as 32 hexadecimal digits; `None` without a user."""
    if user is None or user == "":
        return None
    return hmac.new(key, str(user).encode(), hashlib.sha256).hexdigest()[:32]


_sites: dict[int, str] = {}
"""The call sites that were found, by the identity of their code, whose hash is not kept; empty for what is none."""

_codes: list[CodeType] = []
"""What is known by its identity, which nothing else can have as long as it is here."""

_MOST_SITES = 1000


COMPREHENSIONS = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>"})
"""Functions that Python made of an expression before 3.12: the caller is the function around it, as it is since."""


def call_site(frame: FrameType | None) -> str:
    """The nearest caller as `module:function` that is no library of ours, the SDK's or the event loop's.

    A script's module is the name of its file. `unknown` where an event loop or a thread pool is all that is above.
    """
    known = _sites.get
    while frame is not None:
        site = known(id(frame.f_code))
        if site is None:
            site = _learn(frame)
        if site:
            return site
        frame = frame.f_back
    return UNKNOWN


def _learn(frame: FrameType) -> str:
    code = frame.f_code
    site = _site(frame, code)
    if len(_codes) < _MOST_SITES:
        _codes.append(code)
        _sites[id(code)] = site
    return site


def _site(frame: FrameType, code: CodeType) -> str:
    """The name of the call site `code`, empty where the search goes on above it."""
    module = frame.f_globals.get("__name__") or ""
    package = module.partition(".")[0]
    if module in LOOPS or package in RUNNERS:
        return UNKNOWN
    if package in SKIPPED or code.co_name in COMPREHENSIONS:
        return ""
    return f"{_module(frame, module)}:{code.co_name}"


def _module(frame: FrameType, module: str) -> str:
    if module != "__main__":
        return module
    spec = frame.f_globals.get("__spec__")
    if spec is not None and getattr(spec, "name", None):
        return str(spec.name).removesuffix(".__main__")
    path = frame.f_globals.get("__file__") or (sys.argv[0] if sys.argv else "")
    return os.path.splitext(os.path.basename(str(path)))[0] or "__main__"
