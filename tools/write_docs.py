"""Writes the generated documents: `make docs`. With `--check`, fails when one of them is out of date."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from claude_otel import telemetry as t
from claude_otel.monitoring import json_schema, schema_walk
from claude_otel.monitoring.alert import AT_ONCE, Alert
from claude_otel.monitoring.alerts import all_alerts
from claude_otel.monitoring.config import Config

DOCS = Path(__file__).resolve().parent.parent / "docs"
HEAD = "<!-- Written by `make docs` from {source}. Do not edit. -->\n\n"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def prometheus_name(metric: t.Metric) -> str:
    """The name that Prometheus' OTLP receiver gives a metric.

    The rules are those of https://github.com/prometheus/otlptranslator with `UnderscoreEscapingWithSuffixes`: a unit
    in braces adds nothing, `s` becomes `seconds`, any other is appended as it is.
    """
    unit = {"s": "_seconds"}.get(metric.unit, "" if "{" in metric.unit else f"_{metric.unit}")
    total = "_total" if metric.kind == "counter" else ""
    return f"{metric.name.replace('.', '_')}{unit}{total}"


def metrics() -> str:
    """The table of metrics."""
    rows = [
        [
            f"`{metric.name}`<br>`{prometheus_name(metric)}`",
            f"{metric.kind}, `{metric.unit}`",
            ", ".join(f"`{name}`" for name in metric.attributes),
            metric.description,
        ]
        for metric in t.METRICS
    ]
    return table(["Metric, and its name in Prometheus", "Kind, unit", "Attributes", "What it says"], rows)


def edges() -> str:
    """The bucket edges of each histogram."""
    rows = [
        [f"`{metric.name}`", " ".join(f"{edge:g}" for edge in metric.edges)]
        for metric in t.METRICS
        if metric.kind == "histogram"
    ]
    return table(["Histogram", "Bucket edges in seconds; every budget of the configuration file is one more"], rows)


def attributes() -> str:
    """The table of attributes."""
    rows = [[f"`{each.name}`", each.type, ", ".join(each.on), each.description] for each in t.ATTRIBUTES]
    return table(["Attribute", "Type", "On", "What it says"], rows)


def telemetry() -> str:
    """docs/telemetry.md."""
    return (
        HEAD.format(source="src/claude_otel/telemetry.py")
        + f"""# All telemetry

Everything has the instrumentation scope `{t.SCOPE}`. A call has one span (`chat {{model}}`, kind CLIENT), one event
`{t.CALL_EVENT}`, one more `{t.ERROR_EVENT}` when it failed, and its share of the metrics. Resource attributes such as
`service.version`, `deployment.environment.name` and `rollout.stage` come from `OTEL_RESOURCE_ATTRIBUTES` and ride on
all of them.

## Metrics

{metrics()}
Values of attributes that an application chooses are capped: 50 surfaces, 100 call sites, 30 models, 20 agents; after
that a value is `other`. One instrument has at most 1,800 attribute sets.

{edges()}
## Attributes

{attributes()}"""
    )


def config_keys() -> str:
    """docs/claude-otel-yaml.md."""
    sections = [(path, schema) for path, schema in schema_walk.sections(schema_walk.whole(), "") if path]
    parts = "".join(f"## {path}\n\n{purpose(schema)}{keys(schema)}\n" for path, schema in sections)
    return (
        HEAD.format(source="src/claude_otel/monitoring/config.py")
        + f"""# Every key of claude-otel.yaml

All keys are optional, and an empty file is a good one. Times are in seconds, money is in USD, shares are in percent, as
numbers without a unit. `NAME` is a name of your choice, `[]` an entry of a list. How to check the file, also in an
editor, is in [configuration.md](configuration.md#claude-otelyaml).

{keys(schema_walk.whole())}
{parts}""".rstrip()
        + "\n"
    )


def purpose(schema: schema_walk.Schema) -> str:
    """What a section is for."""
    return f"{schema['description']}\n\n" if schema.get("description") else ""


def keys(schema: schema_walk.Schema) -> str:
    """The table of the keys of a section."""
    rows = [
        [f"`{name}`", kind(schema_walk.resolved(each)), default(name, each, schema), description(each)]
        for name, each in schema["properties"].items()
    ]
    return table(["Key", "Value", "Default", "What it says"], rows)


def kind(schema: schema_walk.Schema) -> str:
    """What may stand at a key."""
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    if schema.get("type") in ("number", "integer"):
        return schema_walk.wanted(schema)
    if schema.get("type") == "array":
        return f"a list: {kind(schema_walk.resolved(schema['items']))}"
    return {"boolean": "`true`, `false`", "string": "text"}.get(schema.get("type", ""), "keys")


def default(name: str, schema: schema_walk.Schema, section: schema_walk.Schema) -> str:
    """What holds when a key is left out."""
    if name in section.get("required", ()):
        return "must be given"
    value = schema.get("default")
    if value in (None, [], {}) or isinstance(value, dict) or schema_walk.resolved(schema).get("type") == "object":
        return ""
    return (
        f"`{str(value).lower()}`"
        if isinstance(value, bool)
        else f"`{value:g}`"
        if isinstance(value, float)
        else f"`{value}`"
    )


def description(schema: schema_walk.Schema) -> str:
    """What a key says; that of a section is below its own head."""
    resolved = schema_walk.resolved(schema)
    if resolved.get("type") == "object" and "properties" in resolved:
        resolved = {**resolved, **schema}
    return str(resolved.get("description", ""))


SEVERITIES = {
    "page": "wakes somebody: users are hurt, or money is lost, now",
    "ticket": "somebody looks at it on a working day",
    "info": "is on record",
}


def alerts() -> str:
    """docs/alerts.md."""
    made = all_alerts(Config())
    parts = []
    for severity, meaning in SEVERITIES.items():
        rows = [
            [f"[{each.name}](../alerts/runbooks/{each.runbook})", each.category, each.when, wait(each), each.why_for]
            for each in made
            if each.severity == severity
        ]
        heads = ["Alert and its runbook", "Category", "When", "For", "Why so long"]
        parts.append(f"## {severity}: {meaning}\n\n{table(heads, rows)}")
    return (
        HEAD.format(source="src/claude_otel/monitoring/alerts/")
        + """# Alerts

Every threshold here is the default of its key in [claude-otel.yaml](claude-otel-yaml.md); `claude-otel generate`
writes the rules anew from yours. Budgets, targets and latencies of surfaces have no defaults that fit everybody:
without them the alerts on them stay silent. Windows read [the ledger](ledger.md), so that restarts, short scripts and
late samples change no number. Each threshold, comparison and wait is held by a test in alerts/tests/:
`make test-mutants` changes each in turn and sees a test fail.

"""
        + "\n".join(parts)
    )


def wait(alert: Alert) -> str:
    """How long an alert waits, and how long it goes on after its cause has ended."""
    kept = f", goes on for {alert.keep_firing_for}" if alert.keep_firing_for else ""
    return ("at once" if alert.for_ == AT_ONCE else alert.for_) + kept


WRITERS = {
    "telemetry.md": telemetry,
    "claude-otel-yaml.md": config_keys,
    "alerts.md": alerts,
    "claude-otel.schema.json": json_schema.text,
}


def main(arguments: Sequence[str]) -> int:
    """Writes or checks every generated document."""
    stale = [name for name, write in WRITERS.items() if not up_to_date(DOCS / name, write())]
    if "--check" in arguments:
        for name in stale:
            sys.stderr.write(f"docs/{name} is out of date: run `make docs` and commit the result\n")
        return 1 if stale else 0
    for name in stale:
        (DOCS / name).write_text(WRITERS[name](), encoding="utf-8")
        sys.stdout.write(f"wrote docs/{name}\n")
    return 0


def up_to_date(path: Path, text: str) -> bool:
    """Whether the file at `path` has this text."""
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
