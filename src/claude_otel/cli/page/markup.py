"""HTML as text that is known to be HTML; everything else is escaped as it goes in."""

from __future__ import annotations

import html
from collections.abc import Sequence

from claude_otel.cli.fmt import printable

EMPTY = frozenset({"meta"})
"""Elements without an end tag."""


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def escaped(text: str) -> Markup:
    """`text` as HTML that shows it. What a program or the API names is text, whatever it looks like."""
    return text if isinstance(text, Markup) else Markup(html.escape(printable(text)))


def joined(parts: Sequence[str]) -> Markup:
    """All parts, one after the other."""
    return Markup("".join(map(escaped, parts)))


def tag(element: str, /, *inside: str, **attributes: str) -> Markup:
    """An element. An attribute's `_` is a `-`, and one at its end is none: `class_`, `aria_label`."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(printable(value))}"' for key, value in attributes.items()
    )
    end = "" if element in EMPTY else f"</{element}>"
    return Markup(f"<{element}{given}>{joined(inside)}{end}")


def request_id(text: str) -> Markup:
    """A request id, which one click selects as a whole."""
    return tag("code", text, class_="id") if text else Markup("")


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> Markup:
    """A table. `align` has `<` or `>` for each column, as that of the text report.

    Roles are said, as the narrow layout shows rows as blocks, which takes them from the elements.
    """
    if not rows:
        return Markup("")
    names = [
        tag("th", name, scope="col", role="columnheader", class_=side(each))
        for name, each in zip(head, align, strict=True)
    ]
    return tag(
        "table",
        tag("caption", caption),
        tag("thead", tag("tr", *names, role="row"), role="rowgroup"),
        tag("tbody", *(table_row(head, row, align) for row in rows), role="rowgroup"),
        role="table",
    )


def table_row(head: Sequence[str], row: Sequence[str], align: str) -> Markup:
    """A row, the first cell of which names it."""
    cells = [tag("th", row[0], scope="row", role="rowheader", class_=side(align[0]))]
    for name, cell, each in list(zip(head, row, align, strict=True))[1:]:
        cells.append(tag("td", cell, role="cell", class_=side(each), data_label=name))
    return tag("tr", *cells, role="row")


def side(align: str) -> str:
    """The class of a cell."""
    return "number" if align == ">" else "text"
