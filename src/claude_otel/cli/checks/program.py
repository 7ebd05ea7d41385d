"""The user's program, run as `claude-otel run` does, and what can be seen of its calls."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

from claude_otel.cli import process
from claude_otel.cli.checks.finding import Finding, error, ok, warning
from claude_otel.cli.checks.priced import unpriced
from claude_otel.cli.checks.seen import Seen, ours, receiving
from claude_otel.cli.checks.traces import doubled
from claude_otel.cli.checks.trial import two_spans
from claude_otel.cli.environment import child_environment, with_first
from claude_otel.cli.fmt import plural, printable, usd
from claude_otel.cli.hints import nothing_seen
from claude_otel.cli.problem import Problem

WATCH = str(Path(__file__).with_name("watch"))
SHOWN_SURFACES = 8


@dataclass(frozen=True)
class Looked:
    """A program that has ended, and what was seen of it."""

    command: list[str]
    env: Mapping[str, str]
    status: int
    seen: Seen


def look_at(command: list[str], env: Mapping[str, str], mask: set[Signals], quiet: bool) -> Looked:
    """Runs `command` to its end, with its exports sent to us; with `quiet` its stdout goes to stderr.

    Raises `Problem` when it cannot be run.
    """
    with receiving() as (seen, receiver):
        child = child_environment(env, receiver.url, command)
        child["PYTHONPATH"] = with_first(WATCH, child["PYTHONPATH"])
        status = process.wait(start(command, child, mask, quiet), nothing, nothing)
        receiver.drain()
    return Looked(command, child, status, seen)


def start(command: list[str], env: Mapping[str, str], mask: set[Signals], quiet: bool) -> int:
    """The process id of `command`, started as `run` starts it."""
    file = process.executable(command[0], env.get("PATH", os.defpath))
    actions = [(os.POSIX_SPAWN_DUP2, 2, 1)] if quiet else []
    try:
        return os.posix_spawn(
            file, command, env, file_actions=actions, setsigmask=mask, setsigdef=process.PYTHON_IGNORES
        )
    except OSError as failure:
        raise Problem(f"cannot run {file!r}: {failure.strerror}.", 126) from None


def nothing() -> None:
    """What there is to do around a stop by the terminal."""


def findings(looked: Looked) -> list[Finding]:
    """What was seen of the program."""
    seen = looked.seen
    found = [ended(looked), *own_providers(seen)]
    if not (seen.report.calls or seen.calls):
        return [*found, error("calls", nothing_seen(seen.health, looked.command, looked.env), "See docs/cli.md.")]
    return [*found, counted(seen), *surfaces(seen), *unpriced_models(seen), *others(seen), *lost(seen)]


def ended(looked: Looked) -> Finding:
    """How the program ended."""
    how = process.ending(looked.status)
    if process.exit_code(looked.status):
        return warning("program", f"it ended with {how}", "Its own output, above, says why.")
    return ok("program", f"it ended with {how}")


def own_providers(seen: Seen) -> list[Finding]:
    """Whether the program set up OpenTelemetry by itself."""
    found = [refused(notice) for notice in seen.notices]
    if any(not span.automatic for span in seen.spans):
        what = "spans come from a TracerProvider of the program's own, beside the one of opentelemetry-instrument"
        remedy = "Hand it to claude-otel and start without opentelemetry-instrument, or drop it:"
        found.append(warning("own provider", what, remedy, "claude_otel.instrument(tracer_provider=provider)"))
    return found


def refused(notice: str) -> Finding:
    """The finding that the program set a global provider, which comes too late."""
    function, _, place = notice.partition(" ")
    what = (
        f"{printable(place)} calls {printable(function)}: opentelemetry-instrument has set a provider already, "
        "so OpenTelemetry ignores this one, with its exporters and processors"
    )
    remedy = "Add the processors to the provider that is set, or start without opentelemetry-instrument and say:"
    return warning(
        "own provider", what, remedy, "trace.get_tracer_provider().add_span_processor(...)", "claude_otel.instrument()"
    )


def counted(seen: Seen) -> Finding:
    """How many calls were seen, at what cost."""
    calls = seen.calls or seen.report.calls
    errors = f", {plural(seen.report.errors, 'error')}" if seen.report.errors else ""
    return ok("calls", f"{plural(calls, 'call')}{errors}, {usd(seen.usd)}, {spans_of(seen)}")


def spans_of(seen: Seen) -> str:
    """The token-bearing spans, and who made them."""
    by = f" by {', '.join(map(printable, seen.scopes))}" if seen.scopes else ""
    return f"{plural(len(seen.call_spans), 'span')} with tokens{by}"


def surfaces(seen: Seen) -> list[Finding]:
    """The surfaces that calls were made for, and whether anybody named them."""
    names = sorted(map(printable, seen.report.surfaces.values.keys()))
    more = f" and {len(names) - SHOWN_SURFACES} more" if len(names) > SHOWN_SURFACES else ""
    what = f"{plural(len(names), 'surface')}: {', '.join(names[:SHOWN_SURFACES])}{more}"
    if any(":" in name or name == "unknown" for name in names):
        remedy = "A name with a colon is the place that made the call. To name it in code:"
        return [ok("surfaces", what, remedy, 'with claude_otel.surface("checkout-chat"):')]
    return [ok("surfaces", what)] if names else []


def unpriced_models(seen: Seen) -> list[Finding]:
    """The models that were used and have no price."""
    names = sorted(map(printable, seen.report.unpriced_models.values))
    return [unpriced(names, f"{plural(seen.report.unpriced, 'call')} of the program")] if names else []


def others(seen: Seen) -> list[Finding]:
    """Spans of other instrumentors, and calls that two of them tell of."""
    count = doubled(seen.spans)
    if count:
        return [two_spans(count, seen.scopes)]
    foreign = [printable(scope) for scope in seen.scopes if not ours(scope)]
    if not foreign:
        return []
    what = f"spans of calls are made by {', '.join(foreign)}; cost and metrics are claude-otel's"
    disable = "export OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=anthropic"
    return [warning("spans", what, "If you want claude-otel's, disable theirs:", disable)]


def lost(seen: Seen) -> list[Finding]:
    """What the instrumentation failed to record."""
    found = []
    for part, count in seen.health.failures.items():
        what = f"the instrumentation failed {count} times in {printable(part)}; the program was not affected"
        found.append(warning("claude-otel", what, "Please report it, with the debug log of the logger claude_otel."))
    if seen.health.lost_events:
        what = f"{plural(seen.health.lost_events, 'event')} did not come through"
        found.append(warning("claude-otel", what, "Raise the queue:", "export OTEL_BLRP_MAX_QUEUE_SIZE=20000"))
    return found
