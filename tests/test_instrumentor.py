"""Switching the recording on and off."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
import wrapt
from anthropic import _base_client, _response, _streaming
from anthropic._decoders import jsonl
from opentelemetry.instrumentation.utils import suppress_instrumentation

import claude_otel
import wire
from claude_otel import ClaudeInstrumentor, ordinary
from claude_otel.bookkeeping import Books
from claude_otel.call import Call
from claude_otel.recorder import Recorder
from conftest import Exported
from wire import ASK

OWNERS: tuple[Any, ...] = (
    _base_client,
    _base_client.BaseClient,
    _base_client.SyncAPIClient,
    _base_client.AsyncAPIClient,
    _streaming.Stream,
    _streaming.AsyncStream,
    jsonl.JSONLDecoder,
    jsonl.AsyncJSONLDecoder,
    _response.APIResponse,
    _response.AsyncAPIResponse,
)


def functions() -> dict[tuple[str, str], Any]:
    """Everything that the patched classes and modules of the SDK have."""
    return {(owner.__name__, name): value for owner in OWNERS for name, value in vars(owner).items()}


def changed(before: dict[tuple[str, str], Any]) -> set[tuple[str, str]]:
    """What of it is another object now."""
    after = functions()
    return {key for key in before.keys() | after.keys() if before.get(key) is not after.get(key)}


def test_the_public_names() -> None:
    """Nothing more is promised."""
    assert claude_otel.__all__ == ["ClaudeInstrumentor", "instrument", "surface", "uninstrument"]
    assert all(hasattr(claude_otel, name) for name in claude_otel.__all__)


def test_the_entry_point() -> None:
    """`opentelemetry-instrument` finds us as `claude`; users disable what is called `anthropic`."""
    (entry,) = entry_points(group="opentelemetry_instrumentor", name="claude")
    assert entry.load() is ClaudeInstrumentor
    ours = [e.name for e in entry_points(group="opentelemetry_instrumentor") if e.value.startswith("claude_otel")]
    assert ours == ["claude"]


def test_the_versions_that_are_supported() -> None:
    """The version gate of OpenTelemetry reads them."""
    assert ClaudeInstrumentor().instrumentation_dependencies() == ("anthropic >= 0.108, < 3",)


def test_uninstrumenting_restores_the_very_functions() -> None:
    """Every one of them, and no attribute is left behind."""
    before = functions()
    exported = Exported()
    exported.instrument()
    patched = changed(before)
    assert ("SyncAPIClient", "request") in patched
    claude_otel.uninstrument()
    assert changed(before) == set()


def test_what_is_patched_keeps_its_signature() -> None:
    """Code that inspects the SDK sees what it saw."""
    import inspect

    before = inspect.signature(_base_client.SyncAPIClient.request)
    exported = Exported()
    exported.instrument()
    try:
        assert inspect.signature(_base_client.SyncAPIClient.request) == before
        assert inspect.iscoroutinefunction(_base_client.AsyncAPIClient.request)
        assert _base_client.SyncAPIClient.request.__name__ == "request"
    finally:
        claude_otel.uninstrument()


def test_clients_that_exist_are_switched_on_and_off() -> None:
    """Instrumenting reaches them, and so does the end of it."""
    client = wire.client()
    raw = client.messages.with_raw_response
    exported = Exported()
    client.messages.create(**ASK)
    for calls in (1, 2):
        exported.instrument()
        raw.create(**ASK)
        claude_otel.uninstrument()
        raw.create(**ASK)
        client.messages.create(**ASK)
        assert exported.value("claude.calls") == len(exported.spans) == calls


def test_a_stream_that_is_open_is_recorded_to_its_end() -> None:
    """Uninstrumenting does not cut it off."""
    exported = Exported()
    exported.instrument()
    events = wire.client().messages.create(**ASK, stream=True)
    next(events)
    claude_otel.uninstrument()
    list(events)
    assert exported.span()["claude.outcome"] == "completed"
    assert exported.value("claude.active_calls") == 0


def test_a_wrapper_over_ours_stays() -> None:
    """Somebody who wrapped the SDK after us keeps the wrapper, and ours records nothing any more."""
    seen = []

    def theirs(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        seen.append(1)
        return wrapped(*args, **kwargs)

    original = _base_client.SyncAPIClient.__dict__["request"]
    exported = Exported()
    exported.instrument()
    try:
        wrapt.wrap_function_wrapper(_base_client.SyncAPIClient, "request", theirs)
        claude_otel.uninstrument()
        wire.client().messages.create(**ASK)
        assert (len(seen), exported.points("claude.calls")) == (1, [])
        exported.instrument()
        wire.client().messages.create(**ASK)
        assert (len(seen), exported.value("claude.calls"), len(exported.spans)) == (2, 1, 1)
    finally:
        claude_otel.uninstrument()
        _base_client.SyncAPIClient.request = original  # type: ignore[method-assign]


def test_suppressed_calls_are_not_recorded(exported: Exported) -> None:
    """`suppress_instrumentation` is for us too."""
    client = wire.client()
    with suppress_instrumentation():
        client.messages.create(**ASK)
        list(client.messages.create(**ASK, stream=True))
    assert exported.spans == exported.events() == exported.points("claude.calls") == []


def test_uninstrumenting_what_is_not_instrumented_does_nothing() -> None:
    """Twice, too."""
    claude_otel.uninstrument()
    claude_otel.uninstrument()


def test_a_failure_of_ours_never_reaches_the_application(
    exported: Exported, monkeypatch: pytest.MonkeyPatch, failures: list[str]
) -> None:
    """It is counted, and the call goes on."""

    def broken(*_: Any) -> None:
        raise RuntimeError("ours")

    parts = ((Recorder, "start"), (Recorder, "asks"), (ordinary, "numbers_of"), (Books, "book"), (Call, "event"))
    for owner, name in parts:
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, broken)
            client = wire.client()
            assert client.messages.create(**ASK).id == "msg_1"
            assert [event.type for event in client.messages.create(**ASK, stream=True)][-1] == "message_stop"
            # As it is collected, what was put off is done.
            exported.value("claude.calls")
    components = {failure.partition(":")[0] for failure in failures}
    failures.clear()
    assert components == {"start", "attempt", "end", "metrics", "stream"}
    assert exported.value("claude.instrumentation.errors", component="start") == 2
    assert exported.value("claude.instrumentation.errors", component="attempt") == 2


def run(program: str, *path: Path) -> subprocess.CompletedProcess[str]:
    """A program in a fresh interpreter."""
    start = f"import sys; sys.path[:0] = {[str(item) for item in path]!r}\n"
    return subprocess.run([sys.executable, "-c", start + program], capture_output=True, text=True, timeout=300)


def test_without_the_sdk_there_is_a_message_and_no_exception() -> None:
    """The application goes on."""
    done = run(
        "import importlib.metadata as m; real = m.distribution\n"
        "def gone(name):\n"
        "    if name == 'anthropic': raise m.PackageNotFoundError(name)\n"
        "    return real(name)\n"
        "m.distribution = gone; m.version = lambda name: gone(name).version\n"
        "sys.modules['anthropic'] = None\n"
        "import claude_otel; claude_otel.instrument(); claude_otel.uninstrument(); print('on')\n"
    )
    assert (done.returncode, done.stdout) == (0, "on\n")
    assert "Traceback" not in done.stderr
    assert "anthropic" in done.stderr


def test_with_an_sdk_that_is_too_old_there_is_a_message_and_no_exception(tmp_path: Path) -> None:
    """It says what is installed and what is needed."""
    (tmp_path / "anthropic-0.50.0.dist-info").mkdir()
    (tmp_path / "anthropic-0.50.0.dist-info" / "METADATA").write_text("Name: anthropic\nVersion: 0.50.0\n")
    done = run("import claude_otel; claude_otel.instrument(); print('on')\n", tmp_path)
    assert (done.returncode, done.stdout) == (0, "on\n")
    assert "anthropic >= 0.108, < 3" in done.stderr.replace("anthropic>=0.108,<3", "anthropic >= 0.108, < 3")
    assert "0.50.0" in done.stderr


def test_a_stream_that_is_open_at_the_exit_is_exported() -> None:
    """It ends as abandoned before the exporters are shut down, and nothing is printed."""
    tests = Path(__file__).parent
    done = run(
        "import wire\n"
        "from conftest import Exported\n"
        "exported = Exported(); exported.instrument()\n"
        "import atexit, claude_otel.bodies as b\n"
        "atexit.unregister(b.end_all)\n"
        "atexit.register(lambda: print([s.attributes['claude.outcome'] for s in exported.spans]))\n"
        "atexit.register(b.end_all)\n"
        "kept = wire.client().messages.create(**wire.ASK, stream=True); next(kept)\n"
        "other = wire.client().messages.create(**wire.ASK, stream=True)\n",
        tests,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "['abandoned', 'abandoned']\n", "")


def test_a_stream_that_outlives_the_instrumentation_ends_quietly() -> None:
    """Also when it is still open at the exit."""
    tests = Path(__file__).parent
    done = run(
        "import wire, claude_otel\n"
        "from conftest import Exported\n"
        "exported = Exported(); exported.instrument()\n"
        "kept = wire.client().messages.create(**wire.ASK, stream=True); next(kept)\n"
        "claude_otel.uninstrument()\n",
        tests,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
