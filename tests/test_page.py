"""The page of a run: what it says, and that it is safe and readable."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from importlib.resources import files
from typing import Any

import pytest

from claude_otel.cli.document import document
from claude_otel.cli.finished import Finished
from claude_otel.cli.fmt import Style, percent, seconds, usd
from claude_otel.cli.health import Health
from claude_otel.cli.page.document import page
from claude_otel.cli.page.markup import tag
from claude_otel.cli.record import read
from claude_otel.cli.report import Report
from claude_otel.cli.totals import total_rows
from cli_child import chat, event, failed
from html_page import Element, parsed

BEGIN = 1_795_000_000.0
CSS = files("claude_otel.cli.page").joinpath("page.css").read_text(encoding="utf-8")
Calls = list[dict[str, Any]]


def finished(calls: Calls, step: float = 1.0, version: str = "") -> Finished:
    """A run with these calls, `step` seconds apart."""
    report = Report()
    for number, attributes in enumerate(calls):
        report.add(read(event(attributes, at=BEGIN + number * step, version=version)))
    return Finished(["/usr/bin/python", "app.py"], 0, 12.0, report, Health())


def shown(calls: Calls, step: float = 1.0) -> Element:
    """The page of these calls."""
    return parsed(page(finished(calls, step)))


def mixed() -> Calls:
    """Calls of three surfaces, of which some fail, and some miss the cache."""
    return [
        *(chat(duration=0.2 + n / 10, time_to_first_text=0.1 + n / 50, request_id=f"req_{n}") for n in range(20)),
        *(failed(request_id=f"req_f{n}") for n in range(3)),
        failed(blame="quota", error_type="rate_limit_error", status_code=429, surface="report-writer"),
        *(chat(surface="report-writer", cost=0.25, request_id=f"req_r{n}", duration=9.0 + n) for n in range(4)),
        chat(surface="nightly", miss_reason="system_changed", missed_tokens=9000, missed_cost=0.5),
        chat(surface="nightly", blame="refused", stop_reason="refusal"),
    ]


class TestNumbers:
    """They are those of the text report and of --json."""

    def test_totals_are_those_of_the_text_report(self) -> None:
        """Word for word."""
        run = finished(mixed())
        assert parsed(page(run)).figures() == {
            name: value for name, value in total_rows(run.report, Style(False)) if value
        }

    def test_surfaces(self) -> None:
        """Calls, errors and percentiles of each, those with most errors first."""
        run = finished(mixed())
        told = document(run)["surfaces"]
        rows = parsed(page(run)).table("Surfaces, those with most errors first")
        assert [row["Surface"] for row in rows] == ["checkout-chat", "report-writer", "nightly"]
        assert [row["Errors"] for row in rows] == ["3 (provider)", "1 (quota)", "0"]
        for row in rows:
            numbers = told[row["Surface"]]
            assert row["Calls"] == str(numbers["calls"])
            assert row["First text p50"] == seconds(numbers["time_to_first_text"]["p50"])
            assert row["First text p95"] == seconds(numbers["time_to_first_text"]["p95"])
            assert row["Whole answer p50"] == seconds(numbers["duration"]["p50"])
            assert row["Whole answer p95"] == seconds(numbers["duration"]["p95"])

    def test_money(self) -> None:
        """Each way to split the bill."""
        run = finished(mixed())
        told = document(run)["cost_usd"]
        tree = parsed(page(run))
        for caption, name, key in (
            ("By component", "Component", "by_component"),
            ("By surface", "Surface", "by_surface"),
            ("By model", "Model", "by_model"),
        ):
            expected = {part: (usd(cost), percent(cost / told["total"])) for part, cost in told[key].items() if cost}
            assert {row[name]: (row["Cost"], row["Share"]) for row in tree.table(caption)} == expected

    def test_trouble_with_request_ids(self) -> None:
        """Each kind, the most frequent first, with the newest ids, newest first, and when it was seen."""
        rows = shown(mixed()).table("What went wrong")
        assert [(row["Blame"], row["Error"], row["Calls"]) for row in rows] == [
            ("provider", "529 overloaded_error", "3"),
            ("quota", "429 rate_limit_error", "1"),
            ("refused", "refusal", "1"),
        ]
        assert rows[0]["Newest request ids"] == "req_f2req_f1req_f0"
        assert rows[0]["When"] == f"{clock(BEGIN + 20)} to {clock(BEGIN + 22)}"

    def test_misses(self) -> None:
        """Reason, tokens and money."""
        (row,) = shown(mixed()).table("Why the cache was not read")
        assert row == {
            "Reason": "system_changed", "Calls": "1", "Tokens": "9.0k", "Lost": "$0.5000",
            "In words": "the system prompt changed",
        }  # fmt: skip

    def test_dearest_and_slowest(self) -> None:
        """Ten of each, in order, with ids."""
        tree = shown(mixed())
        dear, slow = tree.table("The dearest calls"), tree.table("The slowest calls")
        assert [row["Request id"] for row in dear[:4]] == ["req_r0", "req_r1", "req_r2", "req_r3"]
        assert [row["Request id"] for row in slow[:5]] == ["req_r3", "req_r2", "req_r1", "req_r0", "req_19"]
        assert (len(dear), len(slow)) == (10, 10)

    def test_charts_say_their_numbers(self) -> None:
        """Each bar has words; heights are shares of the highest."""
        calls = [chat(cost=0.01), chat(cost=0.04), chat(cost=0.02)]
        figure = shown(calls).one("section", aria_labelledby="money").one("figure")
        assert [each.one("title").inside[0] for each in figure.named("g")] == [
            f"{clock(BEGIN)}: $0.0100", f"{clock(BEGIN + 1)}: $0.0400", f"{clock(BEGIN + 2)}: $0.0200",
        ]  # fmt: skip
        assert [each.attributes["height"] for each in figure.named("rect", class_="piece plain")] == ["25", "100", "50"]

    def test_ratios_are_shares_of_all_input(self) -> None:
        """The top of their chart is 100 %, however low they are; where nothing was read, there is no bar."""
        calls = [chat(input_tokens=100, cache_read_tokens=read) for read in (50, 0, 10)]
        figure = shown(calls).one("section", aria_labelledby="cache").one("figure")
        assert figure.one("p", class_="top").text == "100%"
        assert [each.attributes["height"] for each in figure.named("rect", class_="piece plain")] == ["50", "10"]

    def test_a_distribution_has_every_call(self) -> None:
        """By the bucket edges of the metrics."""
        spread = shown([chat(duration=each) for each in (0.25, 0.3, 0.31, 7.0)]).named("svg", class_="spread")[1]
        assert spread.one("svg").inside[0].text == (  # type: ignore[union-attr]
            "Whole answer of checkout-chat. 0.20s to 0.30s: 2; 0.30s to 0.50s: 1; 5.00s to 7.50s: 1"
        )


def clock(at: float) -> str:
    """The local time."""
    return time.strftime("%H:%M:%S", time.localtime(at))


WELL = [chat() for _ in range(9)]


class TestAnswers:
    """In words, with numbers."""

    @pytest.mark.parametrize(
        ("calls", "said"),
        [
            (WELL, "Neither: none of 9 calls failed."),
            (
                [*WELL, failed()],
                "It is Anthropic: 1 of 10 calls failed (10%), and for one reason: the API was overloaded",
            ),
            (
                [*WELL, failed(blame="caller")],
                "It is us: 1 of 10 calls failed (10%), and for one reason: the request was",
            ),
            ([*WELL, failed(blame="budget")], "It is our spend limit: 1 of 10 calls failed"),
            ([*WELL, failed(blame="quota")], "It is our rate limit: 1 of 10 calls failed"),
            ([*WELL, failed(blame="network")], "It is the network: 1 of 10 calls failed"),
            ([*WELL, failed(blame="timeout")], "It is a timeout: 1 of 10 calls failed"),
            (
                [*WELL, failed(), failed(), failed(blame="caller")],
                "It is Anthropic: 3 of 12 calls failed (25%); 2 are put",
            ),
            ([*WELL, failed(), failed(blame="caller")], "It is not one thing: 2 of 11 calls failed (18%)"),
            ([*WELL, chat(blame="refused")], "Neither: none of 10 calls failed."),
            ([failed(attempts=3), chat(attempts=2)], "2 calls took more than one attempt, and 1 came through."),
        ],
    )
    def test_is_it_us(self, calls: Calls, said: str) -> None:
        """Who is to blame for most."""
        assert said in shown(calls).answer("fault")

    def test_who_is_hurt(self) -> None:
        """The surfaces that fail, those with most errors first, and the longest wait."""
        assert shown(mixed()).answer("hurt") == (
            "checkout-chat: 3 of its 23 calls failed (13%); report-writer: 1 of its 5 calls failed (20%). "
            "The longest wait for a first text is that of checkout-chat: p95 0.46s."
        )
        assert shown(WELL).answer("hurt").startswith("Nobody: no call failed.")

    def test_what_burns_money(self) -> None:
        """The largest part of each split."""
        assert (
            shown(mixed())
            .answer("money")
            .startswith("$1.2904 in all: report-writer is 77% of it, claude-opus-5-5 100%")
        )
        unpriced = chat(unpriced=True, cost=None, response_model="claude-nova")
        assert "1 call of claude-nova had no price" in shown([unpriced]).answer("money")

    def test_a_loop_is_found(self) -> None:
        """Calls of one place that grow and grow; not those that stay about as long."""
        loop = [chat(surface="agent", input_tokens=1000 * (n + 1), cost=0.1) for n in range(10)]
        words = "agent runs on: 10 calls in a row, each with more input than the one before, from 1.0k to 10.0k tokens"
        assert words in shown(loop).answer("money")
        assert words in shown(loop).findings()[0]
        slowly = [chat(input_tokens=1000 + n) for n in range(30)]
        short = [chat(input_tokens=1000 * (n % 7 + 1)) for n in range(30)]
        for calls in (slowly, short):
            assert "runs on" not in shown(calls).answer("money")

    def test_what_changed(self) -> None:
        """A prompt that is another one from the fifth call on: what calls were before and after."""
        before = [chat(prompt_fingerprint="a", call_site="app:chat") for _ in range(4)]
        after = [
            chat(prompt_fingerprint=f"b{n}", call_site="app:chat", cache_read_tokens=0, cost=0.05) for n in range(6)
        ]
        tree = shown([*before, *after])
        assert tree.answer("changed") == (
            f"The prompt of checkout-chat (app:chat) changed at {clock(BEGIN + 4)} (7 different ones)."
        )
        (row,) = tree.table("Before and after each first change")
        assert (row["Versions"], row["First change"]) == ("7", clock(BEGIN + 4))
        assert row["Before"] == "4 calls, $0.0132 each, 94% cached"
        assert row["Since"] == "6 calls, $0.0500 each, 0% cached"

    def test_models_and_releases_change_too(self) -> None:
        """A failed call, which names the model that was asked for, is no change of model."""
        report = Report()
        for number, (version, model) in enumerate(
            [("1", "claude-opus-5-5"), ("1", "claude-opus-5-5"), ("2", "claude-nova")]
        ):
            report.add(read(event(chat(response_model=model), at=BEGIN + number, version=version)))
        report.add(read(event(failed(request_model="claude-latest"), at=BEGIN + 3, version="2")))
        answer = parsed(page(Finished(["app"], 0, 1.0, report, Health()))).answer("changed")
        at = clock(BEGIN + 2)
        assert answer == (
            f"The release of app changed at {at} (2 different ones). "
            f"The model of checkout-chat changed at {at} (2 different ones)."
        )

    def test_nothing_changed(self) -> None:
        """As is said."""
        assert shown(WELL).answer("changed").startswith("Nothing: ")

    @pytest.mark.parametrize(
        ("calls", "said"),
        [
            (WELL, "No: 94% of the input was read from it."),
            (
                [*WELL, chat(miss_reason="system_changed", missed_tokens=9000, missed_cost=0.5)],
                "Yes: the system prompt changed (1 call, most of checkout-chat), and 9.0k tokens were not read",
            ),
            ([*WELL, chat(miss_reason="system_changed", missed_tokens=90, missed_cost=0.006)], "No: 94% of the input"),
            (
                [*WELL, chat(miss_reason="system_changed", missed_tokens=90, missed_cost=0.007)],
                "Yes: the system prompt",
            ),
            ([*WELL, chat(miss_reason="cold", missed_tokens=9000, missed_cost=0.5)], "No: 94% of the input"),
            (
                [chat(cache_read_tokens=None, miss_reason="not_asked")],
                "It is not in use: 0% of the input was read from it.",
            ),
            ([failed()], "No call has read any input"),
            ([chat(cost=0.01, uncached_cost=0.03)], "read from it, which saved $0.0200."),
            ([chat(cost=0.03, uncached_cost=0.01)], "and its writes cost $0.0200 more than it saved."),
        ],
    )
    def test_is_the_cache_broken(self, calls: Calls, said: str) -> None:
        """Only by what the program can mend, and when it costs."""
        assert said in shown(calls).answer("cache")

    def test_what_stands_out(self) -> None:
        """The gravest first, all of them; else that all is well."""
        found = shown([*mixed(), chat(unpriced=True, response_model="claude-nova")]).findings()
        assert [words.split(":")[0] for words in found] == [
            "It is Anthropic", "The cache is broken", "1 call of claude-nova had no price",
        ]  # fmt: skip
        assert shown(WELL).findings() == [
            "All is well: 9 calls of 1 surface without an error for $0.1188; the cache gave 94% of the input."
        ]

    def test_what_is_missing_is_said(self) -> None:
        """Calls that are no longer kept, and a program that was killed."""
        report = finished(WELL).report
        health = Health()
        health.requests = 1
        found = parsed(page(Finished(["app"], 9, 1.0, report, health, left_out=1200))).findings()
        assert found[1:] == [
            "It was ended by SIGKILL: what it did last may be missing.",
            "The first 1,200 calls are no longer kept: they are not in this report.",
        ]


EVIL = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>&lt;\u202e\x1b[31m"


def evil() -> Calls:
    """Calls whose every name is an attack."""
    named = {
        "surface": EVIL, "response_model": EVIL, "request_model": EVIL, "request_id": EVIL, "call_site": EVIL,
        "miss_reason": EVIL, "missed_cost": 1.0, "rate_limit_type": EVIL, "rate_limit_headroom": 0.5, "outcome": EVIL,
        "cost_by_model": {EVIL: 0.01}, "stop_reason": EVIL,
    }  # fmt: skip
    prompts = [chat(**named, prompt_fingerprint=each) for each in ("a", "b", EVIL)]
    return [*prompts, failed(**named | {"error_type": EVIL, "blame": EVIL, "error_code": EVIL})]


class TestSafety:
    """It loads nothing, sends nothing, runs nothing."""

    def test_names_are_text(self) -> None:
        """Whatever they look like, everywhere."""
        report = finished(evil(), version=EVIL).report
        health = Health()
        html = page(Finished(["python", EVIL], 0, 1.0, report, health, services=(EVIL,)))
        tree = parsed(html)
        assert {each.name for each in tree.all} & {"script", "img", "iframe", "object", "link", "base", "form"} == set()
        assert [each for each in tree.all if any(key.startswith("on") for key in each.attributes)] == []
        assert "\x1b" not in html
        assert "\u202e" not in html
        text = EVIL.replace("\u202e", "?").replace("\x1b", "?")
        for caption, column in (("By model", "Model"), ("By surface", "Surface"), ("What ran", "Call site")):
            assert tree.table(caption)[0][column] == text
        assert text in tree.table("The dearest calls")[0]["Request id"]
        assert "<script>alert(" in tree.one("h1").text

    def test_attributes_are_text_too(self) -> None:
        """A quote ends none."""
        assert tag("p", aria_label="\"><b>&'\x07") == '<p aria-label="&quot;&gt;&lt;b&gt;&amp;&#x27;?"></p>'

    def test_the_policy_forbids_everything_but_its_own_style(self) -> None:
        """The hash is that of the style."""
        tree = shown(mixed())
        style = tree.one("style").text
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        policy = tree.one("meta", http_equiv="Content-Security-Policy").attributes["content"]
        assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"

    def test_nothing_is_asked_for(self) -> None:
        """No address is in the page, and links lead to its own headings."""
        tree = shown(mixed())
        ids = [each.attributes["id"] for each in tree.all if "id" in each.attributes]
        links = [each.attributes["href"] for each in tree.all if "href" in each.attributes]
        assert set(links) == {f"#{name}" for name in ids} - {"#news"}
        assert len(ids) == len(set(ids))
        assert [each for each in tree.all if {"src", "style", "action", "srcset"} & set(each.attributes)] == []
        assert re.findall(r"url\(|@import|https?:|//", CSS) == []

    def test_keys_in_the_command_are_masked(self) -> None:
        """As a page is passed on."""
        from claude_otel.cli.finished import without_keys

        assert without_keys(["app", "--key=sk-ant-api03-Ab_c-9"]) == ["app", "--key=sk-ant-…"]

    def test_it_is_bounded(self) -> None:
        """100,000 calls of ever new names are a page that opens at once."""
        report = Report()
        for n in range(100_000):
            names = {"surface": f"s{n}", "response_model": f"m{n}", "call_site": f"c{n}", "prompt_fingerprint": f"p{n}"}
            report.add(
                read(event(chat(**names, miss_reason=f"r{n}", duration=n / 1000), at=BEGIN + n, version=f"v{n}"))
            )
        html = page(Finished(["app"], 0, 1.0, report, Health()))
        assert len(html) < 200_000
        tree = parsed(html)
        assert tree.figures()["calls"].startswith("100,000")
        assert tree.table("By surface")[-1]["Surface"] == "(181 more)"
        assert len(tree.one("section", aria_labelledby="money").one("figure").named("g")) <= 60


class TestReading:
    """For whoever hears it, or sees little."""

    def test_headings_and_tables(self) -> None:
        """One title, five questions, tables with captions and heads, roles that the narrow layout would lose."""
        tree = shown(mixed())
        assert tree.attributes["lang"] == "en"
        assert len(tree.named("h1")) == 1
        assert [each.text for each in tree.named("h2")][1:] == [
            "Is it us or Anthropic?", "Who is hurt?", "What burns the money?", "What changed?",
            "Is the cache broken, and why?",
        ]  # fmt: skip
        for table in tree.named("table"):
            assert table.one("caption").text
            assert {each.attributes["role"] for each in table.named("th")} == {"columnheader", "rowheader"}
            assert all(each.attributes["scope"] in ("col", "row") for each in table.named("th"))
            assert {each.attributes["role"] for each in [table, *table.named("tr"), *table.named("td")]} == {
                "table", "row", "cell",
            }  # fmt: skip

    def test_pictures_have_words(self) -> None:
        """A title, or they are not told of."""
        for picture in shown(mixed()).named("svg"):
            told = picture.attributes.get("role") == "img" and picture.inside[0].name == "title"  # type: ignore[union-attr]
            assert told or picture.attributes["aria-hidden"] == "true"

    @pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
    def test_contrast(self, scheme: int) -> None:
        """Text 4.5 to 1 and bars 3 to 1, by the formula of WCAG, on both grounds."""
        block = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)[scheme]
        colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", block))
        for ground in (colours["ground"], colours["raised"]):
            for name in ("text", "quiet", "link"):
                assert contrast(colours[name], ground) >= 4.5, name
            for name in ("plain", "provider", "quota", "budget", "caller", "network", "timeout"):
                assert contrast(colours[name], ground) >= 3, name

    def test_without_times_there_are_no_charts(self) -> None:
        """And no times."""
        report = Report()
        for attributes in mixed():
            report.add(read(event(attributes)))
        tree = parsed(page(Finished(["app"], 0, 1.0, report, Health())))
        assert tree.named("figure") == []
        assert tree.table("The dearest calls")[0]["Ended"] == "-"
        assert len(tree.table("What went wrong")) == 3

    def test_no_calls(self) -> None:
        """A page nevertheless."""
        assert shown([]).answer("fault") == "There was no call."


def contrast(one: str, other: str) -> float:
    """The contrast of two colours."""
    darker, lighter = sorted([luminance(one), luminance(other)])
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """The relative luminance of a colour."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
