"""A board as Grafana's classic JSON (schema 41), in a stable order, so that a difference can be read."""

from __future__ import annotations

import json
import re
from typing import Any

from claude_otel.monitoring import metric_names as m
from claude_otel.monitoring.config import Config
from claude_otel.monitoring.dashboards.layout import Place, places
from claude_otel.monitoring.dashboards.panel import Board, Column, Panel, Query, Steps, Unit, Word
from claude_otel.monitoring.dashboards.queries import FOLLOWED, HAS_VERSION, follow
from claude_otel.monitoring.dashboards.variables import DATA_SOURCE, variables

SCHEMA = 41
TAG = "claude-otel"

LINE = 110
"""How long a line may be that holds a whole object."""

TYPES = {"answer": "stat", "stat": "stat", "curves": "timeseries", "bars": "bargauge", "table": "table"}

SUFFIXED: dict[Unit, str] = {
    "calls": "suffix: calls",
    "tokens": "suffix: tokens",
    "attempts": "suffix: attempts",
    "tokens/s": "suffix: tokens/s",
}
"""Units that Grafana has no name for."""


def dashboard(board: Board, config: Config, mark: str) -> str:
    """The text of a board's file. Its first line says what made it, as JSON has no comments."""
    fields: dict[str, Any] = {
        "description": f"{mark} {board.description}",
        "uid": board.uid,
        "title": board.title,
        "tags": [TAG],
        "schemaVersion": SCHEMA,
        "editable": False,
        "graphTooltip": 1,
        "refresh": board.refresh,
        "time": {"from": f"now-{board.hours}h", "to": "now"},
        "timezone": "browser" if config.time_zone == "UTC" else config.time_zone,
        "links": [others(), *runbooks(config)],
        "annotations": {"list": [firing(), deploys()]},
        "templating": {"list": variables()},
        "panels": [placed(number, place, config) for number, place in enumerate(places(board), start=1)],
    }
    return "{ " + written(fields).removeprefix("{\n  ") + "\n"


def written(value: Any, indent: str = "") -> str:
    """JSON with a field a line; what fits into a line is in one."""
    plain = json.dumps(value, ensure_ascii=False)
    if len(indent + plain) <= LINE or not isinstance(value, (dict, list)) or not value:
        return plain
    deeper = f"{indent}  "
    if isinstance(value, dict):
        parts = [f"{json.dumps(key, ensure_ascii=False)}: {written(each, deeper)}" for key, each in value.items()]
        return "{\n" + ",\n".join(deeper + part for part in parts) + f"\n{indent}}}"
    return "[\n" + ",\n".join(deeper + written(each, deeper) for each in value) + f"\n{indent}]"


def others() -> dict[str, Any]:
    """Links to the other dashboards, with the time and the choices kept."""
    return {
        "type": "dashboards",
        "title": "Claude",
        "tags": [TAG],
        "asDropdown": True,
        "keepTime": True,
        "includeVars": True,
        "targetBlank": False,
    }


def runbooks(config: Config) -> list[dict[str, Any]]:
    """A link to the runbooks, where they are at an address."""
    if "://" not in config.links.runbooks:
        return []
    return [{"type": "link", "title": "Runbooks", "url": config.links.runbooks, "icon": "doc", "targetBlank": True}]


def firing() -> dict[str, Any]:
    """The moments at which an alert began to fire."""
    alerts = 'ALERTS{alertstate="firing", alertname!="Watchdog", severity!="info"}'
    return {
        "name": "Alerts",
        "enable": True,
        "datasource": DATA_SOURCE,
        "iconColor": "red",
        "expr": f"{alerts} unless {alerts} offset $__interval",
        "step": "60s",
        "titleFormat": "{{alertname}}",
        "textFormat": f"{{{{{m.SURFACE}}}}} {{{{{m.REQUEST_MODEL}}}}}",
        "tagKeys": "severity,category",
    }


def deploys() -> dict[str, Any]:
    """The moments at which a service reports a version that it did not report before."""
    calls = f"{m.CALLS}{{{follow([m.JOB, m.ENVIRONMENT], HAS_VERSION)}}}"
    version = f"group by ({m.JOB}, {m.VERSION})"
    return {
        "name": "Deploys",
        "enable": True,
        "datasource": DATA_SOURCE,
        "iconColor": "blue",
        "expr": f"{version} ({calls}) unless {version} ({calls} offset $__interval)",
        "step": "60s",
        "titleFormat": f"{{{{{m.JOB}}}}} {{{{{m.VERSION}}}}}",
        "textFormat": "a version that was not there before",
        "tagKeys": m.JOB,
    }


def placed(number: int, place: Place, config: Config) -> dict[str, Any]:
    """A panel or a heading, where it is."""
    position = {"x": place.x, "y": place.y, "w": place.w, "h": place.h}
    if isinstance(place.what, str):
        return {
            "id": number, "type": "row", "title": place.what, "gridPos": position, "collapsed": False, "panels": []
        }  # fmt: skip
    return {"id": number, **panel(place.what, config), "gridPos": position}


def panel(what: Panel, config: Config) -> dict[str, Any]:
    """A panel without its place."""
    made: dict[str, Any] = {
        "type": TYPES[what.kind],
        "title": what.title,
        "description": description(what, config),
        "datasource": DATA_SOURCE,
        "links": links(what, config),
        "fieldConfig": {"defaults": defaults(what), "overrides": overrides(what)},
        "options": options(what),
        "targets": [target(what, index, query) for index, query in enumerate(what.queries)],
    }
    if what.period:
        made["timeFrom"] = what.period
    if what.kind == "table":
        made["transformations"] = transformations(what)
    return made


def description(what: Panel, config: Config) -> str:
    """What it shows, what is good, what to do, the runbooks, and which variables it follows."""
    parts = [what.says, f"**Good:** {what.good}", f"**Else:** {what.do}"]
    if what.alerts and "://" not in config.links.runbooks:
        files = ", ".join(f"{config.links.runbooks}/{alert}.md" for alert in what.alerts)
        parts.append(f"Runbook: {files}")
    found = [name for name in dict.fromkeys(FOLLOWED.values()) if any(f"${name}" in each.expr for each in what.queries)]
    follows = "Follows, each part what it can" if what.in_part else "Follows"
    parts.append(
        f"{follows}: {', '.join(found)}." if found else "Follows none of the choices above: it is of all calls."
    )
    return "\n\n".join(parts)


def links(what: Panel, config: Config) -> list[dict[str, Any]]:
    """Where to go from a panel."""
    found = [
        {"title": TITLES[uid], "url": f"/d/{uid}?${{__url_time_range}}&${{__all_variables}}"} for uid in what.boards
    ]
    if "://" in config.links.runbooks:
        base = config.links.runbooks.rstrip("/")
        found += [{"title": f"Runbook {alert}", "url": f"{base}/{alert}.md"} for alert in what.alerts]
    return [{**each, "targetBlank": "Runbook" in each["title"]} for each in found]


TITLES = {
    "claude-oncall": "On call",
    "claude-latency": "Surfaces",
    "claude-cost": "Cost",
    "claude-cache": "Cache",
    "claude-calls": "Errors and limits",
    "claude-pipeline": "The pipeline",
}
"""What the dashboards are called in links."""


def defaults(what: Panel) -> dict[str, Any]:
    """How every field of a panel is shown."""
    made: dict[str, Any] = {
        "unit": unit(what.unit),
        "noValue": what.nothing,
        "color": {"mode": "palette-classic" if what.kind == "curves" else "thresholds"},
        "thresholds": thresholds(what.steps, neutral(what)),
    }
    if what.kind == "bars":
        made["displayName"] = "${__field.name}"
    if what.decimals is not None:
        made["decimals"] = what.decimals
    if what.kind in ("bars", "curves"):
        made["min"] = 0
    if what.most is not None:
        made["max"] = what.most
    if what.kind == "curves":
        made["custom"] = {
            "drawStyle": "line",
            "lineWidth": 1,
            "fillOpacity": 60 if what.stacked else 5,
            "showPoints": "auto",
            "spanNulls": 300_000,
            "stacking": {"mode": "normal" if what.stacked else "none", "group": "A"},
            "thresholdsStyle": {"mode": "dashed" if what.steps else "off"},
        }
    if what.kind == "table":
        made["custom"] = {"cellOptions": {"type": "color-text" if what.words else "auto"}, "filterable": False}
        if what.words:
            made["mappings"] = [mapping(what)]
    return made


def neutral(what: Panel) -> str:
    """The colour of what is below the first step: none for a number that is neither good nor bad, and in tables."""
    return "text" if what.kind == "table" or (what.kind == "stat" and not what.steps) else what.base


def unit(name: Unit) -> str:
    """Grafana's name of a unit."""
    return SUFFIXED.get(name, name)


def thresholds(steps: Steps, base: str) -> dict[str, Any]:
    """From which value on a colour holds."""
    return {
        "mode": "absolute",
        "steps": [{"color": base, "value": None}, *({"color": colour, "value": value} for value, colour in steps)],
    }


def mapping(what: Panel) -> dict[str, Any]:
    """Words for the values of labels in a table."""
    shown = {
        value: {"text": word.text, "index": index, **({"color": word.colour} if word.colour else {})}
        for index, (value, word) in enumerate(what.words.items())
    }
    return {"type": "value", "options": shown}


def overrides(what: Panel) -> list[dict[str, Any]]:
    """How single fields are shown."""
    if what.kind == "table":
        return [named(column.title, cell(column)) for column in what.columns]
    found = [named(legend, say(word)) for legend, word in what.words.items()]
    found += [
        named(legend, [{"id": "thresholds", "value": thresholds(steps, what.base)}])
        for legend, steps in what.own_steps.items()
    ]
    if what.kind == "bars":
        found += [called(letter(index), query.legend) for index, query in enumerate(what.queries)]
    if what.dashed:
        properties = [
            {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [8, 8]}},
            {"id": "custom.fillOpacity", "value": 0},
            {"id": "custom.showPoints", "value": "never"},
        ]
        found.append({"matcher": {"id": "byRegexp", "options": f"/{what.dashed}/"}, "properties": properties})
    return found


def called(query: str, legend: str) -> dict[str, Any]:
    """The name of a query's bars. Grafana leaves the name of a single bar out, unless there is one among the defaults too."""
    text = re.sub(r"\{\{(\w+)\}\}", r"${__field.labels.\1}", legend)
    return {"matcher": {"id": "byFrameRefID", "options": query}, "properties": [{"id": "displayName", "value": text}]}


def named(name: str, properties: list[dict[str, Any]]) -> dict[str, Any]:
    """Properties of the field with a name."""
    return {"matcher": {"id": "byName", "options": name}, "properties": properties}


def say(word: Word) -> list[dict[str, Any]]:
    """A legend's word and colour."""
    found: list[dict[str, Any]] = [{"id": "displayName", "value": word.text}]
    if word.colour:
        found.append({"id": "color", "value": {"mode": "fixed", "fixedColor": word.colour}})
    if word.unit:
        found.append({"id": "unit", "value": unit(word.unit)})
    return found


def cell(column: Column) -> list[dict[str, Any]]:
    """How a column is shown: its unit, its colours, its width."""
    nothing = {"type": "special", "options": {"match": "null", "result": {"text": "-", "color": "text"}}}
    found: list[dict[str, Any]] = [{"id": "unit", "value": unit(column.unit)}, {"id": "noValue", "value": "-"}]
    if column.base != "text":
        found.append({"id": "mappings", "value": [nothing]})
    if column.steps:
        found.append({"id": "thresholds", "value": thresholds(column.steps, column.base)})
        found.append({"id": "color", "value": {"mode": "thresholds"}})
        found.append({"id": "custom.cellOptions", "value": {"type": "color-text"}})
    if column.decimals is not None:
        found.append({"id": "decimals", "value": column.decimals})
    if column.width:
        found.append({"id": "custom.width", "value": column.width})
    return found


def options(what: Panel) -> dict[str, Any]:
    """What a kind of panel needs besides."""
    last = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    if what.kind == "curves":
        return {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
    if what.kind == "bars":
        return {
            "reduceOptions": last, "orientation": "horizontal", "displayMode": "basic", "showUnfilled": True,
            "valueMode": "color", "namePlacement": "left", "sizing": "auto", "text": {"titleSize": 14, "valueSize": 14},
        }  # fmt: skip
    if what.kind == "table":
        return {"showHeader": True, "cellHeight": "sm"}
    answer = what.kind == "answer"
    return {
        "reduceOptions": last,
        "orientation": "horizontal",
        "colorMode": "background_solid" if answer else "value",
        "graphMode": "none",
        "justifyMode": "center",
        "textMode": "value_and_name" if answer else "auto",
        "wideLayout": False,
        **({"text": {"titleSize": 26, "valueSize": 34}} if answer else {}),
    }


def target(what: Panel, index: int, query: Query) -> dict[str, Any]:
    """A query as Grafana has it. Letters count from A."""
    now = what.kind != "curves"
    made: dict[str, Any] = {
        "refId": letter(index),
        "datasource": DATA_SOURCE,
        "expr": query.expr,
        "legendFormat": query.legend or "__auto",
        "instant": now,
        "range": not now,
        "format": "table" if what.kind == "table" else "time_series",
        "editorMode": "code",
    }
    if query.step and not now:
        made["interval"] = query.step
    if query.exemplars:
        made["exemplar"] = True
    return made


def letter(index: int) -> str:
    """The letter of a query."""
    return "ABCDEFGHIJ"[index]


def transformations(what: Panel) -> list[dict[str, Any]]:
    """Queries side by side, with the columns in their order under their titles, and no others."""
    order = {source(column, what): index for index, column in enumerate(what.columns)}
    titles = {source(column, what): column.title for column in what.columns}
    if len(what.queries) > 1:
        order = {**order, ALONE: len(order)}
        titles[ALONE] = next(column.title for column in what.columns if column.of == "A")
    return [
        {"id": "merge", "options": {}},
        {"id": "filterFieldsByName", "options": {"include": {"names": list(order)}}},
        {
            "id": "organize",
            "options": {
                "excludeByName": {},
                "indexByName": order,
                "renameByName": titles,
            },
        },
    ]


def source(column: Column, what: Panel) -> str:
    """The name of a column as Prometheus' answer has it."""
    if not re.fullmatch("[A-J]", column.of):
        return column.of
    return f"Value #{column.of}" if len(what.queries) > 1 else ALONE


ALONE = "Value"
"""The value of a query when no other has a result: a table is made so that only its first can be the one."""
