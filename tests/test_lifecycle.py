"""Which models retire when: the file that came along, what is asked of the API, and how it is shown."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from claude_otel.cli import models
from claude_otel.fakeapi import FakeAPI
from claude_otel.monitoring import lifecycle
from claude_otel.monitoring.config_file import load
from claude_otel.monitoring.lifecycle import Lifecycle, LifecycleError, Row
from claude_otel.monitoring.models import RETIREMENT, group
from claude_otel.price_table import PRICES_FILE
from cli_child import claude_otel

TODAY = date(2026, 11, 21)
SHIPPED = lifecycle.load()

SONNET = "claude-sonnet-4-5-20250929"


def row(model: str, platform: str = "anthropic") -> Row:
    """The row of a model on a platform."""
    return next(each for each in SHIPPED.rows if each.model == model and platform in each.platforms)


@pytest.fixture(scope="module")
def api() -> Iterator[FakeAPI]:
    """A fake API, whose list of models is Anthropic's of November 2026."""
    with FakeAPI() as running:
        yield running


@contextmanager
def answering(status: int, body: dict[str, Any]) -> Iterator[str]:
    """The address of a server that gives every request the same answer."""

    class Same(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Same) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class TestShippedFile:
    """lifecycle.json."""

    def test_it_is_written_as_it_would_be_written(self) -> None:
        """So that a refresh differs only where something is new."""
        assert SHIPPED.text() == lifecycle.FILE.read_text(encoding="utf-8")

    def test_every_row_has_a_source_and_is_there_once(self) -> None:
        """On a platform a name means one model."""
        names = [(platform, name) for each in SHIPPED.rows for platform in each.platforms for name in each.names]
        assert len(names) == len(set(names))
        assert all(each.source for each in SHIPPED.rows)

    def test_states_and_dates_agree(self) -> None:
        """Only what is active has a floor; what is deprecated or retired has a date."""
        for each in SHIPPED.rows:
            assert each.floor <= (each.state == "active"), each.model
            assert (each.state == "active") or each.retires, each.model
            assert (each.state == "retired") <= (each.retires is not None and each.retires <= SHIPPED.as_of), each.model

    def test_it_agrees_with_the_sdk(self) -> None:
        """Every model that the SDK warns of and that is in the file has the SDK's date."""
        from anthropic.resources.messages.messages import DEPRECATED_MODELS

        dates = {name: each for each in SHIPPED.rows for name in each.names if "anthropic" in each.platforms}
        compared = {model: text for model, text in DEPRECATED_MODELS.items() if model in dates}
        assert len(compared) >= 10
        for model, text in compared.items():
            retires = dates[model].retires
            assert retires is not None
            suffix = (
                {1: "st", 2: "nd", 3: "rd"}.get(retires.day % 10, "th") if retires.day not in (11, 12, 13) else "th"
            )
            assert f"{retires:%B} {retires.day}{suffix}, {retires.year}" == text

    def test_every_active_model_has_a_price_on_its_platforms(self) -> None:
        """The two files are kept together."""
        priced = {
            (platform, model)
            for each in json.loads(PRICES_FILE.read_text())["rows"]
            for platform in each["platforms"]
            for model in each["models"]
        }
        for each in SHIPPED.rows:
            if each.state == "active":
                assert {(platform, each.model) for platform in each.platforms} <= priced, each.model


class TestRow:
    """What may be alerted on."""

    def test_a_floor_is_no_date(self) -> None:
        """However long ago it was."""
        haiku = row("claude-haiku-4-5-20251001")
        assert haiku.retires == date(2026, 10, 15)
        assert (haiku.dated, haiku.days_left(TODAY)) == (False, None)

    def test_an_announced_retirement_is_one(self) -> None:
        """Counted in days; overdue is less than 0."""
        sonnet = row(SONNET)
        assert (sonnet.dated, sonnet.days_left(TODAY), sonnet.days_left(date(2026, 12, 2))) == (True, 9, -2)

    def test_a_retired_model_is_not_going_to_retire(self) -> None:
        """Calls of it fail, which another alert tells."""
        assert not row("claude-opus-4-1-20250805").dated

    def test_platforms_are_apart(self) -> None:
        """The same model has no date on Bedrock, where Amazon has named only a floor."""
        bedrock = row("anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock")
        assert (bedrock.dated, bedrock.providers) == (False, ("aws.bedrock",))
        assert row(SONNET).providers == ("anthropic",)

    def test_an_alias_stands_for_a_model(self) -> None:
        """From Claude 4.6 on the short name is the model."""
        assert lifecycle.pinned_name("claude-sonnet-4-5") == SONNET
        assert lifecycle.pinned_name("claude-3-5-haiku-latest") == "claude-3-5-haiku-20241022"
        assert lifecycle.pinned_name("claude-opus-5-5") is None


def entry(model: str, state: str = "active", deprecated: str | None = None, retires: str | None = None) -> Any:
    """An entry of /v1/models."""
    return {"id": model, "lifecycle": state, "deprecated_at": deprecated, "retires_at": retires}


class TestRefreshed:
    """What the API says over what was known."""

    def test_what_the_api_says_holds_and_the_rest_stays(self) -> None:
        """Floors, aliases and successors, which it does not tell, and other platforms' rows."""
        answer = [
            entry(SONNET, "retired", "2026-09-30T00:00:00Z", "2026-12-31T00:00:00Z"),
            entry("claude-opus-5"),
            entry("claude-new-6"),
        ]
        new = lifecycle.refreshed(SHIPPED, answer, date(2027, 1, 2))
        sonnet, opus, fresh, *others = new.rows
        assert new.as_of == date(2027, 1, 2)
        assert (sonnet.state, sonnet.retires, sonnet.aliases) == ("retired", date(2026, 12, 31), ("claude-sonnet-4-5",))
        assert sonnet.replacement == "claude-sonnet-5-5"
        assert (opus.retires, opus.floor) == (date(2027, 7, 24), True)
        assert opus.source.startswith("/v1/models on 2027-01-02; the floor: ")
        assert (fresh.platforms, fresh.retires, fresh.source) == (
            ("anthropic", "aws", "foundry"),
            None,
            "/v1/models on 2027-01-02",
        )
        assert others == [each for each in SHIPPED.rows if each not in (row(SONNET), row("claude-opus-5"))]

    def test_a_floor_ends_when_a_date_is_announced(self) -> None:
        """Then it is one to alert on."""
        answer = [entry("claude-opus-5", "deprecated", "2027-05-01T00:00:00Z", "2027-08-01T12:00:00Z")]
        opus = lifecycle.refreshed(SHIPPED, answer, TODAY).rows[0]
        assert (opus.dated, opus.floor, opus.retires) == (True, False, date(2027, 8, 1))

    def test_a_written_file_is_read_again(self, tmp_path: Path) -> None:
        """Byte for byte."""
        file = tmp_path / "dates.json"
        file.write_text(SHIPPED.text())
        assert lifecycle.load(file) == SHIPPED


UNUSABLE = [
    ("[", "is no file of retirement dates"),
    ("[]", "is no file of retirement dates"),
    ('{"as_of": "2026-11-20"}', "'rows' is missing"),
    ('{"as_of": "yesterday", "rows": []}', "Invalid isoformat string: 'yesterday'"),
    ('{"as_of": "2026-11-20", "rows": [{"model": "m", "state": "old"}]}', "the state of m is 'old'"),
    (
        '{"as_of": "2026-11-20", "rows": [{"model": "m", "state": "active", "platforms": ["azure"]}]}',
        "the platforms of m are ['azure']",
    ),
]


@pytest.mark.parametrize(("text", "why"), UNUSABLE)
def test_a_file_that_cannot_be_used_says_why(text: str, why: str, tmp_path: Path) -> None:
    """And what to do."""
    file = tmp_path / "dates.json"
    file.write_text(text)
    with pytest.raises(LifecycleError) as caught:
        lifecycle.load(file)
    assert why in str(caught.value)
    assert str(caught.value).endswith(
        "run `claude-otel models refresh`, or take models.lifecycle_file out of claude-otel.yaml"
    )


class TestList:
    """`claude-otel models`."""

    def test_what_retires_first_is_on_top(self) -> None:
        """With the days that are left, and where to go."""
        lines = models.lines(SHIPPED, TODAY)
        assert [" ".join(line.split()) for line in lines[:4]] == [
            "model platforms state retires days left move to",
            "claude-mythos-preview anthropic, aws, foundry deprecated on 2026-06-30 overdue",
            f"{SONNET} anthropic, aws, foundry deprecated on 2026-11-30 9 claude-sonnet-5-5",
            "anthropic.claude-sonnet-4-5-20250929-v1:0 bedrock, mantle active not before 2026-09-30",
        ]
        assert lines[-1] == "Dates as of 2026-11-20, 1 day ago. The sources are in --json."
        assert not any("retired" in line for line in lines)
        assert any("retired" in line for line in models.lines(SHIPPED, TODAY, retired=True))

    def test_as_a_document(self) -> None:
        """Every row with its source."""
        document = models.document(SHIPPED, TODAY)
        assert (document["as_of"], document["today"], len(document["models"])) == (
            "2026-11-20",
            "2026-11-21",
            len(SHIPPED.rows),
        )
        sonnet = next(each for each in document["models"] if each["model"] == SONNET)
        assert (sonnet["retires"], sonnet["days_left"], sonnet["floor"]) == ("2026-11-30", 9, False)

    def test_as_a_command(self, tmp_path: Path) -> None:
        """By today's clock."""
        assert SONNET in claude_otel("models", cwd=tmp_path).stdout
        assert json.loads(claude_otel("models", "--json", cwd=tmp_path).stdout)["as_of"] == "2026-11-20"


class TestRefreshCommand:
    """`claude-otel models refresh`."""

    def test_it_asks_the_api_and_writes_the_file(self, api: FakeAPI, tmp_path: Path) -> None:
        """Every page of the list; and it says what is new. The rules go by the file from then on."""
        (tmp_path / "claude-otel.yaml").write_text("models: {lifecycle_file: dates.json}\n")
        ended = claude_otel("models", "refresh", cwd=tmp_path, **api.environment)
        assert ended.returncode == 0, ended.stderr
        new = lifecycle.load(tmp_path / "dates.json")
        assert (ended.stdout.splitlines()[-1]) == f"wrote dates.json: {len(new.rows)} models as of {new.as_of}"
        told = {each.model for each in new.rows if each.source.startswith("/v1/models")}
        assert {"claude-opus-5-5", SONNET, "claude-3-opus-20240229"} <= told
        before = {(each.model, each.platforms): (each.state, each.retires, each.floor) for each in SHIPPED.rows}
        after = {(each.model, each.platforms): (each.state, each.retires, each.floor) for each in new.rows}
        assert after == before
        config = load(tmp_path / "claude-otel.yaml").config
        assert {rule.labels["gen_ai_request_model"] for rule in group(config).rules if rule.record == RETIREMENT} >= {
            SONNET,
            "claude-sonnet-4-5",
        }

    def test_changes_are_told(self) -> None:
        """A line for each model that is new or whose state or date is another."""
        old = Lifecycle(TODAY, SHIPPED.rows[1:])
        answer = [
            entry("claude-opus-5", "deprecated", "2027-05-01T00:00:00Z", "2027-08-01T00:00:00Z"),
            entry("claude-fable-5-2"),
        ]
        assert models.changes(old, lifecycle.refreshed(old, answer, TODAY)) == [
            "claude-opus-5: active, not before 2027-07-24 -> deprecated, on 2027-08-01",
            "claude-fable-5-2: new, active",
        ]

    def test_no_key_and_no_file_are_one_message_each(self, tmp_path: Path) -> None:
        """With the remedy."""
        no_file = claude_otel("models", "refresh", cwd=tmp_path)
        assert (no_file.returncode, no_file.stderr) == (
            125,
            "claude-otel: no file to write. Name one with --out, or as models.lifecycle_file in claude-otel.yaml.\n",
        )
        no_key = claude_otel("models", "refresh", "--out", "dates.json", cwd=tmp_path)
        assert (no_key.returncode, no_key.stderr) == (
            125,
            "claude-otel: no key. Set ANTHROPIC_API_KEY; an ordinary key may list models.\n",
        )

    @pytest.mark.parametrize(
        ("status", "body", "told"),
        [
            (401, {}, "answered 401: the key is not valid there, or may not list models. Look at ANTHROPIC_API_KEY."),
            (404, {}, "answered 404: there is no list of models. Look at ANTHROPIC_BASE_URL."),
            (422, {}, "answered 422: try again later."),
            (
                200,
                {"data": [entry("claude-opus-5", "sleeping")]},
                "the state of claude-opus-5 is 'sleeping'. Update claude-otel.",
            ),
            (200, {"data": []}, "lists no models. Look at the workspace of the key."),
            (
                200,
                {"data": [{"id": "claude-opus-5", "type": "model", "display_name": ""}]},
                "does not tell lifecycle, deprecated_at, retires_at of claude-opus-5. A gateway may leave it out:",
            ),
        ],
    )  # fmt: skip
    def test_an_answer_without_the_dates_is_one_message(
        self, status: int, body: dict[str, Any], told: str, tmp_path: Path
    ) -> None:
        """With the remedy; and no file is written."""
        with answering(status, body) as url:
            env = {"ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": url}
            ended = claude_otel("models", "refresh", "--out", "dates.json", cwd=tmp_path, **env)
        assert (ended.returncode, ended.stderr.count("\n")) == (125, 1)
        assert told in ended.stderr
        assert list(tmp_path.iterdir()) == []

    def test_nobody_there_is_one_message(self, tmp_path: Path) -> None:
        """As behind a wrong ANTHROPIC_BASE_URL."""
        env = {"ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": "http://127.0.0.1:9"}
        ended = claude_otel("models", "refresh", "--out", "dates.json", cwd=tmp_path, **env)
        assert ended.returncode == 125
        assert "http://127.0.0.1:9/v1/models" in ended.stderr
        assert "cannot be reached. Look at the network, and at ANTHROPIC_BASE_URL." in ended.stderr

    def test_a_broken_file_is_not_written_over(self, api: FakeAPI, tmp_path: Path) -> None:
        """It may hold rows that somebody added."""
        (tmp_path / "dates.json").write_text("[")
        ended = claude_otel("models", "refresh", "--out", "dates.json", cwd=tmp_path, **api.environment)
        assert ended.returncode == 125
        assert "dates.json: is no file of retirement dates" in ended.stderr
        assert "Move it away to begin anew." in ended.stderr
        assert (tmp_path / "dates.json").read_text() == "["
