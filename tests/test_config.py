"""What the environment and the file say: a mistake is one warning that names it, and the default holds."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

import claude_otel
import wire
from claude_otel import config
from claude_otel.config import Rule, Settings
from conftest import Exported
from wire import ASK


def load(caplog: pytest.LogCaptureFixture, **environment: str) -> tuple[Settings, list[str]]:
    """The settings that an environment makes, and what was warned of."""
    caplog.clear()
    with caplog.at_level(logging.DEBUG, "claude_otel"):
        settings = config.load(environment)
    assert {record.levelname for record in caplog.records} <= {"WARNING"}
    return settings, [record.getMessage() for record in caplog.records]


def from_file(caplog: pytest.LogCaptureFixture, folder: Path, text: str) -> tuple[Settings, list[str]]:
    """The same of a configuration file with this text."""
    file = folder / "claude-otel.yaml"
    file.write_text(text)
    return load(caplog, CLAUDE_OTEL_CONFIG=str(file))


def test_nothing_set_is_the_defaults(caplog: pytest.LogCaptureFixture) -> None:
    """And no warning."""
    settings, warnings = load(caplog)
    assert (settings.spans, settings.logs, settings.baggage, settings.user_key) == ("auto", "all", False, None)
    assert (settings.rules, settings.duration_budgets, settings.per_token_budgets) == ((), (), ())
    assert warnings == []


def test_values_may_be_written_in_any_case(caplog: pytest.LogCaptureFixture) -> None:
    """With space around them."""
    environment = {"CLAUDE_OTEL_SPANS": " Native", "CLAUDE_OTEL_LOGS": "ERRORS", "CLAUDE_OTEL_BAGGAGE": "True"}
    settings, warnings = load(caplog, **environment)
    assert (settings.spans, settings.logs, settings.baggage) == ("native", "errors", True)
    assert warnings == []


UNKNOWN = [
    ("CLAUDE_OTEL_SPANS", "CLAUDE_OTEL_SPANS='yes' is not one of auto, own, native, off; using auto"),
    ("CLAUDE_OTEL_LOGS", "CLAUDE_OTEL_LOGS='yes' is not one of all, errors, off; using all"),
    ("CLAUDE_OTEL_BAGGAGE", "CLAUDE_OTEL_BAGGAGE='yes' is not one of false, true; using false"),
    (
        "CLAUDE_OTEL_FLUSH_ON_SIGTERM",
        "CLAUDE_OTEL_FLUSH_ON_SIGTERM='yes' is not one of 0, 1, false, true; using 0",
    ),
]


@pytest.mark.parametrize(("variable", "warning"), UNKNOWN)
def test_an_unknown_value_is_one_warning(caplog: pytest.LogCaptureFixture, variable: str, warning: str) -> None:
    """It names the variable, what it is, what it may be, and what is used."""
    settings, warnings = load(caplog, **{variable: "yes"})
    assert warnings == [warning]
    assert (settings.spans, settings.logs, settings.baggage) == ("auto", "all", False)


def test_the_key_of_users(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """From the environment, or from the file that it names, without the newline at its end."""
    file = tmp_path / "key"
    file.write_text("secret\n")
    assert load(caplog, CLAUDE_OTEL_USER_HASH_KEY="k")[0].user_key == b"k"
    assert load(caplog, CLAUDE_OTEL_USER_HASH_KEY_FILE=str(file))[0].user_key == b"secret"


def test_a_key_file_that_cannot_be_read_is_one_warning(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """Users are left out then, rather than hashed with nothing."""
    (tmp_path / "empty").write_text("\n")
    for name, why in (("missing", "cannot be read (No such file or directory)"), ("empty", "is empty")):
        path = str(tmp_path / name)
        settings, warnings = load(caplog, CLAUDE_OTEL_USER_HASH_KEY_FILE=path)
        assert settings.user_key is None
        assert warnings == [f"CLAUDE_OTEL_USER_HASH_KEY_FILE={path!r} {why}; users are left out"]


GOOD = """
attribution:
  rules:
    - {match: "shop.*", surface: shop}
surfaces:
  chat:
    kind: chat
    budgets: {time_to_first_text: 2, duration: 30}
  nightly:
    kind: batch
    budgets: {tokens_per_second: 50}
"""


def test_a_good_file(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """Rules and budgets, the rate as seconds for a token."""
    settings, warnings = from_file(caplog, tmp_path, GOOD)
    assert warnings == []
    assert settings.rules == (Rule("shop.*", "shop"),)
    assert (settings.duration_budgets, settings.per_token_budgets) == ((2.0, 30.0), (0.02,))


@pytest.mark.parametrize("text", ["", "# nothing\n", "surfaces:\nattribution:\n", "budgets: {daily: 5}\n"])
def test_a_file_that_says_nothing_for_us(caplog: pytest.LogCaptureFixture, tmp_path: Path, text: str) -> None:
    """Is no mistake."""
    assert from_file(caplog, tmp_path, text)[1] == []


WRONG_FILES = [
    ("surfaces: [", "is not YAML: "),
    ("- a\n", "has a list at the top where keys are expected"),
    ("text", "has a str at the top where keys are expected"),
    ("\x00", "is not YAML: "),
]


@pytest.mark.parametrize(("text", "why"), WRONG_FILES)
def test_a_file_that_cannot_be_used_is_one_warning(
    caplog: pytest.LogCaptureFixture, tmp_path: Path, text: str, why: str
) -> None:
    """It names the variable, the file and the mistake."""
    settings, (warning,) = from_file(caplog, tmp_path, text)
    assert warning.startswith(f"CLAUDE_OTEL_CONFIG={tmp_path / 'claude-otel.yaml'} {why}")
    assert warning.endswith("; using the defaults")
    assert "\n" not in warning
    assert settings.rules == ()


def test_a_file_that_is_not_there_is_one_warning(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """Nor a folder, nor one that is no text."""
    missing, binary = tmp_path / "missing.yaml", tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\xff")
    for path, why in (
        (missing, "cannot be read: No such file or directory"),
        (tmp_path, "cannot be read: Is a directory"),
        (binary, "is not YAML: "),
    ):
        _, (warning,) = load(caplog, CLAUDE_OTEL_CONFIG=str(path))
        assert warning.startswith(f"CLAUDE_OTEL_CONFIG={path} {why}")


WRONG_KEYS = [
    ("surfaces: [chat]\n", "surfaces is a list where keys are expected"),
    ("surfaces: {chat: fast}\n", "surfaces.chat is a str where keys are expected"),
    ("surfaces: {chat: {budgets: 2}}\n", "surfaces.chat.budgets is a int where keys are expected"),
    (
        "surfaces: {chat: {budgets: {duration: fast}}}\n",
        "surfaces.chat.duration is 'fast' where a positive number is expected",
    ),
    ("surfaces: {chat: {budgets: {duration: 0}}}\n", "surfaces.chat.duration is 0 where a positive number is expected"),
    (
        "surfaces: {chat: {budgets: {time_to_first_text: -1}}}\n",
        "surfaces.chat.time_to_first_text is -1 where a positive number is expected",
    ),
    (
        "surfaces: {chat: {budgets: {duration: true}}}\n",
        "surfaces.chat.duration is True where a positive number is expected",
    ),
    (
        "surfaces: {chat: {budgets: {duration: .inf}}}\n",
        "surfaces.chat.duration is inf where a positive number is expected",
    ),
    (
        "surfaces: {chat: {budgets: {duration: .nan}}}\n",
        "surfaces.chat.duration is nan where a positive number is expected",
    ),
    (
        "surfaces: {n: {budgets: {tokens_per_second: 0}}}\n",
        "surfaces.n.tokens_per_second is 0 where a positive number is expected",
    ),
    ("attribution: shop\n", "attribution is a str where keys are expected"),
    ("attribution: {rules: {match: x}}\n", "attribution.rules is a dict where a list is expected"),
    ("attribution: {rules: [{match: x}]}\n", "attribution.rules[0] needs `match` and `surface`, both text"),
    ("attribution: {rules: [shop]}\n", "attribution.rules[0] needs `match` and `surface`, both text"),
    ("attribution: {rules: [{match: 3, surface: x}]}\n", "attribution.rules[0] needs `match` and `surface`, both text"),
]


@pytest.mark.parametrize(("text", "warning"), WRONG_KEYS)
def test_a_wrong_key_is_one_warning(caplog: pytest.LogCaptureFixture, tmp_path: Path, text: str, warning: str) -> None:
    """It names the key, and what is right about the file still holds."""
    good = {
        "surfaces": "attribution: {rules: [{match: m, surface: s}]}\n",
        "attribution": "surfaces: {s: {duration: 9}}\n",
    }
    settings, warnings = from_file(caplog, tmp_path, text + good[text.partition(":")[0]])
    assert warnings == [f"CLAUDE_OTEL_CONFIG: {warning}; it is left out"]
    assert settings.rules or settings.duration_budgets == (9.0,)


def test_wrong_prices_are_one_warning(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """The vendored prices hold."""
    settings, (warning,) = from_file(caplog, tmp_path, "prices: [cheap]\n")
    assert warning.startswith("CLAUDE_OTEL_CONFIG: prices cannot be used: ")
    assert settings.prices.rates("claude-opus-5-5", platform="anthropic", region=None, at=1790000000.0) is not None


def test_an_application_with_a_wrong_file_goes_on(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Recorded with the defaults."""
    monkeypatch.setenv("CLAUDE_OTEL_CONFIG", str(tmp_path / "missing.yaml"))
    monkeypatch.setenv("CLAUDE_OTEL_SPANS", "sometimes")
    exported = Exported()
    exported.instrument()
    try:
        wire.client().messages.create(**ASK)
    finally:
        claude_otel.uninstrument()
    warnings: list[Any] = [record for record in caplog.records if record.name == "claude_otel"]
    assert len(warnings) == 2
    assert len(exported.spans) == 1
