"""What tells: the instrumentation, the Collector, the rules, the notifications."""

from __future__ import annotations

from claude_otel.monitoring import durations
from claude_otel.monitoring import metric_names as m
from claude_otel.monitoring.alert import AT_ONCE, Alert, of, percent
from claude_otel.monitoring.config import Config
from claude_otel.monitoring.promql import number
from claude_otel.monitoring.zone import DAY, TABLE_END

REPORTING = "job_instance:claude_reporting_series:count"

STALE_SECONDS = 300
"""How long Prometheus still shows a series that is not sent any more."""

SIGNALS = {"metric_points": "metrics", "spans": "traces", "log_records": "logs"}
LOSSES = {
    "otelcol_exporter_send_failed": "could not be sent",
    "otelcol_exporter_enqueue_failed": "found the queue full",
    "otelcol_receiver_refused": "were refused at the door",
}


def alerts(config: Config) -> list[Alert]:
    """The alerts on the pipeline, and the Watchdog."""
    return [
        absent(config), instrumentation(), no_bucket(), zone_table(config), queue(config), dropping(), rules(),
        notifications(), watchdog(),
    ]  # fmt: skip


def absent(config: Config) -> Alert:
    limits = config.limits.telemetry_absent
    samples = max(round(limits.lived_seconds / 60), 1)
    window = durations.of_seconds(limits.lived_seconds + 3600)
    wait = max(limits.silent_seconds - STALE_SECONDS, 60)
    return Alert(
        "ClaudeTelemetryAbsent", "page", "pipeline",
        f"""\
sum by ({m.JOB}) (
  group by ({", ".join(m.INSTANCE)}) ((count_over_time({REPORTING}[{window}]) >= {samples}) unless {REPORTING})
  or
  -group by ({", ".join(m.INSTANCE)}) ({REPORTING} unless last_over_time({REPORTING}[10m] offset 75m))
) > 0""",
        durations.of_seconds(wait),
        "With the 5 minutes for which Prometheus still shows what is gone, this is `silent_seconds`: longer than a "
        "rolling deploy leaves a gap.",
        f'{of(m.JOB)}: {{{{ printf "%.0f" $value }}}} processes fell silent and were not replaced',
        "They had reported for long enough to be a service and no script. Either they are gone, or their telemetry is: "
        "then errors and money are not counted. It resolves an hour later, since it cannot tell a scale-down.",
        f"processes of a service that reported for {number(limits.lived_seconds)} s, no batch work, are silent for "
        f"{number(limits.silent_seconds)} s, and fewer new ones have come within 75 min",
        dashboard="claude-pipeline",
    )  # fmt: skip


def instrumentation() -> Alert:
    return Alert(
        "ClaudeInstrumentationErrors", "ticket", "pipeline",
        f"sum by ({m.JOB}, {m.COMPONENT}) (job_component:claude_instrumentation_errors:increase1h) > 0",
        AT_ONCE, "Each of them is a call that is recorded wrongly or in part.",
        f'claude-otel failed {{{{ printf "%.0f" $value }}}} times in the last hour in {of(m.JOB)}, in its part {of(m.COMPONENT)}',
        "The application did not notice. Its log at level debug has the traceback; please report it.",
        "any failure of the instrumentation itself in 1 h",
        dashboard="claude-pipeline", keep_firing_for="1h",
    )  # fmt: skip


def no_bucket() -> Alert:
    return Alert(
        "ClaudeBudgetHasNoBucket", "ticket", "pipeline",
        f"sum by ({m.JOB}, {m.SURFACE}, budget) (job_surface_budget:claude_instances_without_bucket:count) > 0",
        "30m", "Longer than a rolling deploy in which old processes still run with the old file.",
        f'{of(m.JOB)}: {{{{ printf "%.0f" $value }}}} processes do not measure the budget {of("budget")} of {of(m.SURFACE)}',
        "Their histogram has no edge at the budget, so the share of calls within it leaves them out. They run without "
        "CLAUDE_OTEL_CONFIG, or with another file.",
        "processes whose histogram has no edge at a latency budget of the file",
        dashboard="claude-latency",
    )  # fmt: skip


def zone_table(config: Config) -> Alert:
    days = config.limits.zone_table_days
    return Alert(
        "ClaudeZoneTableEnds", "ticket", "pipeline",
        f"({TABLE_END} - time()) / {DAY} < {days}",
        "1h", "A date does not hurry.",
        'In {{ printf "%.0f" $value }} days the table of clock changes ends: days and months of money may then be an hour off',
        "Upgrade claude-otel and run `claude-otel generate`: a newer version has the next years.",
        f"the generated clock changes of `time_zone` end within {days} days (never in UTC)",
        dashboard="claude-cost",
    )  # fmt: skip


def queue(config: Config) -> Alert:
    limit = config.limits.collector_queue
    return Alert(
        "ClaudeCollectorQueueGrowing", "ticket", "pipeline",
        f"""\
max by (instance, exporter) (
  otelcol_exporter_queue_size{{job="collector"}} / otelcol_exporter_queue_capacity{{job="collector"}}
) > {number(limit / 100)}""",
        "5m", "A queue that fills while Prometheus restarts is empty again within a minute or two.",
        f"The Collector's queue of {of('exporter')} is {percent()} full",
        "What it exports to is down or too slow. Nothing is lost until the queue is full.",
        f"a queue of the Collector is over {number(limit)} % full",
        dashboard="claude-pipeline", keep_firing_for="5m",
    )  # fmt: skip


def dropping() -> Alert:
    parts = []
    for prefix, how in LOSSES.items():
        for suffix, signal in SIGNALS.items():
            series = f'{prefix}_{suffix}{{job="collector"}}'
            lost = f"sum by (instance) ({series} - ({series} offset 10m or {series} * 0)) > 0"
            parts.append(f'label_replace(label_replace({lost}, "signal", "{signal}", "", ""), "how", "{how}", "", "")')
    return Alert(
        "ClaudeCollectorDropping", "ticket", "pipeline",
        "\nor\n".join(parts),
        AT_ONCE, "What is dropped is gone: the count already spans 10 minutes.",
        f'The Collector dropped {of("signal")}: {{{{ printf "%.0f" $value }}}} in 10 minutes {of("how")}',
        "Metrics are cumulative, so totals come right with the next export of a living process; calls and traces are "
        "missing for good.",
        "the Collector failed to send, to queue or to accept anything in 10 min",
        dashboard="claude-pipeline", keep_firing_for="10m",
    )  # fmt: skip


def rules() -> Alert:
    return Alert(
        "ClaudeRuleEvaluationFailing", "ticket", "pipeline",
        """\
sum by (instance, rule_group) (
  increase(prometheus_rule_evaluation_failures_total{job="prometheus"}[5m])
  + increase(prometheus_rule_group_iterations_missed_total{job="prometheus"}[5m])
) > 0""",
        "5m", "As long as its window, so that one evaluation that a reload of the rules misses is no alert.",
        "Prometheus fails to evaluate the rules of {{ $labels.rule_group }}",
        "Alerts of the group may not fire, and the ledger does not count while it is not evaluated. The reason is on "
        "Prometheus' page Rules and in its log.",
        "a rule group failed or missed evaluations again and again",
        dashboard="claude-pipeline", keep_firing_for="10m",
    )  # fmt: skip


def notifications() -> Alert:
    return Alert(
        "ClaudeNotificationsFailing", "ticket", "pipeline",
        """\
label_replace(
  sum by (instance) (
    increase(prometheus_notifications_errors_total{job="prometheus"}[3m])
  ) > 0,
  "to", "Alertmanager", "", ""
)
or
label_replace(
  sum by (instance, integration) (
    increase(alertmanager_notifications_failed_total{job="alertmanager"}[10m])
  ) > 0,
  "to", "$1", "integration", "(.*)"
)""",
        "5m", "With its window longer than a restart of Alertmanager, in which Prometheus cannot reach it.",
        f'Notifications do not arrive: {{{{ printf "%.0f" $value }}}} to {of("to")} failed in the last minutes',
        "Pages may not reach anybody. Alertmanager's log says why; `amtool alert` shows what is firing.",
        "Prometheus cannot notify Alertmanager for 5 min, or Alertmanager gave up on a receiver in 10 min",
        dashboard="claude-pipeline", keep_firing_for="10m",
    )  # fmt: skip


def watchdog() -> Alert:
    return Alert(
        "Watchdog", "info", "watchdog",
        "vector(1)",
        AT_ONCE, "It fires always: whoever is told by it notices when it stops.",
        "The way from Prometheus to you works",
        "This alert always fires. A dead man's switch that no longer receives it raises the alarm.",
        "always",
    )  # fmt: skip
