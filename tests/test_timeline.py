"""What a run keeps of its course: spans of time, what changed, calls that stand out. All of it bounded."""

from __future__ import annotations

import random

import pytest

from claude_otel.cli.changes import MOST, Growth, Row, Versions
from claude_otel.cli.record import Call, read
from claude_otel.cli.timeline import Timeline
from claude_otel.cli.top import KEPT, Top
from cli_child import chat, event, failed

BEGIN = 1_795_000_000.0


def call(at: float = BEGIN, **changes: object) -> Call:
    """A call that ended then."""
    return read(event(chat(**changes), at=at))


class TestTimeline:
    """Spans of time."""

    @pytest.mark.parametrize("seconds", [1, 59, 60, 61, 1000, 86_400])
    @pytest.mark.parametrize("order", ["forward", "backward", "random"])
    def test_every_call_is_in_its_span(self, seconds: int, order: str) -> None:
        """However long the run is and in whatever order calls come: spans are equal, few, and lose nothing."""
        times = [BEGIN + seconds * n / 300 for n in range(301)]
        if order == "backward":
            times.reverse()
        if order == "random":
            random.Random(1).shuffle(times)
        line = Timeline()
        for number, at in enumerate(times):
            line.add(call(at, cost=float(number)))
        assert line.width == 1 or len(line.spans) > line.most / 2 - 1
        assert len(line.spans) <= line.most
        for at, span in line.spans:
            inside = [number for number, each in enumerate(times) if at <= each < at + line.width]
            assert (span.calls, span.cost) == (len(inside), float(sum(inside)))
        assert sum(span.calls for _, span in line.spans) == 301

    def test_spans_without_calls_are_there(self) -> None:
        """A pause is a gap."""
        line = Timeline()
        line.add(call(BEGIN))
        line.add(call(BEGIN + 3, input_tokens=None, cache_read_tokens=None))
        line.add(read(event(failed(), at=BEGIN + 3.5)))
        assert [span.calls for _, span in line.spans] == [1, 0, 0, 2]
        assert [span.hit_ratio for _, span in line.spans] == [0.94, None, None, None]
        assert line.spans[3][1].blames == {"provider": 1}

    def test_a_call_without_a_time_is_in_none(self) -> None:
        """A clock that is not set would stretch the line over decades."""
        line = Timeline()
        line.add(call(0.0))
        assert line.spans == []


class TestChanges:
    """Versions, and rows that grow."""

    def test_the_first_change_parts_before_and_after(self) -> None:
        """A version that comes back is no new one."""
        versions = Versions()
        for number, name in enumerate("aabab"):
            versions.add(name, call(BEGIN + number, cost=1.0 + number))
        assert versions.calls == {"a": 3, "b": 2}
        assert versions.changed_at == BEGIN + 2
        assert (versions.before.calls, versions.before.cost) == (2, 3.0)
        assert (versions.after.calls, versions.after.cost) == (3, 12.0)

    def test_versions_are_bounded(self) -> None:
        """Further ones are one, and it is known that there are more."""
        versions = Versions()
        for number in range(MOST):
            versions.add(f"v{number}", call())
        assert not versions.capped
        for number in range(1000):
            versions.add(f"w{number}", call())
        assert (len(versions.calls), versions.capped) == (MOST + 1, True)
        assert versions.before.calls + versions.after.calls == MOST + 1000

    @pytest.mark.parametrize(
        ("inputs", "longest"),
        [
            ([], Row()),
            ([5], Row(1, 5, 5)),
            ([1, 2, 3, 3, 4], Row(3, 1, 3)),
            ([9, 1, 2, 5, 8, 0, 9, 3], Row(5, 1, 9)),
            ([3, 2, 1], Row(1, 3, 3)),
        ],
    )
    def test_the_longest_row(self, inputs: list[int], longest: Row) -> None:
        """Of calls that grow; one that read nothing, as it failed, does not end it."""
        growth = Growth()
        for tokens in inputs:
            growth.add(call(input_tokens=tokens))
        assert growth.longest == longest


def test_the_largest_are_kept() -> None:
    """In order; of equal ones the earlier; none that has no value."""
    values = [*range(50), 49, 0]
    random.Random(2).shuffle(values)
    top = Top()
    for number, value in enumerate(values):
        top.add(float(value) or None, call(request_id=f"{value}-{number}"))
    ids = [str(each.request_id) for each in top.calls]
    assert [int(each.split("-")[0]) for each in ids] == sorted(values, reverse=True)[:KEPT]
    assert int(ids[0].split("-")[1]) < int(ids[1].split("-")[1])
