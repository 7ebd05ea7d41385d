"""What a claude-otel.yaml comes to: the budgets of each surface, and who is told of what."""

from __future__ import annotations

from claude_otel.monitoring.config import Budgets, Config, Route, Surface

SURFACE_HEAD = ("surface", "kind", "first text", "first chunk", "whole", "tokens/s", "within", "available", "cached")
SURFACE_MONEY = ("a day", "a month")
SURFACE_ALIGN = "<<>>>>>>>>>"


def overview(config: Config) -> list[tuple[str, str]]:
    """A line for each thing that holds for all surfaces."""
    budgets, limits = config.budgets, config.limits
    return [
        ("time zone", f"{config.time_zone}: its midnight begins the day and the month of the budgets"),
        ("budgets", whole(budgets)),
        ("loop", f"a page at ${limits.runaway.usd_per_hour:,g} an hour from one call site"),
        ("errors", f"a page above {limits.error_ratio:g} % of a surface's calls, from {limits.floor.calls} calls on"),
        ("elsewhere", f"p95 within {limits.latency_p95:g} s on surfaces without a latency budget"),
        ("retention", f"{config.retention_days} days"),
        ("who is told", "; ".join(told(config))),
        ("watchdog", "a dead man's switch is told every minute" if config.notify.watchdog else "nobody misses it"),
    ]


def whole(budgets: Budgets) -> str:
    """What all calls together may cost."""
    parts = [(budgets.daily_usd, "a day"), (budgets.monthly_usd, "a month")]
    given = [f"{money(value)} {each}" for value, each in parts if value is not None]
    return f"{', '.join(given)}, all surfaces together" if given else "none for all surfaces together"


def told(config: Config) -> list[str]:
    """Who is told of what, in the order in which it is looked up."""
    found = []
    for route in config.notify.routes:
        words = [route.severity or "everything", route.category and f"on {route.category}"]
        words += [route.surface and f"about {route.surface}", f"-> {route.receiver}"]
        found.append(" ".join(word for word in words if word) + (" (and on)" if route.go_on else ""))
    if any(takes_all(route) for route in config.notify.routes):
        return found
    return [*found, f"all else -> {config.notify.fallback or 'the local log'}"]


def takes_all(route: Route) -> bool:
    """Whether nothing gets past a route."""
    return not (route.severity or route.category or route.surface or route.go_on)


def surfaces(config: Config) -> list[tuple[str, ...]]:
    """A row for each surface, below a head."""
    rows = [row(name, surface) for name, surface in config.surfaces.items()]
    return [(*SURFACE_HEAD, *SURFACE_MONEY), *rows] if rows else []


def row(name: str, surface: Surface) -> tuple[str, ...]:
    """What is normal for one surface."""
    return (
        name,
        surface.kind,
        amount(surface.time_to_first_text, " s"),
        amount(surface.time_to_first_chunk, " s"),
        amount(surface.duration, " s"),
        amount(surface.tokens_per_second),
        amount(surface.within if surface.latency_budgets or surface.tokens_per_second else None, " %"),
        amount(surface.availability, " %"),
        amount(surface.cache_hit_ratio, " %"),
        money(surface.daily_usd),
        money(surface.monthly_usd),
    )


def amount(value: float | None, unit: str = "") -> str:
    """A number and its unit, `-` where there is none."""
    return "-" if value is None else f"{value:,g}{unit}"


def money(value: float | None) -> str:
    """A budget, `-` where there is none."""
    return "-" if value is None else f"${value:,.0f}" if value == int(value) else f"${value:,.2f}"
