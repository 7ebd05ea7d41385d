"""`claude-otel doctor` finds each planted fault, and names the remedy. Real processes, sockets and environments."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest

from claude_otel.cli.checks.trial import seconds
from claude_otel.cli.receiver import Receiver
from claude_otel.fakeapi import FakeAPI
from cli_child import claude_otel, command, environment

SERVICES = {"TraceService": "trace", "MetricsService": "metrics", "LogsService": "logs"}
SECRET = "sk-ant-secret-7f3a"


@pytest.fixture
def http_receiver() -> Iterator[str]:
    """The URL of an OTLP receiver over HTTP."""

    def take(_: bytes) -> None:
        pass

    receiver = Receiver({f"/v1/{signal}": take for signal in ("traces", "metrics", "logs")})
    yield receiver.url
    receiver.close()


@pytest.fixture
def grpc_receiver() -> Iterator[str]:
    """The URL of an OTLP receiver over gRPC."""
    server = grpc.server(ThreadPoolExecutor(2))
    for service, package in SERVICES.items():
        handler = grpc.unary_unary_rpc_method_handler(lambda request, context: b"")
        name = f"opentelemetry.proto.collector.{package}.v1.{service}"
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(name, {"Export": handler})])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"http://127.0.0.1:{port}"
    server.stop(None)


@pytest.fixture
def dead_endpoint() -> str:
    """A URL at which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{bound.getsockname()[1]}"


def over_http(url: str) -> dict[str, str]:
    """An environment in which all is well."""
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}


class Examined:
    """What doctor said, as JSON."""

    def __init__(self, ended: subprocess.CompletedProcess[str]) -> None:
        assert "Traceback" not in ended.stderr, ended.stderr
        self.code = ended.returncode
        self.document: dict[str, Any] = json.loads(ended.stdout)

    def all(self, level: str) -> dict[str, str]:
        """What was found at a level, by check."""
        return {each["check"]: each["what"] for each in self.document["findings"] if each["level"] == level}

    def what(self, level: str, check: str) -> str:
        """What a check found at a level."""
        assert check in self.all(level), self.document["findings"]
        return self.all(level)[check]

    def commands(self, check: str) -> list[str]:
        """The commands of the findings of a check."""
        found = [each["commands"] for each in self.document["findings"] if each["check"] == check]
        return [line for lines in found for line in lines]


def doctor(*arguments: str, **env: str) -> Examined:
    """What doctor says in this environment."""
    return Examined(claude_otel("doctor", "--json", *arguments, **env))


def distribution(folder: Path, name: str, version: str, entry_points: str = "") -> str:
    """A folder for PYTHONPATH in which a distribution says it is installed."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(entry_points)
    return str(folder)


class TestWell:
    """Nothing is wrong."""

    def test_one_call_is_followed_to_its_span_metric_event_and_price(self, http_receiver: str) -> None:
        """And every fact is in the document."""
        seen = doctor(**over_http(http_receiver))
        assert (seen.code, seen.all("error"), seen.all("warning")) == (0, {}, {})
        trial = seen.document["trial"]
        assert (trial["spans"], trial["calls"], trial["events"], trial["surfaces"]) == (1, 1, 1, ["doctor"])
        assert trial["cost_usd"] > 0
        assert trial["instrumented"]
        assert [each["reached"] for each in seen.document["exporters"]] == ["ok"] * 3
        assert seen.document["versions"]["anthropic"]

    def test_grpc(self, grpc_receiver: str) -> None:
        """gRPC is the distro's default."""
        seen = doctor(OTEL_EXPORTER_OTLP_ENDPOINT=grpc_receiver)
        assert (seen.code, seen.all("error")) == (0, {})
        assert seen.document["exporters"][0]["protocol"] == "grpc"

    def test_for_people(self, http_receiver: str) -> None:
        """Plain lines of 80 columns, and a verdict."""
        ended = claude_otel("doctor", **over_http(http_receiver))
        assert ended.returncode == 0
        assert ended.stdout.splitlines()[-1] == "Nothing is wrong."
        assert max(map(len, ended.stdout.splitlines())) <= 80
        assert "\x1b" not in ended.stdout
        assert ended.stderr == ""


class TestPlanted:
    """Each fault is found."""

    def test_grpc_to_http(self, http_receiver: str) -> None:
        """As when 4318 is given, and the protocol is not."""
        seen = doctor(OTEL_EXPORTER_OTLP_ENDPOINT=http_receiver)
        assert seen.code == 1
        assert "it speaks OTLP over HTTP, and gRPC is sent to it" in seen.what("error", "endpoint")
        assert "export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf" in seen.commands("endpoint")
        assert "export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4317" in seen.commands("endpoint")

    def test_http_to_grpc(self, grpc_receiver: str) -> None:
        """As when http/protobuf is sent to 4317."""
        seen = doctor(**over_http(grpc_receiver))
        assert seen.code == 1
        assert "it speaks OTLP over gRPC, and HTTP is sent to it" in seen.what("error", "endpoint")
        assert "export OTEL_EXPORTER_OTLP_PROTOCOL=grpc" in seen.commands("endpoint")
        assert "export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318" in seen.commands("endpoint")

    def test_dead_endpoint(self, dead_endpoint: str) -> None:
        """Nobody listens; the call itself is recorded all the same."""
        seen = doctor(OTEL_EXPORTER_OTLP_ENDPOINT=dead_endpoint)
        assert seen.code == 1
        assert "nobody listens there" in seen.what("error", "endpoint")
        assert "export OTEL_EXPORTER_OTLP_ENDPOINT=http://HOST:4317" in seen.commands("endpoint")
        assert "trial call" in seen.all("ok")

    @pytest.mark.parametrize("signals", [("TRACES", "METRICS", "LOGS"), ("METRICS",)])
    def test_exporter_none(self, http_receiver: str, signals: tuple[str, ...]) -> None:
        """An error when nothing at all is exported, else a warning."""
        off = {f"OTEL_{signal}_EXPORTER": "none" for signal in signals}
        seen = doctor(**over_http(http_receiver), **off)
        assert seen.code == (1 if len(signals) == 3 else 0)
        assert "exporter" in seen.all("error" if len(signals) == 3 else "warning")
        assert seen.commands("exporter")[: len(signals)] == [f"export OTEL_{name}_EXPORTER=otlp" for name in signals]

    def test_sdk_out_of_range(self, http_receiver: str, tmp_path: Path) -> None:
        """opentelemetry-instrument goes by the metadata, which says a version that is too old."""
        seen = doctor(**over_http(http_receiver), PYTHONPATH=distribution(tmp_path, "anthropic", "0.50.0"))
        assert seen.code == 1
        assert "anthropic 0.50.0 is outside of the supported range" in seen.what("error", "sdk")
        assert "pip install 'anthropic<3,>=0.108'" in seen.commands("sdk")[0]
        assert "claude-otel was not loaded" in seen.what("error", "trial call")

    @pytest.mark.parametrize(
        ("value", "remedy"), [("flask, claude", "export {}=flask"), ("claude", "unset {}"), ("*", "unset {}")]
    )
    def test_instrumentor_disabled(self, http_receiver: str, value: str, remedy: str) -> None:
        """The others in the list stay disabled."""
        variable = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
        seen = doctor(**over_http(http_receiver), **{variable: value})
        assert seen.code == 1
        assert "switches claude-otel off" in seen.what("error", "instrumentor")
        assert seen.commands("instrumentor") == [remedy.format(variable)]

    def test_second_instrumentor(self, http_receiver: str, tmp_path: Path) -> None:
        """By its entry point. It is disabled by its name, which is not ours."""
        points = (
            "[opentelemetry_instrumentor]\nanthropic = opentelemetry.instrumentation.anthropic:AnthropicInstrumentor\n"
        )
        folder = distribution(tmp_path, "opentelemetry-instrumentation-anthropic", "0.62.4", points)
        seen = doctor(**over_http(http_receiver), PYTHONPATH=folder)
        assert "opentelemetry-instrumentation-anthropic 0.62.4 instruments anthropic too" in seen.what(
            "warning", "others"
        )
        assert seen.commands("others")[0] == "export OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=anthropic"

    def test_sdk_tracing_configured(self, http_receiver: str) -> None:
        """The span is the SDK's then, and the trial call shows it."""
        name = "ANTHROPIC_OPEN_TELEMETRY_TRACE_CONTEXT_PROPAGATION"
        seen = doctor(**over_http(http_receiver), **{name: "false"})
        assert name in seen.what("warning", "sdk tracing")
        assert seen.commands("sdk tracing") == [f"unset {name}", "export CLAUDE_OTEL_SPANS=own"]
        assert "its span is made by com.anthropic.sdk.python" in seen.what("ok", "trial call")

    def test_unpriced_model_of_the_file(self, http_receiver: str, tmp_path: Path) -> None:
        """A model that a surface names."""
        file = tmp_path / "claude-otel.yaml"
        file.write_text("surfaces: {chat: {model: claude-nova-9}, report: {models: [claude-haiku-4-5]}}\n")
        seen = doctor("--config", str(file), **over_http(http_receiver))
        assert seen.code == 1
        assert "no price for claude-nova-9" in seen.what("error", "models")
        assert "claude-nova-9" in seen.commands("models")[1]

    def test_no_distro(self, http_receiver: str, tmp_path: Path) -> None:
        """In a virtual environment that has all that this one has, by links, save opentelemetry-distro."""
        python = without_distro(tmp_path)
        env = environment(**over_http(http_receiver))
        run = [str(python), *command("doctor", "--json")[1:]]
        seen = Examined(subprocess.run(run, env=env, capture_output=True, text=True, timeout=60, check=False))
        assert seen.code == 1
        assert "no OpenTelemetry distro is installed" in seen.what("error", "distro")
        assert f"{python} -m pip install 'opentelemetry-distro==" in seen.commands("distro")[0]
        assert "no span and no metric and no event of it was exported" in seen.what("error", "trial call")


def without_distro(folder: Path) -> Path:
    """The Python of an environment with links to every package of this one but opentelemetry-distro."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--symlinks", str(folder / "venv")], check=True)
    here = Path(sysconfig.get_paths()["purelib"])
    there = folder / "venv" / here.relative_to(sys.prefix)
    (there / "opentelemetry").mkdir()
    for item in [*here.iterdir(), *(here / "opentelemetry").iterdir()]:
        target = there / item.relative_to(here)
        if not target.exists() and not item.name.startswith(("opentelemetry_distro", "distro")):
            target.symlink_to(item)
    return folder / "venv" / "bin" / "python"


class TestConfiguration:
    """Variables and file."""

    def test_mistakes_are_told_as_the_application_would_log_them(self, http_receiver: str, tmp_path: Path) -> None:
        """All of them at once, and a misspelled name."""
        file = tmp_path / "claude-otel.yaml"
        file.write_text("surfaces: [1]\nprices: {discount: 200}\n")
        env = {"CLAUDE_OTEL_SPANS": "mine", "CLAUDE_OTEL_CONFIG": str(file), "CLAUDE_OTEL_LOG": "off"}
        ended = claude_otel("doctor", **over_http(http_receiver), **env)
        assert ended.returncode == 1
        said = " ".join(ended.stdout.split())
        assert "CLAUDE_OTEL_SPANS='mine' is not one of auto, own, native, off" in said
        assert "surfaces" in said
        assert "prices" in said
        assert "Did you mean CLAUDE_OTEL_LOGS?" in said

    def test_no_secret_is_shown(self, dead_endpoint: str) -> None:
        """Neither values of headers, nor keys, nor passwords in an endpoint."""
        env = {
            "ANTHROPIC_API_KEY": SECRET,
            "ANTHROPIC_OPEN_TELEMETRY_X": SECRET,
            "CLAUDE_OTEL_USER_HASH_KEY": SECRET,
            "OTEL_EXPORTER_OTLP_HEADERS": f"authorization={SECRET},x-key: {SECRET}",
            "OTEL_EXPORTER_OTLP_ENDPOINT": dead_endpoint.replace("//", f"//user:{SECRET}@") + f"?key={SECRET}",
        }
        for arguments in ([], ["--json"]):
            ended = claude_otel("doctor", *arguments, **env)
            assert "OTEL_EXPORTER_OTLP_HEADERS has an entry that is not name=value" in " ".join(ended.stdout.split())
            assert "nobody listens" in " ".join(ended.stdout.split())
            assert SECRET not in ended.stdout + ended.stderr


CHATS = """
import sys, anthropic
{before}
client = anthropic.Anthropic()
for model in sys.argv[1:]:
    client.messages.create(model=model, max_tokens=9, messages=[{{"role": "user", "content": "Hello"}}])
print("mine")
sys.exit(3)
"""


def chats(folder: Path, before: str = "") -> str:
    """A program that makes a call for each of its arguments, prints a line and fails."""
    file = folder / "app.py"
    file.write_text(CHATS.format(before=before))
    return str(file)


@pytest.fixture
def api() -> Iterator[dict[str, str]]:
    """The variables that lead to a fake API."""
    with FakeAPI() as running:
        yield running.environment


class TestProgram:
    """A program is looked at."""

    def test_calls_surfaces_and_unpriced_models(self, http_receiver: str, api: dict[str, str], tmp_path: Path) -> None:
        """And its own exit code is shown."""
        program = ["python", chats(tmp_path), "claude-haiku-4-5", "claude-nova-9"]
        seen = doctor("--", *program, **over_http(http_receiver), **api)
        assert seen.code == 1
        assert "claude-nova-9 (1 call of the program)" in seen.what("error", "models")
        assert seen.all("warning") == {"program": "it ended with exit code 3"}
        told = seen.document["program"]
        assert (told["exit_code"], told["calls"], told["spans"], told["surfaces"]) == (3, 2, 2, ["app:<module>"])
        assert told["unpriced"] == {"claude-nova-9": 1}

    def test_for_people(self, http_receiver: str, api: dict[str, str], tmp_path: Path) -> None:
        """It says that the telemetry goes to doctor meanwhile."""
        ended = claude_otel("doctor", "python", chats(tmp_path), "claude-haiku-4-5", **over_http(http_receiver), **api)
        assert "its telemetry goes to doctor, not to your endpoint" in ended.stdout
        assert "mine" in ended.stdout.splitlines()
        assert "calls: 1 call, <$0.0001, 1 span with tokens" in " ".join(ended.stdout.split())

    def test_a_provider_of_its_own(self, http_receiver: str, api: dict[str, str], tmp_path: Path) -> None:
        """Set after that of opentelemetry-instrument, so without effect: the place is named."""
        before = (
            "from opentelemetry import trace; from opentelemetry.sdk.trace import TracerProvider\n"
            "trace.set_tracer_provider(TracerProvider())"
        )
        seen = doctor("python", chats(tmp_path, before), "claude-haiku-4-5", **over_http(http_receiver), **api)
        assert f"{tmp_path / 'app.py'}:4 calls set_tracer_provider" in seen.what("warning", "own provider")
        assert seen.document["program"]["calls"] == 1

    def test_two_spans_with_tokens(self, http_receiver: str, api: dict[str, str], tmp_path: Path) -> None:
        """Somebody else makes one around ours."""
        before = (
            "from opentelemetry import trace\n"
            "span = trace.get_tracer('theirs').start_span('chat', attributes={'gen_ai.usage.input_tokens': 9})\n"
            "token = trace.use_span(span, end_on_exit=True); token.__enter__()\n"
            "import atexit; atexit.register(span.end)"
        )
        seen = doctor("python", chats(tmp_path, before), "claude-haiku-4-5", **over_http(http_receiver), **api)
        assert "(by claude_otel, theirs)" in seen.what("error", "spans")

    def test_no_call(self, http_receiver: str) -> None:
        """It was instrumented, and made none."""
        seen = doctor("python", "-c", "pass", **over_http(http_receiver))
        assert "no call to Claude" in seen.what("error", "calls")

    def test_no_such_program(self) -> None:
        """Nothing is looked at."""
        ended = claude_otel("doctor", "--json", "--", "nonesuch")
        assert (ended.returncode, ended.stdout) == (127, "")
        assert "there is no such program on PATH" in ended.stderr


def test_it_takes_less_than_ten_seconds_where_nobody_answers() -> None:
    """A server that never says anything is given up; an overloaded machine has longer for the trial call."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)  # accepts, and never says anything
        began = time.monotonic()
        seen = doctor(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert "no answer within 2 s" in seen.what("error", "endpoint")
    assert time.monotonic() - began < 2 + seconds()
