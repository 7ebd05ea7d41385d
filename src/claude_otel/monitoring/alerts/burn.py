"""Alerts on the rate at which an error budget is used up, over a long window and a short one."""

from __future__ import annotations

from claude_otel.monitoring.promql import Labels, number, on

WINDOWS = (("1h", "5m"), ("6h", "30m"))
"""The long window says that it matters, the short one that it still goes on."""


def burn(bad: str, allowed: str, calls: str, labels: Labels, fast: float, slow: float, floor: int) -> str:
    """When the share `bad` is so many times what is allowed, in both windows, with `floor` calls in the long one."""
    pairs = []
    for (long, short), factor in zip(WINDOWS, (fast, slow), strict=True):
        limit = f"{number(factor)} * {allowed}"
        pairs.append(f"""\
(
  {bad}{long} > {on(labels)} {limit}
  and {on(labels)} {bad}{short} > {on(labels)} {limit}
  and {on(labels)} {calls}{long} >= {floor}
)""")
    return "\nor\n".join(pairs)
