"""A page of HTML as a tree, to ask what is in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

EMPTY = {"meta"}


@dataclass
class Element:
    """An element: its name, attributes, and what is inside."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    inside: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What is read, titles of pictures left out."""
        return "".join(
            each if isinstance(each, str) else each.text
            for each in self.inside
            if isinstance(each, str) or each.name != "svg"
        )

    @property
    def all(self) -> Iterator[Element]:
        """This element and all within it."""
        yield self
        for each in self.inside:
            if isinstance(each, Element):
                yield from each.all

    def named(self, name: str, **attributes: str) -> list[Element]:
        """The elements of this name within, with these attributes."""
        wanted = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
        return [each for each in self.all if each.name == name and wanted.items() <= each.attributes.items()]

    def one(self, name: str, **attributes: str) -> Element:
        """The only one of them."""
        (found,) = self.named(name, **attributes)
        return found

    def answer(self, question: str) -> str:
        """The answer of the section whose heading has this id."""
        return self.one("section", aria_labelledby=question).one("p", class_="answer").text

    def findings(self) -> list[str]:
        """What stands out."""
        return [each.text for each in self.one("section", aria_labelledby="news").named("p")]

    def table(self, caption: str) -> list[dict[str, str]]:
        """The rows of the table with this caption, by the heads of its columns."""
        (found,) = [each for each in self.named("table") if each.one("caption").text == caption]
        heads = [each.text for each in found.one("thead").named("th")]
        rows = [
            [cell.text for cell in row.inside if isinstance(cell, Element)] for row in found.one("tbody").named("tr")
        ]
        return [dict(zip(heads, row, strict=True)) for row in rows]

    def figures(self) -> dict[str, str]:
        """The totals."""
        return {
            name.text: value.text
            for name, value in zip(self.one("dl").named("dt"), self.one("dl").named("dd"), strict=True)
        }


class Parser(HTMLParser):
    """Builds the tree. Raises on an end that fits no begin."""

    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {key: value or "" for key, value in attrs})
        self.open[-1].inside.append(element)
        if tag not in EMPTY:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().name == tag

    def handle_data(self, data: str) -> None:
        self.open[-1].inside.append(data)


def parsed(html: str) -> Element:
    """The root of the page, whose every element has an end."""
    parser = Parser()
    parser.feed(html)
    parser.close()
    assert len(parser.open) == 1
    return parser.open[0].one("html")
