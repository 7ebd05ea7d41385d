"""Numbers, money and tables as they are shown, and colours where they are wanted."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

CODES = {
    "dim": "2",
    "bold": "1",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")

BLAME_STYLES = {
    "provider": "red",
    "quota": "yellow",
    "budget": "magenta",
    "caller": "red",
    "network": "yellow",
    "timeout": "yellow",
    "cancelled": "dim",
    "refused": "cyan",
}
"""The colour of a call by who is to blame for it."""


def colours_wanted(env: Mapping[str, str], terminal: bool) -> bool:
    """Whether output may have escape codes: a terminal that knows them, no `NO_COLOR`, no `CI`."""
    return terminal and not env.get("NO_COLOR") and not env.get("CI") and env.get("TERM", "dumb") != "dumb"


class Style:
    """Puts text in colours, or leaves it as it is."""

    def __init__(self, colours: bool) -> None:
        self.colours = colours

    def __call__(self, text: str, *names: str) -> str:
        """`text` in the colours `names`; empty names are none."""
        codes = [CODES[name] for name in names if name]
        if not (self.colours and codes and text):
            return text
        return f"\x1b[{';'.join(codes)}m{text}\x1b[0m"


def width(text: str) -> int:
    """How many columns `text` takes."""
    return len(ESCAPE.sub("", text))


def usd(value: float | None) -> str:
    """Money: four decimals, two from $100 on; `-` when unknown, and never zero for what is not."""
    if value is None:
        return "-"
    if 0 < value < 0.00005:
        return "<$0.0001"
    return f"${value:,.2f}" if abs(value) >= 100 else f"${value:.4f}"


def seconds(value: float | None) -> str:
    """A time: `0.41s`, `12.3s`, `4m05s`; `-` when unknown."""
    if value is None:
        return "-"
    if value >= 100:
        return f"{int(value // 60)}m{int(value % 60):02d}s"
    return f"{value:.1f}s" if value >= 10 else f"{value:.2f}s"


def tokens(value: float) -> str:
    """A count: `512`, `12.3k`, `4.56M`."""
    if value < 1000:
        return f"{value:.0f}"
    return f"{value / 1e3:.1f}k" if value < 999_950 else f"{value / 1e6:.2f}M"


def percent(share: float | None) -> str:
    """A share: `94%`, with a decimal where it would round to none or to all, `<0.1%` below that."""
    if share is None:
        return "-"
    if 0 < share < 0.0005:
        return "<0.1%"
    whole = f"{share * 100:.0f}%"
    return f"{share * 100:.1f}%" if whole in ("0%", "100%") and share not in (0, 1) else whole


def plural(count: int, noun: str) -> str:
    """`1 call`, `2 calls`, `2 retries`."""
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun[:-1]}ies" if noun.endswith("y") else f"{count:,} {noun}s"


def printable(text: str) -> str:
    """`text` without control characters: what a program names cannot steer the terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def shortened(text: str, columns: int) -> str:
    """`text` in at most `columns` columns."""
    return text if len(text) <= columns else text[: max(1, columns - 1)] + "…"


def table(rows: Sequence[Sequence[str]], align: str, indent: int = 2) -> list[str]:
    """Rows as lines with aligned columns: `align` has `<` or `>` for each column."""
    widths = [max(width(row[column]) for row in rows) for column in range(len(align))]
    return [
        " " * indent + "  ".join(padded(*cell) for cell in zip(row, align, widths, strict=True)).rstrip()
        for row in rows
    ]


def padded(text: str, side: str, columns: int) -> str:
    """`text` filled with blanks to `columns`, which stand left of it for `>`."""
    blanks = " " * (columns - width(text))
    return blanks + text if side == ">" else text + blanks


def terminal_size(stream_number: int = 2) -> os.terminal_size:
    """The size of the terminal behind the file descriptor, 100 by 24 without one."""
    try:
        return os.get_terminal_size(stream_number)
    except OSError:
        return os.terminal_size((100, 24))
