"""The time zone in which a day and a month of money begin and end, as recording rules.

PromQL's calendar is UTC and knows no zones. So the offset of the configured zone, and every change of it for five
years, are written into rules that say when today and this month began, in unix time. Days of 23 and 25 hours and zones
of half an hour come out right. `ClaudeZoneTableEnds` tells 60 days before the table ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from claude_otel.monitoring.rule import Group, Recording

FIRST_YEAR = 2026
YEARS = 5
DAY = 86400

OFFSET = "zone:claude_utc_offset_seconds:now"
LOCAL_DAY = "zone:claude_local_day_number:now"
FIRST_DAY = "zone:claude_local_month_first_day_number:now"
DAY_START = "zone:claude_day_start_timestamp_seconds:now"
MONTH_START = "zone:claude_month_start_timestamp_seconds:now"
MONTH_END = "zone:claude_month_end_timestamp_seconds:now"
TABLE_END = "zone:claude_table_end_timestamp_seconds:constant"


@dataclass(frozen=True)
class Steps:
    """A value that changes at certain points: its value before the first, and what each point adds."""

    start: int
    changes: tuple[tuple[int, int], ...]

    def expression(self, now: str) -> str:
        """PromQL for the value at `now`."""
        lines = [str(self.start)]
        for point, added in self.changes:
            lines.append(f"{'+' if added > 0 else '-'} {abs(added)} * ({now} >= bool {point})")
        return "\n  ".join(lines)


def offsets(zone: ZoneInfo) -> Steps:
    """The offset of `zone` from UTC in seconds, by unix time."""
    instant = datetime(FIRST_YEAR, 1, 1, tzinfo=timezone.utc) - timedelta(days=1)
    end = datetime(FIRST_YEAR + YEARS, 1, 1, tzinfo=timezone.utc) + timedelta(days=1)
    start = before = offset_at(zone, instant)
    changes = []
    while instant < end:
        later = instant + timedelta(hours=6)
        after = offset_at(zone, later)
        if after != before:
            changes.append((change_between(zone, instant, later), after - before))
        instant, before = later, after
    return Steps(start, tuple(changes))


def offset_at(zone: ZoneInfo, instant: datetime) -> int:
    """The offset of `zone` from UTC at `instant`, in seconds."""
    offset = instant.astimezone(zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


def change_between(zone: ZoneInfo, early: datetime, late: datetime) -> int:
    """The unix time at which the offset changes, between two instants."""
    low, high = int(early.timestamp()), int(late.timestamp())
    before = offset_at(zone, early)
    while high - low > 1:
        middle = (low + high) // 2
        if offset_at(zone, datetime.fromtimestamp(middle, timezone.utc)) == before:
            low = middle
        else:
            high = middle
    return high


def midnights(zone: ZoneInfo) -> Steps:
    """How many seconds before midnight of UTC each day begins in `zone`, by the number of the day since 1970."""
    epoch = date(1970, 1, 1)
    day = date(FIRST_YEAR, 1, 1) - timedelta(days=1)
    start = before = lead(zone, day)
    changes = []
    while day <= date(FIRST_YEAR + YEARS, 1, 1):
        after = lead(zone, day)
        if after != before:
            changes.append(((day - epoch).days, after - before))
        before = after
        day += timedelta(days=1)
    return Steps(start, tuple(changes))


def lead(zone: ZoneInfo, day: date) -> int:
    """How many seconds before midnight of UTC `day` begins in `zone`."""
    begins = datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()
    return int(datetime(day.year, day.month, day.day, tzinfo=timezone.utc).timestamp() - begins)


def table_end(zone: ZoneInfo) -> int:
    """The unix time at which the table ends."""
    return int(datetime(FIRST_YEAR + YEARS, 1, 1, tzinfo=zone).timestamp())


def group(time_zone: str) -> Group:
    """When today and this month began in `time_zone`, and when the month ends."""
    zone = ZoneInfo(time_zone)
    after_midnight = midnights(zone)
    now = offsets(zone).expression("time()")
    first_of_next = f"({FIRST_DAY} + days_in_month({FIRST_DAY} * {DAY}))"
    rules = [
        Recording(OFFSET, f"vector(\n  {now}\n)", why=f"Seconds that {time_zone} is ahead of UTC"),
        Recording(LOCAL_DAY, f"floor(({OFFSET} + time()) / {DAY})", why="Days since 1970 by the calendar of the zone"),
        Recording(DAY_START, begin(LOCAL_DAY, after_midnight)),
        Recording(FIRST_DAY, f"{LOCAL_DAY} - day_of_month({LOCAL_DAY} * {DAY}) + 1"),
        Recording(MONTH_START, begin(FIRST_DAY, after_midnight)),
        Recording(MONTH_END, begin(first_of_next, after_midnight)),
    ]
    if time_zone not in ("UTC", "Etc/UTC"):
        rules.append(Recording(TABLE_END, f"vector({table_end(zone)})", why="Make the files anew before then"))
    return Group("claude-calendar", tuple(rules), f"Today and this month in {time_zone}")


def begin(day: str, after_midnight: Steps) -> str:
    """PromQL for the unix time at which the day with the number `day` begins."""
    if not after_midnight.changes:
        return f"{day} * {DAY} - {after_midnight.start}" if after_midnight.start else f"{day} * {DAY}"
    return f"{day} * {DAY} - (\n  {after_midnight.expression(day)}\n)"
