"""The Compose files and what Grafana is provisioned with: safe by what they say, and true to the generated files."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

from claude_otel.monitoring import compose, generated
from claude_otel.monitoring.config import Config
from claude_otel.monitoring.config_file import read
from claude_otel.stack import components
from claude_otel.stack.ports import DEFAULTS

RECEIVERS = """\
notify:
  receivers:
    oncall: {pagerduty: {routing_key_file: /etc/keys/pagerduty $1}}
    team: {webhook: {url: "https://example.com/x", token_file: /etc/keys/token}, slack: {webhook_url_file: /etc/keys/s}}
    again: {webhook: {url_file: /etc/keys/s}}
  default: team
  watchdog: {webhook: {url_file: /etc/keys/watchdog}}
"""
GENERATED = generated.files(Config())
FILES = {path: text for path, text in GENERATED.items() if PurePosixPath(path).name.startswith("compose")}


def parsed(path: str) -> dict[str, Any]:
    """A generated file."""
    return dict(yaml.safe_load(GENERATED[f"stack/{path}"]))


def services() -> dict[str, dict[str, Any]]:
    """Every service by the file that describes it in full."""
    every = [item for text in FILES.values() for item in yaml.safe_load(text)["services"].items()]
    return {name: service for name, service in every if "image" in service}


LONG_LIVED = {name: service for name, service in services().items() if name != "collector-volume"}


def test_services() -> None:
    """Those that the stack is made of, and one that ends at once."""
    assert set(LONG_LIVED) == set(compose.IMAGES) == set(compose.USERS) == set(compose.MEMORY) == set(compose.HEALTH)
    assert set(services()) - set(LONG_LIVED) == {"collector-volume"}


@pytest.mark.parametrize("name", LONG_LIVED)
def test_service_is_bounded(name: str) -> None:
    """No root, no rights, nothing but its volume is written, memory and log have an end."""
    service = LONG_LIVED[name]
    assert not service["user"].startswith("0")
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"\$\{CLAUDE_OTEL_MEMORY_[A-Z]+:-\d+[mg]\}", service["mem_limit"])
    assert service["logging"] == {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}
    assert service["restart"] == "unless-stopped"
    written = [mount for mount in service["volumes"] if not mount.endswith(":ro")]
    assert len(written) <= 1
    assert all(mount.split(":")[0] == name for mount in written)


def test_only_one_program_is_root_and_it_may_do_one_thing() -> None:
    helper = services()["collector-volume"]
    assert helper["user"] == "0:0"
    assert (helper["cap_drop"], helper["cap_add"], helper["network_mode"]) == (["ALL"], ["CHOWN"], "none")
    assert helper["entrypoint"] == ["/bin/chown", compose.USERS["collector"], compose.COLLECTOR_DATA]


def test_ports_are_published_on_loopback() -> None:
    """Each at the number that the native stack uses, unless the environment says another."""
    found = [port for service in LONG_LIVED.values() for port in service["ports"]]
    assert sorted(found) == sorted(
        f"127.0.0.1:${{{compose.port_variable(name)}:-{inside}}}:{inside}"
        for name, (_, inside) in compose.PUBLISHED.items()
    )
    for name, (_, inside) in compose.PUBLISHED.items():
        assert DEFAULTS.get(name, inside) == inside


def test_versions_are_those_that_were_run() -> None:
    """An image is the version of the native stack's program; no tag moves."""
    for name, image in compose.IMAGES.items():
        tag = image.rpartition(":")[2].removeprefix("v")
        assert re.fullmatch(r"\d+\.\d+\.\d+", tag), image
        if name in components.COMPONENTS and not components.COMPONENTS[name].optional:
            assert tag == components.COMPONENTS[name].version
    assert compose.IMAGES["grafana"].endswith(f":{components.COMPONENTS['grafana'].version}")


def test_mounted_files_are_generated() -> None:
    """Compose would make a directory in the place of a file that is not there."""
    for path in FILES:
        for name, service in yaml.safe_load(FILES[path])["services"].items():
            for mount in service.get("volumes", []):
                source = mount.split(":")[0]
                if source.startswith("."):
                    where = str(PurePosixPath("stack", source)).replace("stack/../", "")
                    there = [each for each in GENERATED if each == where or each.startswith(f"{where}/")]
                    assert there, f"{path}: {name}: {source}"


def test_configuration_of_a_program_is_mounted() -> None:
    """What a command names is below one of the service's mounts."""
    for name, service in LONG_LIVED.items():
        targets = [mount.split(":")[1] for mount in service["volumes"]]
        for argument in service.get("command", []):
            file = re.search(rf"{compose.FILES}/\S+", argument)
            if file:
                assert any(file[0] == each or file[0].startswith(f"{each}/") for each in targets), f"{name}: {argument}"


@pytest.mark.parametrize(
    ("added", "traces", "calls"),
    [
        ([], ["file/traces"], ["file/calls"]),
        (["tempo"], ["file/traces", "otlp_grpc/tempo"], ["file/calls"]),
        (["loki"], ["file/traces"], ["file/calls", "otlp_http/loki"]),
        (["tempo", "loki"], ["file/traces", "otlp_grpc/tempo"], ["file/calls", "otlp_http/loki"]),
    ],
)
def test_collector_sends_to_what_there_is(added: list[str], traces: list[str], calls: list[str]) -> None:
    """Its files in their order, as the mounts give them: a later list takes the place of an earlier one."""
    mounts: dict[str, str] = {}
    for path in ("compose.yaml", *(f"compose-{name}.yaml" for name in added)):
        for mount in parsed(path)["services"]["collector"]["volumes"]:
            mounts[mount.split(":")[1]] = mount.split(":")[0]
    files = [argument.removeprefix("--config=") for argument in services()["collector"]["command"]]
    pipelines: dict[str, list[str]] = {}
    exporters: set[str] = set()
    for file in files:
        told = parsed(mounts[file].removeprefix("./"))
        pipelines |= {name: each["exporters"] for name, each in told["service"]["pipelines"].items()}
        exporters |= set(told["exporters"])
    assert pipelines["traces"] == traces
    assert pipelines["logs/calls"] == calls
    assert {name for each in pipelines.values() for name in each} == exporters


def test_no_password_is_in_the_files() -> None:
    """Grafana's is read from a file, and nobody looks without one unless the switch is turned."""
    environment = services()["grafana"]["environment"]
    assert environment["GF_SECURITY_ADMIN_PASSWORD"] == "$$__file{/run/secrets/grafana-admin}"
    assert environment["GF_AUTH_ANONYMOUS_ENABLED"] == "${CLAUDE_OTEL_GRAFANA_ANONYMOUS:-false}"
    assert environment["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    assert "grafana-admin" in services()["grafana"]["secrets"]


def test_secrets_of_receivers_are_where_alertmanager_looks_for_them() -> None:
    """Each file once, at its own path, with its dollar sign kept from Compose."""
    found = yaml.safe_load(compose.compose_yml(read(RECEIVERS).config))
    mounted = {each["target"]: each["source"] for each in found["services"]["alertmanager"]["secrets"]}
    paths = {"/etc/keys/pagerduty $$1", "/etc/keys/token", "/etc/keys/s", "/etc/keys/watchdog"}
    assert set(mounted) == {*paths, "/run/secrets/notification-log.url"}
    assert {path: found["secrets"][mounted[path]]["file"] for path in paths} == {path: path for path in paths}
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9-]*", name) for name in mounted.values())


def test_retention_is_that_of_the_file() -> None:
    files = generated.files(read("retention_days: 90\n").config)
    assert "time: 90d" in files["stack/prometheus.yml"]
    assert yaml.safe_load(files["stack/loki.yaml"])["limits_config"]["retention_period"] == f"{90 * 24}h"


def test_datasources() -> None:
    """Each has the uid that dashboards and links name."""
    found = {
        source["uid"]: source
        for path in ("grafana/datasources/claude-otel.yaml", "grafana/datasources/tempo.yaml", "grafana/loki.yaml")
        for source in parsed(path)["datasources"]
    }
    assert list(found) == ["prometheus", "alertmanager", "tempo", "loki"]
    assert [uid for uid, source in found.items() if source.get("isDefault")] == ["prometheus"]
    prometheus, tempo = found["prometheus"]["jsonData"], found["tempo"]["jsonData"]
    assert prometheus["timeInterval"] == "60s"
    assert prometheus["exemplarTraceIdDestinations"][0]["datasourceUid"] == "tempo"
    assert prometheus["alertmanagerUid"] == "alertmanager"
    assert tempo["tracesToMetrics"]["datasourceUid"] == "prometheus"
    assert found["loki"]["jsonData"]["derivedFields"][0]["datasourceUid"] == "tempo"


def test_variables_of_grafana_are_set() -> None:
    """Grafana puts nothing in the place of a variable that is not set, which would make an address of `http://`."""
    used = {
        name
        for path, text in GENERATED.items()
        if path.startswith("stack/grafana/")
        for name in re.findall(r"(?<!\$)\$([A-Z]\w+)", text)
    }
    given: set[str] = set()
    for path in FILES:
        given |= set(yaml.safe_load(FILES[path])["services"].get("grafana", {}).get("environment", {}))
    assert used
    assert used <= given


def test_images_in_the_document() -> None:
    """Each with its user, its memory and its volume."""
    page = (Path(__file__).parents[1] / "docs" / "stack.md").read_text()
    for name, image in compose.IMAGES.items():
        memory = compose.MEMORY[name].replace("m", " MB").replace("g", " GB")
        assert f"| `{image}` | {compose.USERS[name].split(':')[0]} | {memory} | `{name}` |" in page


def test_home_is_a_dashboard_that_there_is() -> None:
    home = services()["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home.removeprefix(f"{compose.FILES}/") in GENERATED


def test_calls_go_to_loki_and_still_to_their_file() -> None:
    pipelines = parsed("collector-loki.yaml")["service"]["pipelines"]
    assert pipelines == {"logs/calls": {"exporters": ["file/calls", "otlp_http/loki"]}}
    assert set(parsed("collector.yaml")["service"]["pipelines"]) >= set(pipelines)
