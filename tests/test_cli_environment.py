"""The environment that a program is run with."""

import os
import sys

import pytest

from claude_otel.cli.environment import FIXED, child_environment, service_name, site_directory

URL = "http://127.0.0.1:1"


def test_the_program_keeps_its_own_variables() -> None:
    """Only what the run needs is added."""
    env = child_environment({"HOME": "/h", "PATH": "/bin", "PYTHONPATH": "a:b", "OTEL_PROPAGATORS": "b3"}, URL, ["x"])
    assert env == {
        "HOME": "/h",
        "PATH": os.path.dirname(sys.executable) + ":/bin",
        "PYTHONPATH": f"{site_directory()}:a:b",
        "OTEL_PROPAGATORS": "b3",
        "OTEL_SERVICE_NAME": "x",
        "OTEL_EXPORTER_OTLP_ENDPOINT": URL,
        **FIXED,
    }


def test_settings_that_lead_elsewhere_are_overridden() -> None:
    """The user's Collector gets nothing of a run, and a switched-off SDK is on."""
    env = child_environment(
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317",
            "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://collector:4318/v1/logs",
            "OTEL_EXPORTER_OTLP_HEADERS": "authorization=secret",
            "OTEL_TRACES_EXPORTER": "none",
            "OTEL_SDK_DISABLED": "true",
            "CLAUDE_OTEL_LOGS": "off",
        },
        URL,
        ["x"],
    )
    exporters = {name: value for name, value in env.items() if name.startswith("OTEL_EXPORTER_OTLP")}
    assert exporters == {"OTEL_EXPORTER_OTLP_ENDPOINT": URL, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
    assert (env["OTEL_TRACES_EXPORTER"], env["CLAUDE_OTEL_LOGS"]) == ("otlp", "all")
    assert "OTEL_SDK_DISABLED" not in env


def test_a_proxy_does_not_get_the_telemetry() -> None:
    """Loopback is added to the hosts that are reached directly, only where there is a proxy."""
    env = child_environment({"https_proxy": "http://p", "HTTP_PROXY": "http://p", "no_proxy": "a"}, URL, ["x"])
    assert env["no_proxy"] == env["NO_PROXY"] == "a,127.0.0.1"
    assert "no_proxy" not in child_environment({}, URL, ["x"])


def test_a_service_that_has_a_name_keeps_it() -> None:
    """By either variable."""
    assert child_environment({"OTEL_SERVICE_NAME": "shop"}, URL, ["x"])["OTEL_SERVICE_NAME"] == "shop"
    env = child_environment({"OTEL_RESOURCE_ATTRIBUTES": "service.name=shop"}, URL, ["x"])
    assert "OTEL_SERVICE_NAME" not in env


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("python app.py", "app"),
        ("python3.12 -u src/app.py --x", "app"),
        ("/usr/bin/python -m shop.main", "shop.main"),
        ("gunicorn -w 2 shop:app", "gunicorn"),
        ("./serve.py", "serve"),
        ("python", "python"),
        ("python -m", "python"),
    ],
)
def test_the_service_is_named_after_the_program(command: str, name: str) -> None:
    """The script or module, else the program."""
    assert service_name(command.split()) == name
