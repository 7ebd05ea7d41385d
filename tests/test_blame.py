"""Who is to blame for what the API answers, for what a stream ends with, and for what never got an answer."""

from __future__ import annotations

import json

import anthropic
import pytest

import wire
from claude_otel import blame
from claude_otel.blame import Verdict, of_exception, of_response
from conftest import Exported

INVALID, RATE = "invalid_request_error", "rate_limit_error"
ENFORCED, CONTRACT = "enforced_spend_limit_reached", "contract_spend_limit_reached"

TABLE = [
    # status, error.type, error_code, message, blame, error.type told, error code told
    (400, INVALID, None, "max_tokens: required", "caller", INVALID, None),
    (400, INVALID, None, "You have reached your specified API usage limits.", "budget", INVALID, None),
    (400, INVALID, None, "You have reached your specified workspace API usage limits.", "budget", INVALID, None),
    (400, INVALID, None, "Your credit balance is too low to access the API.", "budget", INVALID, None),
    (400, INVALID, None, "The text was: You have reached your specified", "caller", INVALID, None),
    (400, INVALID, CONTRACT, "x", "budget", INVALID, CONTRACT),
    (401, "authentication_error", None, "x", "caller", "authentication_error", None),
    (402, "billing_error", None, "x", "budget", "billing_error", None),
    (403, "permission_error", None, "x", "caller", "permission_error", None),
    (404, "not_found_error", "model_not_found", "x", "caller", "not_found_error", "model_not_found"),
    (408, "timeout_error", None, "x", "timeout", "timeout_error", None),
    (409, "conflict_error", None, "x", "caller", "conflict_error", None),
    (412, "memory_precondition_failed_error", None, "x", "caller", "memory_precondition_failed_error", None),
    (413, "request_too_large", None, "x", "caller", "request_too_large", None),
    (422, INVALID, None, "x", "caller", INVALID, None),
    (429, RATE, None, "x", "quota", RATE, None),
    (429, RATE, "ramp_limit_exceeded", "x", "quota", RATE, "ramp_limit_exceeded"),
    (429, RATE, ENFORCED, "x", "budget", RATE, ENFORCED),
    (429, RATE, CONTRACT, "x", "budget", RATE, CONTRACT),
    (499, "api_error", None, "x", "caller", "api_error", None),
    (500, "api_error", None, "x", "provider", "api_error", None),
    (501, "api_error", None, "x", "provider", "api_error", None),
    (503, "api_error", None, "x", "provider", "api_error", None),
    (504, "timeout_error", None, "x", "provider", "timeout_error", None),
    (529, "overloaded_error", None, "x", "provider", "overloaded_error", None),
    # What the API may add.
    (418, "teapot_error", "too_short_and_stout", "x", "caller", "_OTHER", "too_short_and_stout"),
    (520, "cloud_error", None, "x", "provider", "_OTHER", None),
    (400, INVALID, "user text: I live at …", "x", "caller", INVALID, "_OTHER"),
    (400, INVALID, "x" * 65, "x", "caller", INVALID, "_OTHER"),
    (400, None, None, "x", "caller", "400", None),
    # Error events of a stream, which have the status of the response that opened it.
    (200, "overloaded_error", None, "x", "provider", "overloaded_error", None),
    (200, "api_error", None, "x", "provider", "api_error", None),
    (200, "timeout_error", None, "x", "provider", "timeout_error", None),
    (200, RATE, None, "x", "quota", RATE, None),
    (200, RATE, ENFORCED, "x", "budget", RATE, ENFORCED),
    (200, "billing_error", None, "x", "budget", "billing_error", None),
    (200, INVALID, None, "x", "caller", INVALID, None),
    (200, "new_error", None, "x", "provider", "_OTHER", None),
]  # fmt: skip


@pytest.mark.parametrize(("status", "kind", "code", "message", "who", "told", "told_code"), TABLE)
def test_the_table_of_blame(
    status: int, kind: str | None, code: str | None, message: str, who: str, told: str, told_code: str | None
) -> None:
    """A status misleads: type, code and the beginning of the message decide."""
    body = {"type": "error", "error": {"type": kind, "message": message, "details": {"error_code": code}}}
    assert of_response(status, body) == Verdict(who, told, told_code)  # type: ignore[arg-type]


@pytest.mark.parametrize("body", [None, [], "text", {}, {"error": None}, {"error": "text"}, {"error": {}}])
def test_a_body_that_says_nothing_leaves_the_status(body: object) -> None:
    """A gateway's answer has no error of the API's."""
    assert of_response(502, body) == Verdict("provider", "502")
    assert of_response(404, body) == Verdict("caller", "404")


@pytest.mark.parametrize("status", range(400, 600))
def test_every_status_has_a_blame(status: int) -> None:
    """Whatever the API answers, somebody is to blame, and the name of the error has few values."""
    verdict = of_response(status, None)
    assert verdict.blame in ("caller", "budget", "timeout", "quota", "provider")
    assert verdict.error_type == str(status)


def request() -> object:
    return wire.http.Request("POST", "https://api.anthropic.com/v1/messages")


EXCEPTIONS = [
    (anthropic.APITimeoutError(request=request()), Verdict("timeout", "client_timeout_error")),
    (anthropic.APIConnectionError(request=request()), Verdict("network", "connection_error")),
    (wire.http.ReadTimeout("x"), Verdict("timeout", "client_timeout_error")),
    (wire.http.ReadError("x"), Verdict("network", "connection_error")),
    (wire.http.RemoteProtocolError("x"), Verdict("provider", "connection_error")),
    (json.JSONDecodeError("x", "", 0), Verdict("provider", "client_error")),
    (ValueError("x"), Verdict("caller", "client_error")),
    (KeyboardInterrupt(), Verdict("cancelled", "client_error")),
    (GeneratorExit(), Verdict("cancelled", "client_error")),
]


@pytest.mark.parametrize(("error", "verdict"), EXCEPTIONS, ids=lambda value: type(value).__name__)
def test_exceptions_in_an_answer_have_a_blame(error: BaseException, verdict: Verdict) -> None:
    """What ended a call that was answered."""
    assert of_exception(error, answered=True) == verdict


def test_a_protocol_error_before_an_answer_is_the_networks() -> None:
    """Nobody knows who dropped the connection then."""
    assert of_exception(wire.http.RemoteProtocolError("x"), answered=False) == Verdict("network", "connection_error")


def test_every_exception_of_the_sdk_has_a_blame() -> None:
    """Each class of error that the SDK raises for a status has the blame of that status."""
    for name in anthropic.__all__:
        cls = getattr(anthropic, name)
        if isinstance(cls, type) and issubclass(cls, anthropic.APIStatusError):
            status = getattr(cls, "status_code", None)
            if isinstance(status, int):
                response = wire.http.Response(status, request=request())
                verdict = of_exception(cls("x", response=response, body=None), answered=False)
                assert verdict.blame == blame.of_status(status), name


def test_every_error_code_of_the_sdk_has_a_place(exported: Exported) -> None:
    """The SDK's own list of error codes: those of spending are `budget`, and all look like codes to us."""
    classes = pytest.importorskip("anthropic._error_classes")
    codes = {code for _, code in classes.ERROR_CLASSES if code is not None}
    assert {code for code in codes if blame.error_code(code) != code} == set()
    listed = [(status, code) for status, code in classes.ERROR_CLASSES if code is not None]
    assert {code for status, code in listed if of_response(status, coded(code)).blame == "budget"} == {
        "contract_spend_limit_reached",
        "enforced_spend_limit_reached",
        "linked_organization_billing_unavailable",
        "linked_organization_spend_limit_reached",
    }


def coded(code: str) -> object:
    return {"error": {"type": "rate_limit_error", "details": {"error_code": code}}}


@pytest.mark.parametrize(
    ("status", "kind", "message", "code"),
    [
        (400, "invalid_request_error", "You have reached your specified API usage limits.", None),
        (402, "billing_error", "Pay.", None),
        (429, "rate_limit_error", "Too much.", "enforced_spend_limit_reached"),
    ],
)
def test_a_spend_limit_is_the_budgets_however_it_comes(
    exported: Exported, status: int, kind: str, message: str, code: str | None
) -> None:
    """Seen through the SDK, streamed and not."""
    for streams in (False, True):
        with pytest.raises(anthropic.APIStatusError):
            wire.client(wire.error(status, kind, message, code), max_retries=0).messages.create(
                **wire.ASK, stream=streams
            )
    events = exported.events("claude.error")
    assert [event["claude.blame"] for event in events] == ["budget", "budget"]
    assert [event.get("claude.error.code") for event in events] == [code, code]
    assert exported.value("claude.calls", claude__blame="budget") == 2
    assert message not in str([*events, *exported.events(), *(span.to_json() for span in exported.spans)])
