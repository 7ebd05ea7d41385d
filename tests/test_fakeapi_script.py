"""The script of a fake API: which requests a rule picks, and what is said of a script that is wrong."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from claude_otel.fakeapi import FakeAPI, Rule, ScriptError, Wanted
from claude_otel.fakeapi.script import load_script
from fakeapi_clients import HELLO, client, user


@pytest.fixture
def api() -> Iterator[FakeAPI]:
    """A fake API without rules."""
    with FakeAPI(seed=3) as served:
        yield served


def faults(api: FakeAPI, calls: list[dict[str, Any]]) -> list[str | None]:
    """The fault that each of the calls meets."""
    caller = client(api, max_retries=0)
    for fields in calls:
        with caller.messages.with_streaming_response.create(**{**fields, "stream": fields.get("stream", False)}) as raw:
            raw.read()
    return [entry.fault for entry in api.journal.messages]


def quietly(api: FakeAPI, calls: list[dict[str, Any]]) -> list[str | None]:
    """The fault that each of the calls meets, when they may fail."""
    for fields in calls:
        body = json.dumps(fields).encode()
        try:
            urllib.request.urlopen(urllib.request.Request(f"{api.url}/v1/messages", body)).read()
        except urllib.error.HTTPError as error:
            error.close()
    return [entry.fault for entry in api.journal.messages]


def test_a_rule_for_a_model(api: FakeAPI) -> None:
    """A model name, with * for any characters."""
    api.fault("overloaded", model="claude-opus-*")
    calls = [HELLO, {**HELLO, "model": "claude-opus-5-5"}]
    assert quietly(api, calls) == [None, "overloaded"]


def test_a_rule_for_streams(api: FakeAPI) -> None:
    """Only streams, or only the others."""
    api.fault("api_error", stream=True)
    assert quietly(api, [HELLO, {**HELLO, "stream": True}]) == [None, "api_error"]


def test_a_rule_for_a_text(api: FakeAPI) -> None:
    """A text anywhere in the body."""
    api.fault("api_error", text="checkout")
    assert quietly(api, [HELLO, user("The checkout fails")]) == [None, "api_error"]


def test_times_after_and_nth(api: FakeAPI) -> None:
    """Some are let pass, then some fail, and one is counted out."""
    api.script({"fault": "api_error", "after": 1, "times": 2}, {"fault": "conflict", "nth": 4})
    assert quietly(api, [HELLO] * 6) == [None, "api_error", "api_error", "conflict", None, None]
    assert api.journal.faults() == {"api_error": 2, "conflict": 1}


def test_the_first_rule_that_picks_a_request_wins(api: FakeAPI) -> None:
    """Later rules only see what earlier ones leave."""
    api.script({"fault": "overloaded", "times": 1}, "api_error")
    assert quietly(api, [HELLO] * 3) == ["overloaded", "api_error", "api_error"]


def test_probability_is_the_same_for_the_same_seed() -> None:
    """A share of the requests fails, and the same ones each time."""
    runs = []
    for _ in range(2):
        with FakeAPI(script=[{"fault": "api_error", "probability": 0.5}], seed=3) as api:
            runs.append(quietly(api, [HELLO] * 12))
    assert runs[0] == runs[1]
    assert 2 <= runs[0].count("api_error") <= 10


def test_a_fault_and_an_answer_together(api: FakeAPI) -> None:
    """A rule with an answer applies beside one with a fault."""
    api.fault("stall", seconds=0.01)
    api.answer(Wanted(text="Hi."), text="Hello")
    assert faults(api, [{**HELLO, "stream": True}]) == ["stall"]
    assert api.journal.messages[0].usage["output_tokens"] == 1  # type: ignore[index]


def test_no_rules_take_all_faults_away(api: FakeAPI) -> None:
    """An empty script is the end of the outage."""
    api.fault("api_error")
    api.script()
    assert quietly(api, [HELLO]) == [None]


def test_rules_over_http(api: FakeAPI) -> None:
    """A program in another process sets the script, and is told what is wrong with it."""
    assert post(api, {"rules": [{"fault": "overloaded", "times": 1}]}) == (200, {"rules": 1})
    assert post(api, [{"fault": "api_error"}], "?append=true") == (200, {"rules": 2})
    assert quietly(api, [HELLO] * 2) == ["overloaded", "api_error"]
    status, body = post(api, {"rules": [{"fault": "nonsense"}]})
    assert status == 400
    assert body["error"].startswith("body: rules[0]: unknown fault 'nonsense'; expected one of invalid_request,")


def post(api: FakeAPI, value: object, query: str = "") -> tuple[int, Any]:
    """The status and body of a change of script."""
    try:
        with urllib.request.urlopen(f"{api.url}/_fake/script{query}", json.dumps(value).encode()) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_the_list_of_faults_over_http(api: FakeAPI) -> None:
    """Each fault with what it is."""
    with urllib.request.urlopen(f"{api.url}/_fake/faults") as response:
        assert json.load(response)["stall"] == "the stream pauses for `seconds` after `after_events` events"


def test_a_yaml_file(tmp_path: Path) -> None:
    """A file is a list of rules and a seed."""
    path = tmp_path / "outage.yaml"
    path.write_text(
        "seed: 7\nrules:\n  - {fault: stall, seconds: 2}\n  - answer: {output_tokens: 50}\n    text: report\n"
    )
    rules, seed = load_script(path)
    assert seed == 7
    assert rules == [
        Rule(fault="stall", settings={"seconds": 2}),
        Rule(answer=Wanted(output_tokens=50), text="report"),
    ]


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    """The file, the reason, and what to give."""
    with pytest.raises(
        ScriptError, match=r"none\.yaml: No such file or directory\. Give a YAML or JSON file with `rules:`\."
    ):
        FakeAPI(script=tmp_path / "none.yaml")


def test_a_file_that_is_not_yaml(tmp_path: Path) -> None:
    """The line and column of the mistake."""
    path = tmp_path / "broken.yaml"
    path.write_text("rules:\n  - {fault: stall\n")
    with pytest.raises(ScriptError, match=r"broken.yaml:3:1: not valid YAML or JSON"):
        load_script(path)


def test_a_file_with_many_mistakes(tmp_path: Path) -> None:
    """All of them at once, each with its place."""
    path = tmp_path / "wrong.json"
    wrong = [
        {"fault": "overload"},
        {"fault": "stall", "seconds": "long"},
        {"modle": "x", "fault": "stall"},
        {"model": "x"},
        {"answer": {"usage": {"tokens": 1}}},
        {"answer": {"refusal": "later"}},
        "stall",
    ]
    path.write_text(json.dumps({"rules": wrong, "sead": 1}))
    with pytest.raises(ScriptError) as caught:
        load_script(path)
    lines = str(caught.value).splitlines()
    assert [line.removeprefix(f"{path}: ").partition(";")[0] for line in lines] == [
        "unknown key 'sead'",
        "rules[0]: unknown fault 'overload'",
        "rules[1]: seconds is 'long'",
        "rules[2]: unknown key 'modle'",
        "rules[3]: expected `fault` or `answer`",
        "rules[4]: unknown usage field 'tokens'",
        "rules[5]: refusal is 'later'",
        "rules[6]: expected an object, not 'stall'",
    ]


def test_a_script_that_is_no_script(tmp_path: Path) -> None:
    """A file of something else."""
    path = tmp_path / "other.yaml"
    path.write_text("hello")
    with pytest.raises(ScriptError, match="expected an object with a list `rules`"):
        load_script(path)
