"""What a cluster is given holds the very rules and dashboards that are shipped."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath

import yaml

from claude_otel.monitoring import generated, kubernetes, prometheus
from claude_otel.monitoring.config import Config
from claude_otel.monitoring.config_file import load
from cli_child import claude_otel

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = generated.files(Config())
MANIFESTS = kubernetes.manifests(Config(), SHIPPED)


def test_rules_equal_the_shipped_ones() -> None:
    """Every file in the repository, and nothing else."""
    for path in (ROOT / "alerts" / "rules").glob("*.yml"):
        made = yaml.safe_load(MANIFESTS[f"manifests/{path.stem}-rules.yaml"])
        assert (made["apiVersion"], made["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
        assert made["metadata"]["labels"]["release"] == "kube-prometheus-stack"
        assert made["spec"] == yaml.safe_load(SHIPPED[f"alerts/rules/{path.name}"]), path.name
    rules = [name for name in MANIFESTS if name.endswith("-rules.yaml")]
    assert len(rules) == len([path for path in SHIPPED if path.startswith("alerts/rules/")]) > 0


def test_dashboards_equal_the_shipped_ones() -> None:
    """Each is one ConfigMap, small enough for `kubectl apply`, which keeps a copy of it in an annotation."""
    boards = {PurePosixPath(path): text for path, text in SHIPPED.items() if path.startswith("dashboards/")}
    assert boards
    for path, text in boards.items():
        made = yaml.safe_load(MANIFESTS[f"manifests/{path.stem}-dashboard.yaml"])
        assert made["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert json.loads(made["data"][path.name]) == json.loads(text)
        assert len(json.dumps(made)) < 262_144


def test_names_are_those_of_kubernetes() -> None:
    """Lower case, and each once."""
    documents = [yaml.safe_load(text) for name, text in MANIFESTS.items() if name != kubernetes.VALUES]
    names = [(each["kind"], each["metadata"]["name"]) for each in documents]
    assert len(set(names)) == len(names)
    assert all(name.replace("-", "").isalnum() and name == name.lower() for _, name in names)


def test_prometheus_of_the_chart_is_told_what_ours_is() -> None:
    """Its names in the operator's resource, the values of the stack's own file."""
    ours = yaml.safe_load(SHIPPED["stack/prometheus.yml"])
    spec = yaml.safe_load(MANIFESTS[kubernetes.VALUES])["prometheus"]["prometheusSpec"]
    assert spec["otlp"] == {
        "translationStrategy": ours["otlp"]["translation_strategy"],
        "keepIdentifyingResourceAttributes": ours["otlp"]["keep_identifying_resource_attributes"],
        "promoteResourceAttributes": ours["otlp"]["promote_resource_attributes"],
    }
    assert spec["tsdb"]["outOfOrderTimeWindow"] == ours["storage"]["tsdb"]["out_of_order_time_window"]
    assert spec["retention"] == ours["storage"]["tsdb"]["retention"]["time"]
    assert spec["enableOTLPReceiver"] is ("--web.enable-otlp-receiver" in prometheus.FLAGS)
    assert [f"--enable-feature={name}" for name in spec["enableFeatures"]] == list(prometheus.FLAGS[1:])


def test_generate_kubernetes(tmp_path: Path) -> None:
    """As a command: what it writes is headed, checked, and follows the user's file."""
    example = str(ROOT / "examples" / "claude-otel.yaml")
    options = ["--kubernetes", "--release", "monitoring", "--config", example, "--out", str(tmp_path)]
    done = claude_otel("generate", *options)
    assert done.returncode == 0, done.stderr
    wanted = kubernetes.manifests(load(Path(example)).config, generated.files(load(Path(example)).config), "monitoring")
    assert {str(file.relative_to(tmp_path)): file.read_text() for file in tmp_path.rglob("*.yaml")} == {
        name: generated.headed(text) for name, text in wanted.items()
    }
    assert claude_otel("generate", "--check", *options).returncode == 0
    (tmp_path / "manifests" / "claude-alerts-rules.yaml").write_text("by: hand\n")
    changed = claude_otel("generate", "--check", *options)
    assert changed.returncode == 1
    assert f"Run `claude-otel generate --kubernetes --config {example}`" in changed.stderr
