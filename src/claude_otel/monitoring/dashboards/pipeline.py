"""The pipeline itself: whether what the other dashboards show can be believed."""

from __future__ import annotations

from claude_otel.monitoring import metric_names as m
from claude_otel.monitoring.alerts.pipeline import LOSSES, SIGNALS
from claude_otel.monitoring.config import Config
from claude_otel.monitoring.dashboards.panel import Board, Column, Panel, Query, Row, Word
from claude_otel.monitoring.dashboards.queries import follow, recorded
from claude_otel.monitoring.promql import by, number

REPORTING = "job_instance:claude_reporting_series:count"
COLLECTOR = 'job="collector"'
PROMETHEUS = 'job="prometheus"'
RAW = "claude_.+|gen_ai_client_.+"


def board(config: Config) -> Board:
    """The dashboard."""
    return Board(
        "claude-pipeline",
        "Claude: the pipeline",
        "Whether what the other dashboards show can be believed: programs, Collector, Prometheus, rules, notifications.",
        (
            Row(7, ((6, programs()), (6, services()), (4, processes()), (4, since()), (4, failures()))),
            Row(8, ((8, queues(config)), (8, flow()), (8, losses())), "Collector"),
            Row(8, ((6, ingestion()), (6, rules()), (6, series()), (6, notifications())), "Prometheus and Alertmanager"),
            Row(8, ((12, metrics()), (12, unmeasured())), "What it holds"),
        ),
    )  # fmt: skip


def programs() -> Panel:
    """Programs of the stack."""
    return Panel(
        "Programs of the stack", "table", (Query(by(("job", "instance"), 'up{job=~"collector|prometheus|alertmanager"}', "min")),),
        "Collector, Prometheus and Alertmanager, as Prometheus reaches them.",
        "All are up.", "`claude-otel stack status` says why one is down; what was sent to a Collector that is down is sent again.",
        columns=(Column("job", "Program"), Column("instance", "Address"), Column("A", "State", width=80)),
        words={"1": Word("up", "green"), "0": Word("down", "red")},
        nothing="Nothing is scraped", alerts=("ClaudeCollectorDropping",),
    )  # fmt: skip


def services() -> Panel:
    """When each service was last heard of."""
    job = (m.JOB,)
    calls = f"{m.CALLS}{{{follow([m.JOB, m.ENVIRONMENT])}}}"
    heard = f"max_over_time(timestamp({REPORTING}{{{follow([m.JOB])}}})[1d:1m])"
    return Panel(
        "Last sample of each service", "table",
        (Query(f"time() - {by(job, f'timestamp({calls})', 'max')}\nor on ({m.JOB})\ntime() - {by(job, heard, 'max')}"),),
        "How long ago each service of the last day sent its last sample. Those that are silent for over 5 minutes are timed "
        "to the minute.",
        "Less than two export intervals (60 s each unless set).",
        "A service that should be there: is it up, and does it reach the Collector? `claude-otel doctor` in its place.",
        columns=(Column(m.JOB, "Service"), Column("A", "Ago", "s", ((180, "orange"), (600, "red")), 90, 0)),
        in_part=True, nothing="No service has reported", alerts=("ClaudeTelemetryAbsent",),
    )  # fmt: skip


def processes() -> Panel:
    """How many processes report."""
    return Panel(
        "Processes that report", "stat", (Query(f"count ({recorded(REPORTING)})"),),
        "Processes whose calls arrived in the last 5 minutes. Batch work is left out, as it ends.",
        "As many as run.", "Fewer: see which service is silent beside.",
        unit="none", decimals=0, nothing="None", alerts=("ClaudeTelemetryAbsent",),
    )  # fmt: skip


def since() -> Panel:
    """The age of the book."""
    return Panel(
        "Money is counted since", "stat", (Query("1000 * claude:counting_since_timestamp_seconds:max"),),
        "When the ledger began. Today, this month and every window count from then at most.",
        "Before the first of the month.", "It began anew after more than 2 days without rules: see docs/ledger.md.",
        unit="dateTimeAsIso", nothing="No book yet", alerts=("ClaudeRuleEvaluationFailing",),
    )  # fmt: skip


def failures() -> Panel:
    """Failures of the instrumentation."""
    return Panel(
        "Instrumentation errors, 1 h", "stat",
        (Query(f"{by((), recorded('job_component:claude_instrumentation_errors:increase1h'))} or vector(0)"),),
        "Failures of claude-otel itself in the last hour. The application notices none of them.",
        "0. Each is a call that is recorded wrongly or in part.", "Set the log level of `claude_otel` to debug, and report it.",
        unit="none", decimals=0, steps=((1, "red"),), alerts=("ClaudeInstrumentationErrors",),
    )  # fmt: skip


def queues(config: Config) -> Panel:
    """How full the Collector's queues are."""
    limit = config.limits.collector_queue
    size, capacity = (f"otelcol_exporter_queue_{name}{{{COLLECTOR}}}" for name in ("size", "capacity"))
    return Panel(
        "Queues, how full", "curves",
        (Query(by(("exporter",), f"{size} / {capacity}", "max"), "{{exporter}}"),),
        "How full the queue of each exporter is. What waits is on disk.",
        f"Near 0. Above {number(limit)} % (`limits.collector_queue`) there is an alert.",
        "What it exports to is down or slow; nothing is lost until the queue is full.",
        unit="percentunit", most=1, steps=((limit / 100, "red"),), nothing="No Collector is scraped",
        alerts=("ClaudeCollectorQueueGrowing",),
    )  # fmt: skip


def flow() -> Panel:
    """What goes through the Collector."""
    parts = {"metrics": "metric_points", "traces": "spans", "logs": "log_records"}
    return Panel(
        "What it takes and sends, a second", "curves",
        tuple(
            Query(f"sum (rate(otelcol_{side}_{suffix}{{{COLLECTOR}}}[$__rate_interval]))", f"{signal} {word}")
            for signal, suffix in parts.items()
            for side, word in (("receiver_accepted", "in"), ("exporter_sent", "out"))
        ),
        "Metric points, spans and log records that the Collector took, and that its exporters sent, a second.",
        "Out follows in. Logs and traces may go to several exporters.", "In without out: see the queues.",
        unit="none", decimals=1, nothing="Nothing was sent", alerts=("ClaudeCollectorQueueGrowing",),
    )  # fmt: skip


def losses() -> Panel:
    """What the Collector lost."""
    queries = []
    for prefix, how in LOSSES.items():
        parts = [f"{prefix}_{suffix}{{{COLLECTOR}}}" for suffix in SIGNALS]
        lost = "\n  or\n  ".join(f"({part} - ({part} offset 10m or {part} * 0))" for part in parts)
        queries.append(Query(f"sum (\n  {lost}\n)", how))
    return Panel(
        "What it lost, in the 10 minutes before", "curves", tuple(queries),
        "Metric points, spans and log records that could not be sent, found the queue full, or were refused at the door.",
        "Nothing.", "Its log says why. Metrics are cumulative: totals come right with the next export; spans are gone.",
        unit="none", decimals=0, steps=((1, "red"),), nothing="Nothing was lost", alerts=("ClaudeCollectorDropping",),
    )  # fmt: skip


def ingestion() -> Panel:
    """Samples a second."""
    return Panel(
        "Samples stored, a second", "curves",
        (
            Query(f"sum by (type) (rate(prometheus_tsdb_head_samples_appended_total{{{PROMETHEUS}}}[$__rate_interval]))", "{{type}}"),
            Query(f"sum (rate(prometheus_tsdb_out_of_order_samples_appended_total{{{PROMETHEUS}}}[$__rate_interval]))", "late"),
        ),
        "Samples that Prometheus stored, and those of them that came late.",
        "Steady. Late ones come after a Collector or Prometheus was down.", "None: see the Collector, and whether Prometheus' disk is full.",
        unit="none", decimals=1, nothing="Prometheus is not scraped", alerts=("ClaudeCollectorDropping",),
    )  # fmt: skip


def rules() -> Panel:
    """How long rules take."""
    took = f"prometheus_rule_group_last_duration_seconds{{{PROMETHEUS}}}"
    failed = f"sum (rate(prometheus_rule_evaluation_failures_total{{{PROMETHEUS}}}[$__rate_interval]))"
    return Panel(
        "How long rules take", "curves",
        (Query(f"sum ({took})", "all groups"), Query(f"max ({took})", "longest group"), Query(f"{failed} > 0", "failures a second")),
        "How long the last evaluation of all groups of rules took, and of the longest; and evaluations that failed.",
        "Far below the minute in which they are repeated; no failures.", "Prometheus needs more CPU, or there are too many series.",
        unit="s", nothing="No rules", alerts=("ClaudeRuleEvaluationFailing",),
    )  # fmt: skip


def series() -> Panel:
    """How many series there are."""
    return Panel(
        "Series in memory", "curves",
        (Query(f"prometheus_tsdb_head_series{{{PROMETHEUS}}}", "series"),),
        "Series that Prometheus holds. Every process adds its own; names that an application chooses are capped.",
        "It follows the number of processes.", "Growth without new processes: see the series by metric below.",
        unit="short", nothing="Prometheus is not scraped", alerts=("ClaudeRuleEvaluationFailing",),
    )  # fmt: skip


def notifications() -> Panel:
    """Whether notifications arrive."""
    parts = {
        "Prometheus to Alertmanager": f"3600 * sum (rate(prometheus_notifications_errors_total{{{PROMETHEUS}}}[$__rate_interval]))",
        "Alertmanager to receivers": '3600 * sum (rate(alertmanager_notifications_failed_total{job="alertmanager"}[$__rate_interval]))',
        "sent": '3600 * sum (rate(alertmanager_notifications_total{job="alertmanager"}[$__rate_interval]))',
    }
    return Panel(
        "Notifications, failed and sent, an hour", "curves",
        tuple(Query(expr, legend) for legend, expr in parts.items()),
        "Notifications that Alertmanager sent, and those that failed on either leg of the way, as a rate.",
        "No failures.", "Pages may not reach anybody: Alertmanager's log says why.",
        unit="none", decimals=0, nothing="Alertmanager is not scraped", alerts=("ClaudeNotificationsFailing",),
    )  # fmt: skip


def metrics() -> Panel:
    """Series by metric."""
    counted = f'count by (__name__) ({{__name__=~"{RAW}", {follow([m.JOB])}}})'
    return Panel(
        "Series by metric", "table",
        (Query(f'sort_desc(topk(12, label_replace({counted}, "metric", "$1", "__name__", "(.*)")))'),),
        "How many series each raw metric has now; the twelve with most.",
        "A few hundred for a process; histograms have one for each bucket edge.",
        "A surface, call site or agent that is named by user or request: give it a fixed name.",
        columns=(Column("metric", "Metric"), Column("A", "Series", "none", width=90, decimals=0)),
        nothing="No series", alerts=("ClaudeInstrumentationErrors",),
    )  # fmt: skip


def unmeasured() -> Panel:
    """Budgets that some processes do not measure."""
    return Panel(
        "Processes that do not measure a budget", "table",
        (Query(recorded("job_surface_budget:claude_instances_without_bucket:count")),),
        "Processes whose histogram has no edge at a latency budget of claude-otel.yaml: the share within it leaves them out.",
        "An empty table.", "Start them with CLAUDE_OTEL_CONFIG, and with the same file as the rules.",
        columns=(
            Column(m.JOB, "Service"), Column(m.SURFACE, "Surface"), Column("budget", "Budget on"),
            Column("A", "Processes", "none", width=90, decimals=0),
        ),
        nothing="All processes measure every budget", alerts=("ClaudeBudgetHasNoBucket",),
    )  # fmt: skip
