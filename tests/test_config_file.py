"""claude-otel.yaml: each kind of fault with its message, all of them at once, and what is only warned of."""

from __future__ import annotations

import json
import os
from pathlib import Path

import jsonschema
import pytest

from claude_otel import config as application
from claude_otel.monitoring import json_schema
from claude_otel.monitoring.config import KIND_DEFAULTS, Config
from claude_otel.monitoring.config_file import ConfigError, find, load, read
from claude_otel.telemetry import DURATION_EDGES
from wrong_configs import WARNED, WRONG

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "claude-otel.yaml"

SECTIONS = [name for name in Config.model_fields if name not in ("time_zone", "retention_days")]


def faults(text: str) -> list[str]:
    """What is wrong with a file of this text, without the name of the file."""
    with pytest.raises(ConfigError) as caught:
        read(text)
    messages = [fault.text for fault in caught.value.faults]
    assert all(message.startswith("claude-otel.yaml:") for message in messages)
    return [message.removeprefix("claude-otel.yaml:").strip() for message in messages]


@pytest.mark.parametrize(("text", "message"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_a_fault_is_one_message(text: str, message: str) -> None:
    """It names the line, the key, what is wrong and the remedy; nothing else is said of the file, and no secret."""
    assert faults(text) == [message]
    assert "SECRET" not in message


def test_all_faults_are_told_at_once_in_the_order_of_the_file() -> None:
    """Those of single values, between keys, of prices, and keys given twice. None follows from another."""
    text = """\
time_zone: Berlin/Germany
budgets: {daily_usd: 5000, monthly_usd: 4000, weekly_usd: 3}
surfaces:
  chat: {kind: chatt, within: 101}
  tags: {kind: batch, time_to_first_text: 2}
  CHAT:
notify:
  receivers:
    oncall: {pagerduty: {routing_key: R0SECRET}}
    team: {slack: {}}
  routes:
    - {severity: pager, receiver: oncall}
    - {recever: team}
    - {receiver: nobody-here}
budgets: {}
prices: {discount: 200}
"""
    assert [fault.partition(" is")[0].partition(": has")[0] for fault in faults(text)] == [
        "1: time_zone:",
        "4: surfaces.chat.kind:",
        "4: surfaces.chat.within:",
        "5: surfaces.tags.time_to_first_text: makes no sense for the kind batch, where nobody waits; take it away or "
        "set kind: chat",
        "6: surfaces.CHAT:",
        "9: notify.receivers.oncall.pagerduty.routing_key: would be a secret in this file; write it into a file of its "
        "own, and name that in `routing_key_file`",
        "10: notify.receivers.team.slack.webhook_url_file:",
        "12: notify.routes[0].severity:",
        "13: notify.routes[1].recever:",
        "14: notify.routes[2].receiver:",
        "15: budgets: in line 15",
        "16: prices.discount:",
    ]


@pytest.mark.parametrize(("text", "message"), [case[1:] for case in WARNED], ids=[case[0] for case in WARNED])
def test_what_is_only_warned_of(text: str, message: str) -> None:
    """It works, and is probably not what was meant."""
    told = [warning.text.removeprefix("claude-otel.yaml:").strip() for warning in read(text).warnings]
    assert message in told


def test_nothing_at_all_is_a_good_file() -> None:
    """No file, an empty one, and one whose sections are empty say the same."""
    sections = "".join(f"{name}:\n" for name in SECTIONS)
    assert load(None).config == read("").config == read("# nothing\n").config == read(sections).config == Config()


def test_kinds_have_budgets_that_are_edges_of_the_histograms() -> None:
    """The application need not read them from the file to measure by them."""
    surfaces = read("surfaces: {a: , b: {kind: long}, c: {kind: batch}}").config.surfaces
    assert {name: surface.latency_budgets for name, surface in surfaces.items()} == {
        "a": {"time_to_first_text": 2.0},
        "b": {"duration": 60.0},
        "c": {},
    }
    assert {budget for kind in KIND_DEFAULTS.values() for budget in kind.values()} <= set(DURATION_EDGES)


@pytest.mark.parametrize(
    ("given", "budgets"),
    [
        ("{time_to_first_text: null}", {}),
        ("{duration: 1}", {"duration": 1.0}),
        ("{duration: 20}", {"time_to_first_text": 2.0, "duration": 20.0}),
        ("{kind: long, time_to_first_text: 90}", {"time_to_first_text": 90.0}),
    ],
)
def test_a_default_gives_way(given: str, budgets: dict[str, float]) -> None:
    """To `null`, and to a budget that would contradict it."""
    assert read(f"surfaces: {{chat: {given}}}").config.surfaces["chat"].latency_budgets == budgets


def test_a_time_without_quotes_is_a_time() -> None:
    """YAML reads 19:00 as a number to the base of 60."""
    mute = read("notify: {mute_tickets: {from: 19:00, to: 08:00}}").config.notify.mute_tickets
    assert mute is not None
    assert (mute.start, mute.end) == ("19:00", "08:00")


def test_anchors_and_merged_keys_work() -> None:
    """A key over a merged one is not given twice, and a fault in what is merged has the line where it stands."""
    text = "surfaces:\n  a: &usual {within: 90, duration: 9}\n  b: {<<: *usual, within: %s}"
    assert read(text % "95").config.surfaces["b"].within == 95
    assert faults(text % "'x'") == ["3: surfaces.b.within: is 'x', not a number; give percent above 0 and below 100"]


def test_the_file_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one named, else that of the variable, else ./claude-otel.yaml, else none."""
    monkeypatch.chdir(tmp_path)
    assert find(None, {}) is None
    Path("claude-otel.yaml").touch()
    assert find(None, {}) == Path("claude-otel.yaml")
    assert find(None, {"CLAUDE_OTEL_CONFIG": "/b"}) == Path("/b")
    assert find("/a", {"CLAUDE_OTEL_CONFIG": "/b"}) == Path("/a")


def test_a_file_that_cannot_be_read_is_one_message(tmp_path: Path) -> None:
    """There is none, or it is no text."""
    with pytest.raises(ConfigError, match="cannot be read: No such file or directory; name a file that is there"):
        load(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes("time_zone: Zürich".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"latin.yaml: is not UTF-8 text \(byte 12\); save it as UTF-8"):
        load(tmp_path / "latin.yaml")


def test_dates_of_retirement_are_read_beside_the_file(tmp_path: Path) -> None:
    """A file that is not there is a fault with its line."""
    file = tmp_path / "claude-otel.yaml"
    file.write_text("models:\n  lifecycle_file: dates.json\n")
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert caught.value.faults[0].text == (
        f"{file}:2: models.lifecycle_file: {tmp_path / 'dates.json'}: cannot be read: No such file or directory; run "
        "`claude-otel models refresh`, or take models.lifecycle_file out of claude-otel.yaml"
    )
    assert load(file, dates_may_be_missing=True).config.models.lifecycle_file == str(tmp_path / "dates.json")


def test_the_example_is_right(caplog: pytest.LogCaptureFixture) -> None:
    """Without a warning, for the application too, which reads the same budgets out of it."""
    loaded = load(EXAMPLE)
    assert loaded.warnings == ()
    read_there = application.load({"CLAUDE_OTEL_CONFIG": os.fspath(EXAMPLE)})
    assert caplog.records == []
    budgets = [value for each in loaded.config.surfaces.values() for value in each.latency_budgets.values()]
    assert list(read_there.duration_budgets) == budgets
    assert [rule.match for rule in read_there.rules] == [rule.match for rule in loaded.config.attribution.rules]


def test_the_example_has_every_section() -> None:
    """So that it shows all there is."""
    loaded = load(EXAMPLE)
    assert loaded.config.model_fields_set == set(Config.model_fields)


def test_the_schema_takes_what_is_right_and_refuses_what_is_not() -> None:
    """As an editor would."""
    import yaml

    validator = jsonschema.Draft202012Validator(json_schema.json_schema())
    validator.check_schema(json_schema.json_schema())
    assert list(validator.iter_errors(yaml.safe_load(EXAMPLE.read_text()))) == []
    assert list(validator.iter_errors(dict.fromkeys(SECTIONS))) == []
    for wrong in ({"budget": {}}, {"surfaces": {"chat": {"kind": "chatt"}}}, {"retention_days": 30}):
        assert list(validator.iter_errors(wrong)) != []


def test_the_schema_has_a_description_of_every_key() -> None:
    """It is what an editor shows."""
    schema = json.loads(json_schema.text())
    for name, section in schema["$defs"].items():
        for key, value in section["properties"].items():
            described = value if "$ref" not in str(value) else {"description": "its section"}
            assert described.get("description"), f"{name}.{key}"
