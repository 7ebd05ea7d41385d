"""What is wrong between keys of claude-otel.yaml that are each good by themselves, and what is only worth a warning."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase

from claude_otel.monitoring import lifecycle
from claude_otel.monitoring.config import Config, Route, Surface
from claude_otel.monitoring.fault import Fault


def faults(config: Config, receivers: Collection[str]) -> list[Fault]:
    """Keys that contradict each other. `receivers` are all names in the file, also of those that have faults."""
    found = [
        *money(config),
        *alike(config),
        *limits(config),
        *model_rules(config),
        *routes(config, receivers),
        *mute(config),
        *attribution(config),
    ]
    for name, surface in config.surfaces.items():
        found += latency(name, surface)
        found += burn(config, name, surface)
    return found


def money(config: Config) -> Iterator[Fault]:
    """Budgets within larger ones."""
    whole = config.budgets
    if whole.daily_usd and whole.monthly_usd and whole.daily_usd > whole.monthly_usd:
        yield Fault(("budgets", "daily_usd"), above(whole.daily_usd, "budgets.monthly_usd", whole.monthly_usd))
    for name, surface in config.surfaces.items():
        place = ("surfaces", name)
        own = f"surfaces.{name}.monthly_usd"
        if surface.daily_usd and surface.monthly_usd and surface.daily_usd > surface.monthly_usd:
            yield Fault((*place, "daily_usd"), above(surface.daily_usd, own, surface.monthly_usd))
        for key in ("daily_usd", "monthly_usd"):
            part, all_of_it = getattr(surface, key), getattr(whole, key)
            if part and all_of_it and part > all_of_it:
                yield Fault((*place, key), above(part, f"budgets.{key} of all surfaces together", all_of_it))


def above(value: float, other: str, limit: float) -> str:
    """That `value` is more than what holds it."""
    return f"is {value:g}, more than the {limit:g} of {other}; lower this one or raise that one"


def alike(config: Config) -> Iterator[Fault]:
    """Surfaces that nobody can tell apart."""
    seen: dict[str, str] = {}
    for name in config.surfaces:
        plain = "".join(letter for letter in name.lower() if letter.isalnum()) or name
        if plain in seen:
            what = f"is {seen[plain]!r} but for case and punctuation; name both alike in the code, and keep one"
            yield Fault(("surfaces", name), what)
        seen.setdefault(plain, name)


def latency(name: str, surface: Surface) -> Iterator[Fault]:
    """Latency budgets that contradict the kind or each other."""
    place = ("surfaces", name)
    text, chunk, whole = surface.time_to_first_text, surface.time_to_first_chunk, surface.duration
    for key, value in (("time_to_first_text", text), ("time_to_first_chunk", chunk)):
        if surface.kind == "batch" and value is not None:
            what = "makes no sense for the kind batch, where nobody waits; take it away or set kind: chat"
            yield Fault((*place, key), what)
        elif value is not None and whole is not None and value > whole:
            what = f"is {value:g}, longer than the {whole:g} of duration, the whole response; lower it"
            yield Fault((*place, key), what)
    if text is not None and chunk is not None and chunk > text:
        what = f"is {chunk:g}, longer than the {text:g} of time_to_first_text, which comes later; lower it"
        yield Fault((*place, "time_to_first_chunk"), what)


def burn(config: Config, name: str, surface: Surface) -> Iterator[Fault]:
    """Targets so low that no share of bad calls can be the multiple at which an alert fires."""
    limits = config.limits
    for key, target, factors in (
        ("within", surface.within, limits.latency_burn),
        ("availability", surface.availability, limits.availability_burn),
    ):
        needed = factors.fast * (100 - target)
        if needed >= 100:
            lowest = 100 - 100 / factors.fast
            what = (
                f"is {target:g}, with which {factors.fast:g} times the error budget is {needed:.4g} % of the calls, "
                f"so that the alert can never fire; give more than {lowest:.4g}, or lower limits.{burn_key(key)}.fast"
            )
            yield Fault(("surfaces", name, key), what)


def burn_key(target: str) -> str:
    """The limits that belong to a target of a surface."""
    return "latency_burn" if target == "within" else "availability_burn"


def limits(config: Config) -> Iterator[Fault]:
    """Limits that would be passed in the wrong order."""
    for key in ("latency_burn", "availability_burn"):
        factors = getattr(config.limits, key)
        if factors.slow >= factors.fast:
            what = f"is {factors.slow:g}, not below the {factors.fast:g} of fast; give less, as it is over 6 hours"
            yield Fault(("limits", key, "slow"), what)


def model_rules(config: Config) -> Iterator[Fault]:
    """Rules on models that contradict each other."""
    rules = config.models
    if rules.retiring_page_days >= rules.retiring_ticket_days:
        what = (
            f"is {rules.retiring_page_days}, not below the {rules.retiring_ticket_days} of retiring_ticket_days; "
            "the page is the last warning, so lower it"
        )
        yield Fault(("models", "retiring_page_days"), what)
    for index, model in enumerate(rules.allowed or ()):
        target = lifecycle.pinned_name(model)
        if rules.pinned and target:
            what = f"is {model!r}, an alias that moves, while pinned is true; write {target!r}, or set pinned: false"
            yield Fault(("models", "allowed", index), what)


def routes(config: Config, receivers: Collection[str]) -> Iterator[Fault]:
    """Routes that lead to nobody or are never reached."""
    notify = config.notify
    if notify.default is not None and notify.default not in receivers:
        yield Fault(("notify", "default"), no_receiver(notify.default, receivers))
    for index, route in enumerate(notify.routes):
        place = ("notify", "routes", index)
        if route.receiver not in receivers:
            yield Fault((*place, "receiver"), no_receiver(route.receiver, receivers))
        if route.surface is not None and config.surfaces and route.surface not in config.surfaces:
            yield Fault((*place, "surface"), no_surface(route.surface, config))
        before = next((n for n, other in enumerate(notify.routes[:index]) if covers(other, route)), None)
        if before is not None:
            what = f"is never reached, as notify.routes[{before}] takes all that it matches; put it above that one"
            yield Fault(place, what)


def no_receiver(name: str, receivers: Collection[str]) -> str:
    """That there is no receiver of this name."""
    if not receivers:
        return f"is {name!r}, and there are no receivers; add it under notify.receivers"
    near = difflib.get_close_matches(name, receivers, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"write one of {', '.join(sorted(receivers))}, or add it"
    return f"is {name!r}, which is not in notify.receivers; {hint}"


def no_surface(name: str, config: Config) -> str:
    """That there is no surface of this name."""
    near = difflib.get_close_matches(name, config.surfaces, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "add it there"
    return f"is {name!r}, which is not in surfaces; {hint}"


def covers(route: Route, other: Route) -> bool:
    """Whether `route` takes all that `other` matches, so that it is never asked."""
    return not route.go_on and all(
        getattr(route, key) in (None, getattr(other, key)) for key in ("severity", "category", "surface")
    )


def mute(config: Config) -> Iterator[Fault]:
    """Times that leave none to tell a ticket in, or that are only half given."""
    times = config.notify.mute_tickets
    place = ("notify", "mute_tickets")
    if times is None:
        return
    if (times.start is None) != (times.end is None):
        given, missing = ("from", "to") if times.end is None else ("to", "from")
        yield Fault((*place, given), f"stands without `{missing}`; add it")
    elif times.start is not None and times.start == times.end:
        yield Fault((*place, "to"), f"is {times.end}, as `from` is: tickets would never be told; give another time")
    elif times.start is None and not times.weekdays:
        yield Fault(place, "has no time in it; give `weekdays`, or `from` and `to`")
    if len(set(times.weekdays)) == 7:
        yield Fault((*place, "weekdays"), "has all seven days: tickets would never be told; take one away")


def attribution(config: Config) -> Iterator[Fault]:
    """Rules that are never reached."""
    rules = config.attribution.rules
    for index, rule in enumerate(rules):
        pattern = whole(rule.match)
        before = next((n for n, other in enumerate(rules[:index]) if fnmatchcase(pattern, whole(other.match))), None)
        if before is not None:
            what = (
                f"is {rule.match!r}, which attribution.rules[{before}] ({rules[before].match!r}) takes already; "
                "put it above that one"
            )
            yield Fault(("attribution", "rules", index, "match"), what)


def whole(match: str) -> str:
    """The pattern of a rule as the instrumentor reads it."""
    return match if ":" in match else f"{match}:*"


def warnings(config: Config) -> list[Fault]:
    """What works, and is probably not what was meant."""
    return [*unheard(config), *idle(config), *late(config), *nearly(config)]


def unheard(config: Config) -> Iterator[Fault]:
    """Alerts that nobody hears."""
    notify = config.notify
    place = ("notify", "receivers") if notify.receivers else ("notify",)
    if not notify.receivers:
        yield Fault(place, "has no receivers: pages go to nobody, only to the local log; add one, and a route to it")
    elif any(lost(config, "page", surface) for surface in (None, *config.surfaces)):
        yield Fault(
            ("notify", "routes"), "leave pages that go to nobody; add {severity: page, receiver: ...} at the end"
        )
    if notify.receivers and notify.watchdog is None:
        yield Fault(
            place,
            "has no watchdog: when the stack itself is dead, nobody is told; add a dead man's switch as `watchdog`",
        )
    if notify.receivers and "127.0.0.1" in config.links.dashboards:
        yield Fault(
            ("links", "dashboards"),
            "leads to 127.0.0.1, which is another machine for whoever is told; set Grafana's address",
        )


def lost(config: Config, severity: str, surface: str | None) -> bool:
    """Whether some alert of this severity, about this surface, reaches no receiver."""
    if config.notify.fallback is not None:
        return False
    return not any(
        route.severity in (None, severity) and route.category is None and route.surface in (None, surface)
        for route in config.notify.routes
    )


def idle(config: Config) -> Iterator[Fault]:
    """Receivers that nothing is sent to."""
    used = {route.receiver for route in config.notify.routes} | {config.notify.fallback}
    for name in config.notify.receivers:
        if name not in used:
            what = "is told nothing, as no route leads to it; add a route, or take it away"
            yield Fault(("notify", "receivers", name), what)


def late(config: Config) -> Iterator[Fault]:
    """Alerts that would come after what they should prevent."""
    budgets = config.budgets
    if budgets.daily_usd and config.limits.runaway.usd_per_hour > budgets.daily_usd:
        what = (
            f"is {config.limits.runaway.usd_per_hour:g}, more in an hour than the {budgets.daily_usd:g} of "
            "budgets.daily_usd: a loop spends the day's money first; lower it"
        )
        yield Fault(("limits", "runaway", "usd_per_hour"), what)
    if budgets.daily_usd and budgets.monthly_usd and budgets.daily_usd * 31 < budgets.monthly_usd:
        what = (
            f"is {budgets.monthly_usd:g}, which {budgets.daily_usd:g} a day never reach; "
            f"lower it to {budgets.daily_usd * 31:g} or less, or raise daily_usd"
        )
        yield Fault(("budgets", "monthly_usd"), what)


def nearly(config: Config) -> Iterator[Fault]:
    """Names that are nearly those of a surface."""
    for index, rule in enumerate(config.attribution.rules):
        if rule.surface in config.surfaces:
            continue
        near = difflib.get_close_matches(rule.surface, config.surfaces, n=1, cutoff=0.8)
        if near:
            what = f"is {rule.surface!r}, which is not in surfaces; did you mean {near[0]!r}?"
            yield Fault(("attribution", "rules", index, "surface"), what)
