"""The checks of `claude-otel doctor` that need no process: how variables are resolved, how old prices are."""

from __future__ import annotations

from datetime import date

import pytest

from claude_otel.cli.checks.endpoints import files, finding
from claude_otel.cli.checks.exporters import Target, bad_endpoint, interval, targets, wrong
from claude_otel.cli.checks.finding import guarded, without_secrets
from claude_otel.cli.checks.installed import distro
from claude_otel.cli.checks.neighbours import sdk_tracing
from claude_otel.cli.checks.priced import age
from claude_otel.cli.checks.probe import Reach, over_tls
from claude_otel.cli.checks.traces import Span, doubled

BASE = "OTEL_EXPORTER_OTLP"


def endpoints(env: dict[str, str]) -> dict[str, str | None]:
    """The endpoint of each signal."""
    return {each.signal: each.endpoint for each in targets(env)}


class TestExporters:
    """Exporters and endpoints as the distro and the SDK resolve them."""

    def test_the_defaults_are_grpc_on_4317(self) -> None:
        """Of the distro."""
        assert {(each.protocol, each.endpoint) for each in targets({})} == {("grpc", "http://localhost:4317")}

    def test_without_a_distro_nothing_is_exported_by_default(self) -> None:
        """The SDK's own default is no exporter."""
        assert targets({}, distro=False) == []

    def test_http_adds_a_path_to_the_common_endpoint_only(self) -> None:
        """A signal's own endpoint is taken as it is."""
        env = {f"{BASE}_PROTOCOL": "http/protobuf", f"{BASE}_LOGS_ENDPOINT": "http://c:1/logs"}
        found = {
            "traces": "http://localhost:4318/v1/traces",
            "metrics": "http://localhost:4318/v1/metrics",
            "logs": "http://c:1/logs",
        }
        assert endpoints(env) == found
        assert endpoints({**env, f"{BASE}_ENDPOINT": "http://b:2/otlp/"})["traces"] == "http://b:2/otlp/v1/traces"

    def test_a_protocol_by_signal_and_by_name(self) -> None:
        """The signal's own variable wins, and an exporter's name over both."""
        env = {f"{BASE}_TRACES_PROTOCOL": "http/protobuf", "OTEL_LOGS_EXPORTER": "otlp_proto_http, console"}
        found = [(each.signal, each.exporter, each.protocol) for each in targets(env)]
        assert found == [
            ("traces", "otlp", "http/protobuf"),
            ("metrics", "otlp", "grpc"),
            ("logs", "otlp_proto_http", "http/protobuf"),
            ("logs", "console", ""),
        ]

    @pytest.mark.parametrize(
        ("env", "said"),
        [
            ({f"{BASE}_PROTOCOL": "http/json"}, "'http/json' is not one of grpc, http/protobuf"),
            ({"OTEL_TRACES_EXPORTER": "jaeger"}, "'jaeger' is not installed"),
            ({f"{BASE}_ENDPOINT": "localhost:4317"}, "is not a URL"),
            ({f"{BASE}_ENDPOINT": "http://localhost:what"}, "is not a URL"),
        ],
    )
    def test_what_cannot_be_set_up(self, env: dict[str, str], said: str) -> None:
        """One value at fault keeps all telemetry off."""
        mistake = wrong(targets(env)[0])
        assert mistake
        assert (mistake.level, said in mistake.what) == ("error", True)

    def test_an_endpoint_without_a_scheme_is_given_one(self) -> None:
        """As a line to copy."""
        (finding,) = filter(None, [bad_endpoint(targets({f"{BASE}_ENDPOINT": "collector:4317"})[0])])
        assert finding.commands == (f"export {BASE}_ENDPOINT=http://collector:4317",)

    def test_a_certificate_that_is_not_there(self) -> None:
        """By the variable's name."""
        env = {f"{BASE}_CERTIFICATE": "/none/ca.pem"}
        (finding,) = files(targets(env), env)
        assert finding.commands == (f"unset {BASE}_CERTIFICATE",)

    @pytest.mark.parametrize(
        ("how", "command"),
        [
            ("tls", f"export {BASE}_ENDPOINT=http://c:1/otlp"),
            ("refused", f"export {BASE}_ENDPOINT=https://HOST:4318"),
            ("denied", f'export {BASE}_HEADERS="authorization=Bearer%20$TOKEN"'),
            ("not_found", "export OTEL_TRACES_EXPORTER=none"),
            ("rejected", f"export {BASE}_ENDPOINT=https://c:4318"),
            ("broken", f"export {BASE}_ENDPOINT=https://c:4318"),
        ],
    )
    def test_each_outcome_of_a_probe_has_a_remedy(self, how: Reach, command: str) -> None:
        """A line that can be copied, in the form that its variable wants."""
        env = {f"{BASE}_ENDPOINT": "https://c:1/otlp", f"{BASE}_PROTOCOL": "http/protobuf"}
        assert command in finding([targets(env)[0]], how, env).commands

    def test_grpc_uses_tls_by_scheme_unless_a_variable_says_so(self) -> None:
        """`OTEL_EXPORTER_OTLP_INSECURE` counts for http:// only."""
        plain, secure = (Target("traces", "otlp", "grpc", f"{scheme}://c:1") for scheme in ("http", "https"))
        assert [over_tls(plain, {}), over_tls(secure, {f"{BASE}_INSECURE": "true"})] == [False, True]
        assert over_tls(plain, {f"{BASE}_INSECURE": "false"})

    @pytest.mark.parametrize(
        ("value", "level"),
        [("", "warning"), ("5000", "ok"), ("soon", "warning"), ("0", "error"), ("300000", "warning")],
    )
    def test_metric_interval(self, value: str, level: str) -> None:
        """As the SDK takes it: what is no number is the default, what is not positive stops everything."""
        assert [finding.level for finding in interval({"OTEL_METRIC_EXPORT_INTERVAL": value})] == [level]


def test_old_prices() -> None:
    """After sixty days, with what to do."""
    assert age(date(2026, 9, 22), date(2026, 11, 21))[0].level == "ok"
    (old,) = age(date(2026, 9, 21), date(2026, 11, 21))
    assert (old.level, old.commands) == ("warning", ("pip install --upgrade claude-otel",))


def test_a_distro_that_is_named_and_not_there() -> None:
    """The variable is at fault."""
    (finding, _) = distro({"OTEL_PYTHON_DISTRO": "aws_distro"})
    assert (finding.level, finding.commands) == ("error", ("unset OTEL_PYTHON_DISTRO",))


def test_the_sdks_tracing_is_no_warning_when_the_user_said_whose_span_it_is() -> None:
    """Both are set on purpose."""
    env = {"ANTHROPIC_OPEN_TELEMETRY_X": "1", "CLAUDE_OTEL_SPANS": "own"}
    assert [finding.level for finding in sdk_tracing(env)] == ["ok"]


def span(number: int, parent: int = 0, **attributes: object) -> Span:
    """A span with this id; dots of attributes are written as `__`."""
    told = {name.replace("__", "."): value for name, value in attributes.items()}
    return Span("scope", "chat", bytes([number]), bytes([parent]), told, automatic=True)


def test_tokens_told_twice() -> None:
    """By a parent, or of the same message; an agent's span sums up those of its calls."""
    one = span(1, gen_ai__usage__input_tokens=1, gen_ai__response__id="msg_1")
    assert doubled([one, span(2, 1, llm__token_count__prompt=1)]) == 1
    assert doubled([one, span(2, 7, gen_ai__usage__input_tokens=1, gen_ai__response__id="msg_1")]) == 1
    assert doubled([one, span(2, 7, gen_ai__usage__input_tokens=1, gen_ai__response__id="msg_2")]) == 0
    assert doubled([span(9, gen_ai__operation__name="invoke_agent", gen_ai__usage__input_tokens=2), one]) == 0


def test_secrets_of_an_endpoint_are_left_out() -> None:
    """User, password, query and fragment."""
    assert without_secrets("https://user:pass@host:1/path?key=secret#part") == "https://host:1/path"


def test_a_check_that_fails_is_a_finding() -> None:
    """And its message, which may quote a secret, is not shown."""

    def look() -> list[object]:
        raise ValueError("sk-ant-secret")

    (finding,) = guarded("prices", look)  # type: ignore[arg-type]
    assert (finding.level, "secret" in finding.what) == ("warning", False)
