"""The page: what stands out, the numbers of the text report, the five sections. It asks nothing of any network."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files

from claude_otel.cli.finished import Finished
from claude_otel.cli.fmt import Style
from claude_otel.cli.page import answers
from claude_otel.cli.page.clock import Clock
from claude_otel.cli.page.markup import Markup, tag
from claude_otel.cli.page.sections import sections
from claude_otel.cli.summary import remarks
from claude_otel.cli.totals import total_rows

PLAIN = Style(False)

QUESTIONS = (
    ("fault", "Us or Anthropic"),
    ("hurt", "Who is hurt"),
    ("money", "Money"),
    ("changed", "What changed"),
    ("cache", "Cache"),
)


def page(run: Finished) -> str:
    """The whole page of a run."""
    clock = Clock(run.report.first_end or 0.0, run.report.last_end)
    title = run.words or "calls to Claude"
    return "<!doctype html>\n" + tag("html", head(title), body(run, title, clock), lang="en") + "\n"


def head(title: str) -> Markup:
    """Title and style. Only this style may be used, and nothing may be loaded or sent."""
    style = Markup(files("claude_otel.cli.page").joinpath("page.css").read_text(encoding="utf-8"))
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", f"{title}: calls to Claude"),
        tag("style", style),
    )


def body(run: Finished, title: str, clock: Clock) -> Markup:
    """All that is seen."""
    return tag(
        "body",
        tag(
            "header",
            tag("p", "claude-otel: calls to Claude of", class_="note"),
            tag("h1", title),
            tag("p", "  ·  ".join(filter(None, [clock.whole, run.ending.replace("  ", ", ")])), class_="note"),
        ),
        tag(
            "main",
            news(run),
            figures(run),
            tag(
                "nav", *(tag("a", words, href=f"#{name}") for name, words in QUESTIONS), aria_label="The five questions"
            ),
            *sections(run.report, clock),
        ),
        footer(),
    )


def news(run: Finished) -> Markup:
    """What stands out, and what the reader must know of the numbers themselves."""
    notes = [*remarks(run.health, PLAIN), *run.notes()]
    found = [tag("p", words, class_="finding bad") for words in answers.stands_out(run.report)]
    return tag(
        "section",
        tag("h2", "What happened", id="news"),
        *(found or [tag("p", answers.all_well(run.report), class_="finding")]),
        *(tag("p", words, class_="finding warning") for words in notes),
        aria_labelledby="news",
    )


def figures(run: Finished) -> Markup:
    """The totals, word for word as the text report has them."""
    rows = [(name, value) for name, value in total_rows(run.report, PLAIN) if value]
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in rows))


def footer() -> Markup:
    """Where the page is from, and what it has not."""
    words = (
        f"Written by claude-otel {version('claude-otel')} from what the program's own telemetry said. It holds no "
        "prompts and no answers, loads nothing and sends nothing. A click on a request id selects it whole."
    )
    return tag("footer", words)
