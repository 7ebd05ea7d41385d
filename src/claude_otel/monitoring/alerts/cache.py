"""The prompt cache."""

from __future__ import annotations

from claude_otel.monitoring import metric_names as m
from claude_otel.monitoring.alert import Alert, looked_up, of, percent, usd
from claude_otel.monitoring.config import Config
from claude_otel.monitoring.promql import number


def alerts(config: Config) -> list[Alert]:
    """The alerts on the cache."""
    return [hit_drop(config), net_negative(config)]


def hit_drop(config: Config) -> Alert:
    drop, floor = config.limits.cache_drop, config.limits.floor.input_tokens
    return Alert(
        "ClaudeCacheHitDrop", "ticket", "cache",
        f"""\
(
  surface:claude_cache_hit:ratio1h < on ({m.SURFACE}) surface:claude_cache_hit_target:ratio
  or
  surface:claude_cache_hit:ratio1h < on ({m.SURFACE}) {number(drop / 100)} * surface:claude_cache_hit:ratio7d
)
and on ({m.SURFACE})
surface:claude_input_tokens:increase1h >= {floor}""",
        "30m", "A deploy empties the cache; half an hour later it is warm again, or it is broken.",
        f"{of(m.SURFACE)} reads only {percent()} of its input tokens from the cache"
        f"{also('its target is', 'surface:claude_cache_hit_target:ratio')}"
        f"{also('in its last 7 days it was', 'surface:claude_cache_hit:ratio7d')}",
        "The dashboard splits the misses by reason: tools or system changed after a deploy, prompts that expired "
        "between calls, calls in parallel.",
        f"hit ratio in 1 h under `cache_hit_ratio` of the surface, or under {number(drop)} % of its own 7 days; "
        f"{floor} input tokens or more",
        dashboard="claude-cache",
    )  # fmt: skip


def also(what: str, series: str) -> str:
    """Template of a share to compare with, nothing where the surface has none."""
    return looked_up(series, (m.SURFACE,), f'humanizePercentage | printf "; {what} %s"')


def net_negative(config: Config) -> Alert:
    limit = config.limits.cache_loss.usd_per_day
    return Alert(
        "ClaudeCacheNetNegative", "ticket", "cache",
        f"-1 * surface:claude_cache_saving_usd:increase1d > {number(limit)}",
        "1h", "It is a matter of a day, and of the way prompts are cut: nothing that an hour changes.",
        f"{of(m.SURFACE)}: caching lost {usd()} in the last day: it is written more than it is read",
        "A write to the cache costs 1.25 or 2 times a plain token. Below about one read for a write, the cache costs "
        "more than it saves.",
        f"a surface's cost in 1 d is over ${number(limit)} above what the same calls had cost without a cache",
        dashboard="claude-cache",
    )  # fmt: skip
