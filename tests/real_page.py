"""The page in a real browser, light and dark, wide and narrow: `make test-page`. Needs Chromium, and fails without."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from chromium import Page, chromium, program
from claude_otel.cli.page.document import page
from cli_child import chat, claude_otel, failed
from html_page import parsed
from test_page import Calls, evil, finished, mixed

LONG = "a-surface-with-a-name-that-no-screen-is-wide-enough-for-" * 4
WIDTHS = (1280, 900, 899, 896, 600, 360)

CLIPPED = """
[...document.querySelectorAll("th, td, dd, p, h1, h2, figcaption, code, a")].filter(each => {
  const box = each.getBoundingClientRect();
  return !each.closest("thead") && box.width && (box.right > innerWidth + 0.5 || box.left < -0.5);
}).map(each => each.outerHTML.slice(0, 100))
"""
"""Elements that reach over the edge of the window."""

COVERED = """
[...document.querySelectorAll("tbody tr")].filter(row => {
  const cells = [...row.children].map(each => each.getBoundingClientRect()).filter(each => each.width);
  const apart = (one, other) => one.right <= other.left + 1 || one.bottom <= other.top + 1;
  return cells.some((one, at) => cells.slice(at + 1).some(other => !apart(one, other) && !apart(other, one)));
}).map(each => each.innerText.slice(0, 100))
"""
"""Rows in which a cell lies on another."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    """One browser for all tests."""
    with chromium() as tab:
        yield tab


def written(calls: Calls, path: Path) -> str:
    """The address of the page of these calls."""
    path.write_text(page(finished(calls)), encoding="utf-8")
    return path.as_uri()


def many() -> Calls:
    """Calls that give every section something to show, with names that are too long."""
    changing = [chat(prompt_fingerprint=f"p{n}", call_site=LONG, surface=LONG, uncached_cost=0.5) for n in range(9)]
    limits = [chat(rate_limit_type="output-tokens", rate_limit_headroom=0.03), failed(blame="timeout", request_id=LONG)]
    named = [chat(response_model=LONG, request_id=LONG, miss_reason=LONG, cost=123456.789, cache_write_tokens=10**9)]
    return [*mixed(), *changing, *limits, *named, *(chat(surface=f"surface-{n}") for n in range(30))]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("calls", [mixed(), many(), evil()], ids=["mixed", "many", "evil"])
def test_it_fits_and_asks_for_nothing(browser: Page, tmp_path: Path, calls: Calls, width: int, dark: bool) -> None:
    """Nothing to scroll sideways, nothing cut off or covered; one request, for the page; no complaint."""
    address = written(calls, tmp_path / "page.html")
    browser.show(address, width, dark)
    assert browser.value("document.documentElement.scrollWidth") == width
    assert browser.value(CLIPPED) == []
    assert browser.value(COVERED) == []
    assert browser.requests() == [address]
    assert browser.complaints() == []
    assert browser.value("document.querySelectorAll('script, img, iframe').length") == 0


@pytest.mark.parametrize(("dark", "ground", "text"), [(False, 255, 27), (True, 13, 230)], ids=["light", "dark"])
def test_colours(browser: Page, tmp_path: Path, dark: bool, ground: int, text: int) -> None:
    """The style is taken in spite of the policy, and follows the browser's choice."""
    browser.show(written(mixed(), tmp_path / "page.html"), 1280, dark)
    style = "getComputedStyle(document.body)"
    assert browser.value(f"{style}.backgroundColor").startswith(f"rgb({ground},")
    assert browser.value(f"{style}.color").startswith(f"rgb({text},")
    fill = browser.value("getComputedStyle(document.querySelector('.piece.provider')).fill")
    assert fill == ("rgb(255, 123, 114)" if dark else "rgb(207, 34, 46)")


def test_rows_are_blocks_where_it_is_narrow(browser: Page, tmp_path: Path) -> None:
    """Each number has the head of its column beside it; a reader of the screen still hears a table."""
    address = written(mixed(), tmp_path / "page.html")
    label = "getComputedStyle(document.querySelector('td'), '::before').content"
    browser.show(address, 1280)
    assert browser.value(label) == "none"
    browser.show(address, 360)
    assert browser.value(label) == '"Error"'
    tree = browser.send("Accessibility.getFullAXTree")["nodes"]
    roles = [node["role"]["value"] for node in tree if not node["ignored"]]
    tables = browser.value("document.querySelectorAll('table').length")
    assert (roles.count("table"), roles.count("columnheader") > 20, roles.count("cell") > 100) == (tables, True, True)
    pictures = browser.value("document.querySelectorAll('svg[role=img]').length")
    named = [node for node in tree if not node["ignored"] and node["role"]["value"] in ("image", "img")]
    assert len([node for node in named if node["name"]["value"]]) == pictures


def test_a_click_selects_a_request_id(browser: Page, tmp_path: Path) -> None:
    """Whole, and nothing else."""
    browser.show(written(mixed(), tmp_path / "page.html"), 1280)
    place = browser.value(
        "(() => { const id = document.querySelector('code.id'); id.scrollIntoView();"
        " const box = id.getBoundingClientRect(); return [box.x + 20, box.y + 5, id.textContent] })()"
    )
    for kind in ("mousePressed", "mouseReleased"):
        browser.send("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)
    assert browser.value("getSelection().toString()") == place[2] == "req_f2"


def test_what_the_browser_makes_of_it(tmp_path: Path) -> None:
    """`chromium --dump-dom` has the same answers and tables as the file: every element is where it was written."""
    file = tmp_path / "page.html"
    address = written(mixed(), file)
    command = [
        program(),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path}",
        "--dump-dom",
        address,
    ]
    dumped = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    ours, theirs = parsed(file.read_text(encoding="utf-8")), parsed(dumped)
    for question in ("fault", "hurt", "money", "changed", "cache"):
        assert theirs.answer(question) == ours.answer(question)
    assert [(each.name, each.text) for each in theirs.one("body").all] == [
        (each.name, each.text if each.name != "body" else each.text + "\n") for each in ours.one("body").all
    ]


def test_a_browser_shows_the_page_of_a_demo(browser: Page, tmp_path: Path) -> None:
    """From the command to the screen."""
    env = {"XDG_STATE_HOME": str(tmp_path), "CI": "true"}
    ended = claude_otel("demo", "--seconds", "4", "--quiet", "--open", **env)
    file = tmp_path / "claude-otel" / "last-run" / "page.html"
    assert ended.stderr.splitlines()[-1].startswith(f"The page: {file} ")
    browser.show(file.as_uri(), 360)
    assert browser.value("document.querySelector('.finding').innerText").startswith("All is well: ")
    assert browser.value("document.documentElement.scrollWidth") == 360
    assert browser.complaints() == []
