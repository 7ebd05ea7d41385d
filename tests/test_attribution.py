"""Who a call is attributed to: surface, user, agent, call site; bounded, and the user only as a keyed hash."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import inspect
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import baggage
from opentelemetry import context as otel_context

import claude_otel
import wire
from claude_otel import surface
from claude_otel.attribution import Attributor, call_site, scope
from claude_otel.config import Rule, Settings
from conftest import Exported
from wire import ASK

WHO = ("claude.surface", "gen_ai.agent.name", "user.hash")


def ask() -> None:
    wire.client().messages.create(**ASK)


async def async_ask() -> None:
    await wire.async_client().messages.create(**ASK)


def surfaces(exported: Exported) -> list[str]:
    """The surfaces of the calls that ended, in order."""
    return [event["claude.surface"] for event in exported.events()]


def sites(exported: Exported) -> list[str]:
    """The call sites of the calls that ended, in order."""
    return [event["claude.call_site"] for event in exported.events()]


# Surfaces.


def test_calls_inside_belong_to_the_surface(exported: Exported) -> None:
    """As a context manager; before and after, the call site stands in."""
    ask()
    with surface("chat"):
        ask()
    ask()
    assert surfaces(exported) == ["test_attribution:ask", "chat", "test_attribution:ask"]


def test_the_innermost_surface_counts(exported: Exported) -> None:
    """Surfaces nest, and the outer one is back afterwards."""
    with surface("outer"):
        with surface("inner"):
            ask()
        ask()
    assert surfaces(exported) == ["inner", "outer"]


def test_an_exception_leaves_the_surface(exported: Exported) -> None:
    """The surface ends with its block, however that ends, and does not swallow the exception."""
    with pytest.raises(ZeroDivisionError), surface("chat"):
        raise ZeroDivisionError
    ask()
    assert surfaces(exported) == ["test_attribution:ask"]


def test_one_surface_may_be_entered_again(exported: Exported) -> None:
    """The same object, one after the other and inside itself."""
    chat = surface("chat")
    with chat, chat:
        ask()
    with chat:
        ask()
    ask()
    assert surfaces(exported) == ["chat", "chat", "test_attribution:ask"]


def test_one_surface_may_be_shared_by_threads(exported: Exported) -> None:
    """Threads that leave in another order than they entered in do not leave their surface behind."""
    shared, both, left = surface("shared"), threading.Barrier(2), threading.Event()

    def first() -> None:
        with shared:
            both.wait()
        left.set()
        ask()

    def second() -> None:
        with shared:
            both.wait()
            left.wait()
        ask()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(first), pool.submit(second)]:
            done.result()
    assert surfaces(exported) == ["test_attribution:ask", "test_attribution:ask"]


def test_a_function_is_decorated(exported: Exported) -> None:
    """Each call of it is inside, and it keeps its name and signature."""

    @surface("chat")
    def answer(question: str, *, loud: bool = False) -> str:
        """Answers."""
        ask()
        return question.upper() if loud else question

    assert answer("q", loud=True) == "Q"
    assert (answer.__name__, answer.__doc__) == ("answer", "Answers.")
    assert str(inspect.signature(answer)) == "(question: 'str', *, loud: 'bool' = False) -> 'str'"
    assert surfaces(exported) == ["chat"]


def test_a_coroutine_function_is_decorated(exported: Exported) -> None:
    """Also over its awaits, and in several tasks at once."""

    def named(name: str) -> Any:
        @surface(name)
        async def answer() -> None:
            await asyncio.sleep(0)
            await async_ask()

        assert inspect.iscoroutinefunction(answer)
        return answer

    async def main() -> None:
        await asyncio.gather(named("a")(), named("b")(), async_ask())

    asyncio.run(main())
    assert sorted(surfaces(exported)) == ["a", "b", "test_attribution:async_ask"]


def test_a_generator_is_decorated(exported: Exported) -> None:
    """Its own code is inside; that of who iterates it is not."""

    @surface("chat")
    def answers() -> Iterator[int]:
        ask()
        yield 1
        ask()

    assert inspect.isgeneratorfunction(answers)
    for _ in answers():
        ask()
    assert surfaces(exported) == ["chat", "test_attribution:ask", "chat"]


def test_a_decorated_generator_is_sent_to_thrown_into_and_returns() -> None:
    """A decorated generator cannot be told from the plain one."""

    @surface("chat")
    def echo() -> Any:
        got = yield "ready"
        try:
            yield got
        except ValueError as error:
            yield f"caught {error}"
        return "done"

    def delegate() -> Any:
        result = yield from echo()
        yield result

    items = delegate()
    assert next(items) == "ready"
    assert items.send("sent") == "sent"
    assert items.throw(ValueError("thrown")) == "caught thrown"
    assert next(items) == "done"


def test_a_decorated_context_manager_sees_the_exception_of_its_block() -> None:
    """`@contextmanager` throws it into the generator."""
    seen = []

    @contextlib.contextmanager
    @surface("chat")
    def managed() -> Iterator[None]:
        try:
            yield
        except ZeroDivisionError as error:
            seen.append(error)

    with managed():
        raise ZeroDivisionError
    assert len(seen) == 1


def test_closing_a_decorated_generator_runs_its_cleanup_inside(exported: Exported) -> None:
    """What a generator asks as it is closed belongs to its surface too."""

    @surface("chat")
    def answers() -> Iterator[int]:
        try:
            yield 1
        finally:
            ask()

    items = answers()
    next(items)
    items.close()  # type: ignore[attr-defined]
    assert surfaces(exported) == ["chat"]


def test_an_async_generator_is_decorated(exported: Exported) -> None:
    """As a generator is, with what is sent, thrown and closed."""
    caught = []

    @surface("chat")
    async def answers() -> AsyncIterator[Any]:
        await async_ask()
        got = yield 1
        try:
            yield got
        except ValueError as error:
            caught.append(error)
            yield "after"
        finally:
            await async_ask()

    async def main() -> None:
        items: Any = answers()
        assert inspect.isasyncgenfunction(answers)
        assert await anext(items) == 1
        await async_ask()
        assert await items.asend("sent") == "sent"
        assert await items.athrow(ValueError("thrown")) == "after"
        await items.aclose()

    asyncio.run(main())
    assert surfaces(exported) == ["chat", "test_attribution:async_ask", "chat"]
    assert len(caught) == 1


def test_a_surface_follows_tasks_and_copied_contexts(exported: Exported) -> None:
    """Tasks and `asyncio.to_thread` start with the context of who starts them."""

    async def main() -> None:
        with surface("chat"):
            task = asyncio.create_task(async_ask())
            await asyncio.to_thread(ask)
        await task

    asyncio.run(main())
    assert surfaces(exported) == ["chat", "chat"]


def test_a_surface_does_not_follow_a_plain_thread(exported: Exported) -> None:
    """A thread has a context of its own."""
    with surface("chat"):
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    assert surfaces(exported) == ["test_attribution:ask"]


def test_a_stream_belongs_to_where_it_was_asked_for(exported: Exported) -> None:
    """The surface is read once, as the call starts."""
    with surface("chat"):
        events = wire.client().messages.create(**ASK, stream=True)
    with surface("reader"):
        list(events)
    assert surfaces(exported) == ["chat"]


def test_user_and_agent_come_from_outside_where_the_inside_says_none(
    exported: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A surface without a user has the user of the one around it."""
    with surface("outer", user="u", agent="a"), surface("inner"):
        ask()
    with surface("outer", agent="a"), surface("inner", agent="b"):
        ask()
    assert [event["gen_ai.agent.name"] for event in exported.events()] == ["a", "b"]
    assert exported.value("claude.cost", gen_ai__agent__name="a") > 0


# Users.

KEY = "a key of ours"


def hashed(user: str) -> str:
    return hmac.new(KEY.encode(), user.encode(), hashlib.sha256).hexdigest()[:32]


@pytest.fixture
def keyed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Exported]:
    """Instrumented with a key for users."""
    monkeypatch.setenv("CLAUDE_OTEL_USER_HASH_KEY", KEY)
    kept = Exported()
    kept.instrument()
    yield kept
    claude_otel.uninstrument()


def test_a_user_leaves_as_a_keyed_hash(keyed: Exported) -> None:
    """On the span and the event, never on a metric, and never as it is."""
    with surface("chat", user="ada@example.com"):
        ask()
    assert keyed.span()["user.hash"] == keyed.events()[0]["user.hash"] == hashed("ada@example.com")
    assert not [
        p for name in ("claude.calls", "claude.cost") for p in keyed.points(name) if "user.hash" in p.attributes
    ]
    assert "ada@example.com" not in str([*keyed.events(), keyed.spans[0].to_json()])


def test_the_user_of_the_metadata_stands_in(keyed: Exported) -> None:
    """`metadata.user_id` is the user where `surface` names none, and only there."""
    client = wire.client()
    client.messages.create(**ASK, metadata={"user_id": "of the metadata"})
    with surface("chat", user="of the surface"):
        client.messages.create(**ASK, metadata={"user_id": "of the metadata"})
    assert [event["user.hash"] for event in keyed.events()] == [hashed("of the metadata"), hashed("of the surface")]


def test_without_a_key_no_user_leaves(exported: Exported) -> None:
    """Neither hashed nor as it is."""
    with surface("chat", user="lovelace@example.com"):
        wire.client().messages.create(**ASK, metadata={"user_id": "lovelace"})
    assert "user.hash" not in exported.span()
    assert "lovelace" not in str([*exported.events(), exported.spans[0].to_json()])


# Baggage and rules.


@contextlib.contextmanager
def instrumented(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Iterator[Exported]:
    """The SDK instrumented in this environment."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    kept = Exported()
    kept.instrument()
    try:
        yield kept
    finally:
        claude_otel.uninstrument()


@pytest.mark.parametrize(("allowed", "expected"), [("true", "upstream"), ("false", "test_attribution:ask")])
def test_baggage_counts_only_when_it_is_allowed(monkeypatch: pytest.MonkeyPatch, allowed: str, expected: str) -> None:
    """Anyone who can send a header could name a surface."""
    with instrumented(monkeypatch, CLAUDE_OTEL_BAGGAGE=allowed) as exported:
        token = otel_context.attach(baggage.set_baggage("claude.surface", "upstream"))
        try:
            ask()
            with surface("ours"):
                ask()
        finally:
            otel_context.detach(token)
        assert surfaces(exported) == [expected, "ours"]


def test_a_rule_names_the_surface_of_a_call_site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The first rule that matches counts; a surface in the code goes before it."""
    file = tmp_path / "claude-otel.yaml"
    file.write_text(
        "attribution:\n  rules:\n"
        "    - {match: 'shop.*', surface: shop}\n"
        "    - {match: 'test_attribution:a*', surface: tests}\n"
        "    - {match: test_attribution, surface: late}\n"
    )
    with instrumented(monkeypatch, CLAUDE_OTEL_CONFIG=str(file)) as exported:
        ask()
        with surface("ours"):
            ask()
        assert surfaces(exported) == ["tests", "ours"]
        assert sites(exported) == ["test_attribution:ask", "test_attribution:ask"]


@pytest.mark.parametrize(
    ("match", "site", "matches"),
    [
        ("shop", "shop:f", True),
        ("shop", "shop.cart:f", False),
        ("shop*", "shop.cart:f", True),
        ("shop.*", "shop.cart:f", True),
        ("shop:f", "shop:f", True),
        ("shop:f", "shop:g", False),
        ("*:f", "shop:f", True),
    ],
)
def test_what_a_rule_matches(match: str, site: str, matches: bool) -> None:
    """A module, or a module and a function, with `*` for anything."""
    assert Rule(match, "x").matches(site) is matches


# Call sites.


def test_the_call_site_is_the_nearest_caller(exported: Exported) -> None:
    """Never a frame of the SDK, of its HTTP library or of ours."""
    wire.client().messages.create(**ASK)
    with wire.client().messages.stream(**ASK) as events:
        events.until_done()
    wire.client().beta.messages.tool_runner(**ASK, tools=[]).until_done()
    assert sites(exported) == ["test_attribution:test_the_call_site_is_the_nearest_caller"] * 3


def test_the_call_site_of_async_calls(exported: Exported) -> None:
    """A coroutine that awaits a call is its caller; a task made of the call itself has none."""

    async def main() -> None:
        client = wire.async_client()
        await client.messages.create(**ASK)
        await asyncio.gather(client.messages.create(**ASK))
        await asyncio.create_task(client.messages.create(**ASK))
        await asyncio.wait_for(client.messages.create(**ASK), 5)

    asyncio.run(main())
    # Whether `wait_for` makes a task depends on the version of Python.
    assert sites(exported)[:3] == ["test_attribution:main", "unknown", "unknown"]
    assert sites(exported)[3] in ("test_attribution:main", "unknown")


def test_the_call_site_in_a_pool(exported: Exported) -> None:
    """A function that a pool runs is the caller; a call that a pool runs has none."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(ask).result()
        pool.submit(wire.client().messages.create, **ASK).result()
    thread = threading.Thread(target=wire.client().messages.create, kwargs=ASK)
    thread.start()
    thread.join()
    assert sites(exported) == ["test_attribution:ask", "unknown", "unknown"]


PROGRAM = """
import sys
sys.path[:0] = {path!r}
import multiprocessing
import claude_otel, wire
from conftest import Exported

exported = Exported()
exported.instrument()

def ask(_=None):
    wire.client().messages.create(**wire.ASK)
    return [event["claude.call_site"] for event in exported.events()][-1]

def ask_directly():
    wire.client().messages.create(**wire.ASK)

if __name__ == "__main__":
    wire.client().messages.create(**wire.ASK)
    ask()
    print([event["claude.call_site"] for event in exported.events()])
    with multiprocessing.get_context("fork").Pool(1) as pool:
        print(pool.map(ask, [1]))
"""


def run(*command: str, cwd: Path) -> list[str]:
    done = subprocess.run([sys.executable, *command], cwd=cwd, capture_output=True, text=True, check=True, timeout=300)
    return done.stdout.splitlines()


def program(folder: Path, name: str) -> None:
    (folder / name).write_text(PROGRAM.format(path=[str(Path(__file__).parent)]))


def test_the_call_site_of_a_script_is_its_file(tmp_path: Path) -> None:
    """`__main__` says nothing."""
    program(tmp_path, "nightly.py")
    expected = ["['nightly:<module>', 'nightly:ask']", "['nightly:ask']"]
    assert run("nightly.py", cwd=tmp_path) == expected


def test_the_call_site_of_a_module_that_is_run(tmp_path: Path) -> None:
    """`python -m shop.nightly` and `python -m shop` are known by their module."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").write_text("")
    program(tmp_path / "shop", "nightly.py")
    program(tmp_path / "shop", "__main__.py")
    assert run("-m", "shop.nightly", cwd=tmp_path)[0] == "['shop.nightly:<module>', 'shop.nightly:ask']"
    assert run("-m", "shop", cwd=tmp_path)[0] == "['shop:<module>', 'shop:ask']"


@pytest.mark.parametrize(
    "module", ["sentry_sdk.integrations.anthropic", "opentelemetry.instrumentation.x", "langsmith"]
)
def test_a_wrapper_of_somebody_else_is_no_call_site(module: str) -> None:
    """Others that wrap the SDK stand between the application and us."""
    scope: dict[str, Any] = {"__name__": module, "call_site": call_site, "sys": sys}
    exec("def wrapper():\n    return call_site(sys._getframe())", scope)
    assert scope["wrapper"]() == "test_attribution:test_a_wrapper_of_somebody_else_is_no_call_site"


@pytest.mark.parametrize("module", ["multiprocessing.pool", "trio._core._run", "uvloop.loop", "asyncio.events"])
def test_above_a_loop_is_no_caller(module: str) -> None:
    """A loop runs what somebody else handed it."""
    scope: dict[str, Any] = {"__name__": module, "call_site": call_site, "sys": sys}
    exec("def run():\n    return call_site(sys._getframe())", scope)
    assert scope["run"]() == "unknown"


# Caps.


def test_surfaces_are_capped(exported: Exported) -> None:
    """After 50 different ones a new surface is `other`; the known ones keep their names."""
    client = wire.client()
    for number in range(52):
        with surface(f"s{number}"):
            client.messages.create(**ASK)
    with surface("s0"):
        client.messages.create(**ASK)
    assert surfaces(exported)[48:] == ["s48", "s49", "other", "other", "s0"]


def test_agents_and_call_sites_are_capped() -> None:
    """20 agents, 100 call sites."""
    attributor = Attributor(Settings())
    for number in range(25):
        with surface("chat", agent=f"a{number}"):
            agent = attributor.attribute("m:f", scope()).agent
    assert agent == "other"
    sites_of = Attributor(Settings())._sites
    assert [sites_of(f"m:f{number}") for number in range(102)][99:] == ["m:f99", "other", "other"]


def test_a_long_name_is_cut() -> None:
    """Names stay short enough for a label."""
    with surface("x" * 500):
        assert Attributor(Settings()).attribute("m:f", scope()).surface == "x" * 120
