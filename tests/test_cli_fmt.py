"""Numbers as they are shown."""

import pytest

from claude_otel.cli import fmt


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (512, "512"), (999, "999"), (1000, "1.0k"), (12_345, "12.3k"), (4_560_000, "4.56M")]
)
def test_token_counts_are_short(value: int, shown: str) -> None:
    """Counts have three significant digits or so."""
    assert fmt.tokens(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "-"), (0.0, "0.00s"), (0.414, "0.41s"), (12.34, "12.3s"), (245.0, "4m05s")]
)
def test_times_are_in_seconds_then_minutes(value: float | None, shown: str) -> None:
    """A time that is unknown is a dash."""
    assert fmt.seconds(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "-"), (0.00001, "<$0.0001"), (0.0132, "$0.0132"), (12.5, "$12.5000"), (1234.5, "$1,234.50")],
)
def test_money_shows_parts_of_a_cent(value: float | None, shown: str) -> None:
    """A call costs parts of a cent."""
    assert fmt.usd(value) == shown


@pytest.mark.parametrize(
    ("share", "shown"), [(None, "-"), (0, "0%"), (0.94, "94%"), (1, "100%"), (0.996, "99.6%"), (0.004, "0.4%")]
)
def test_a_share_is_never_rounded_to_none_or_all(share: float | None, shown: str) -> None:
    """0 % and 100 % are said only of none and all."""
    assert fmt.percent(share) == shown


def test_plurals() -> None:
    """Counted nouns."""
    assert [fmt.plural(1, "call"), fmt.plural(1200, "call"), fmt.plural(2, "retry")] == [
        "1 call",
        "1,200 calls",
        "2 retries",
    ]


@pytest.mark.parametrize(
    ("env", "terminal", "wanted"),
    [
        ({"TERM": "xterm"}, True, True),
        ({"TERM": "xterm"}, False, False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, True, False),
        ({"TERM": "xterm", "CI": "true"}, True, False),
        ({"TERM": "dumb"}, True, False),
        ({}, True, False),
    ],
)
def test_colours_only_where_they_are_wanted(env: dict[str, str], terminal: bool, wanted: bool) -> None:
    """`NO_COLOR`, `CI` and a terminal that is none mean plain text."""
    assert fmt.colours_wanted(env, terminal) is wanted


def test_a_table_is_aligned_whatever_its_colours() -> None:
    """Escape codes take no columns."""
    style = fmt.Style(True)
    lines = fmt.table([[style("a", "red"), "1"], ["bbb", "22"]], "<>")
    assert [fmt.ESCAPE.sub("", line) for line in lines] == ["  a     1", "  bbb  22"]


def test_what_a_program_names_cannot_steer_the_terminal() -> None:
    """Control characters are shown as question marks."""
    assert fmt.printable("a\x1b[2Jb\n") == "a?[2Jb?"
