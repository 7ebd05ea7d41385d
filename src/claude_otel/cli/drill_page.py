"""What a drill has seen, as people and programs read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from claude_otel.cli.fmt import Style, plural, table
from claude_otel.drill.outage import Outage
from claude_otel.drill.player import Result
from claude_otel.drill.sightings import News, about
from claude_otel.drill.speed import FACTOR

HEAD = ("alert", "caused by", "fired", "told", "receiver", "inhibited", "resolved")
ALIGN = "<<>><<>"


def lines(results: Sequence[Result], besides: Sequence[News], took: float, style: Style) -> list[str]:
    """The table, and below it what did not happen."""
    rows = [tuple(style(word, "bold") for word in HEAD), *(row(result, style) for result in results)]
    failed = [result for result in results if not result.well]
    shown = ["", *table(rows, ALIGN, indent=0), ""]
    shown += [f"{style('NOT SEEN', 'red')}  {each.scenario.alert}: {each.fault}" for each in failed]
    if besides:
        shown.append(f"Told besides: {', '.join(f'{each.receiver} of {name_of(each)}' for each in besides)}.")
    well = len(results) - len(failed)
    shown.append(
        f"{well} of {plural(len(results), 'alert')} fired, reached the right receiver once, "
        f"and resolved, in {took / 60:.1f} minutes. A second is a minute of the rules."
    )
    return shown


def row(result: Result, style: Style) -> tuple[str, ...]:
    """The line of one alert."""
    scenario = result.scenario
    return (
        style(scenario.alert, "green" if result.well else "red"),
        scenario.cause,
        seconds(result.fired),
        seconds(result.told),
        result.receiver or "-",
        ", ".join(name.removeprefix("Claude") for name in result.inhibited) or "-",
        seconds(result.resolved) if scenario.resolves else "never",
    )


def seconds(value: float | None) -> str:
    """Seconds of the drill."""
    return "-" if value is None else f"{value:.1f} s"


def document(results: Sequence[Result], besides: Sequence[News], took: float) -> dict[str, Any]:
    """The same as JSON."""
    return {
        "well": all(result.well for result in results),
        "seconds": round(took, 1),
        "times_as_fast": int(1 / FACTOR),
        "alerts": [of_alert(result) for result in results],
        "besides": [{"receiver": each.receiver, **named(each)} for each in besides],
    }


def of_alert(result: Result) -> dict[str, Any]:
    """What was seen of one alert."""
    return {
        "alert": result.scenario.alert,
        "caused_by": result.scenario.cause,
        "seconds_to_fire": rounded(result.fired),
        "seconds_to_receiver": rounded(result.told),
        "receiver": result.receiver or None,
        "inhibited": result.inhibited,
        "seconds_to_resolve": rounded(result.resolved),
        "fault": result.fault or None,
    }


def outage_lines(found: Outage, style: Style) -> list[str]:
    """Who was told of an outage, what was kept back, and what it cost."""
    counts = [plural(len(found.pages), "page"), plural(len(found.tickets), "ticket")]
    shown = [
        "",
        style(f"The API was down for {found.length}", "bold") + f": {', '.join(counts)}, "
        f"{plural(found.notifications, 'notification')} in all.",
        *(
            f"  {each.receiver} was told: {name_of(each)} {'fires' if each.firing else 'is over'}"
            for each in found.told
        ),
    ]
    kept_back = ", ".join(f"{count} {alert}" for alert, count in found.silenced.items())
    shown += [f"  nobody was told of: {kept_back}"] if kept_back else []
    rows: list[tuple[str, ...]] = [("what it cost", "recorded", "the API's journal")]
    rows += [(name, *(amount(name, each[name]) for each in (found.recorded, found.journal))) for name in found.journal]
    shown += ["", *table(rows, "<>>", indent=0), ""]
    return [*shown, f"{style('NOT AS IT SHOULD BE', 'red')}  {found.fault}"] if found.fault else shown


def name_of(news: News) -> str:
    """An alert and what it is about."""
    return f"{news.labels['alertname']} {about(news.labels)}".strip()


def named(news: News) -> dict[str, str]:
    """The same for a document."""
    return {"alert": news.labels["alertname"], "about": about(news.labels)}


def amount(name: str, value: float) -> str:
    """A number of the table of an outage."""
    return f"${value:.6f}" if name == "USD" else f"{value:,.0f}"


def outage_document(found: Outage, took: float) -> dict[str, Any]:
    """The same as JSON."""
    return {
        "well": not found.fault,
        "seconds": round(took, 1),
        "times_as_fast": int(1 / FACTOR),
        "outage": found.length,
        "pages": len(found.pages),
        "tickets": len(found.tickets),
        "notifications": found.notifications,
        "told": [{"receiver": each.receiver, **named(each), "firing": each.firing} for each in found.told],
        "silenced": found.silenced,
        "recorded": found.recorded,
        "journal": found.journal,
        "fault": found.fault or None,
    }


def rounded(value: float | None) -> float | None:
    """To the tenth."""
    return None if value is None else round(value, 1)
