"""Everything that can go wrong on purpose, by name."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Literal

from .errors import APIError
from .jsontypes import JSON

Kind = Literal[
    "error",  # an error status in place of the answer
    "slow",  # the answer begins late
    "stall",  # the stream pauses
    "cut",  # the stream ends early, as if that were all
    "lost",  # the connection breaks in mid answer
    "error_event",  # an `error` event in a stream that began well
    "malformed_event",  # an event in the stream that is not JSON
    "refusal",  # the model declines
    "malformed_body",  # a body that is not JSON
    "empty_body",
    "wrong_content_type",
    "reset",  # the connection is reset before any answer
]


@dataclass(frozen=True)
class Fault:
    """One way to fail: what the client is to see."""

    name: str
    kind: Kind
    summary: str
    status: int = 200
    type: str = "api_error"
    error_code: str | None = None
    message: str = ""
    retry_after: bool = False
    """Whether the response says when to try again."""


@dataclass(frozen=True)
class Injection:
    """A fault as one request meets it."""

    fault: Fault
    seconds: float = 1.0
    """How late (`slow_first_token`) or how long a pause (`stall`)."""
    after_events: int = 4
    """How many events of the stream come before the fault, where it does not say."""
    retry_after: float | None = None
    """The seconds in `retry-after`."""
    retry_after_ms: float | None = None
    """The milliseconds in `retry-after-ms`; where neither is set, what the server was told."""
    message: str | None = None
    """The error message, in place of the usual one."""

    @property
    def name(self) -> str:
        """The name of the fault."""
        return self.fault.name

    def error(self, model: str, default_ms: float) -> APIError:
        """The error response of the fault."""
        text = (self.message or self.fault.message).replace("{model}", model)
        headers = self.retry_headers(default_ms) if self.fault.retry_after else {}
        return APIError(self.fault.status, self.fault.type, text, self.fault.error_code, headers=headers)

    def retry_headers(self, default_ms: float) -> dict[str, str]:
        """The headers that say when to try again."""
        if self.retry_after is not None:
            return {"retry-after": f"{self.retry_after:g}"}
        milliseconds = default_ms if self.retry_after_ms is None else self.retry_after_ms
        seconds = -(-milliseconds // 1000)
        return {"retry-after": f"{seconds:g}", "retry-after-ms": f"{milliseconds:g}"}


SETTINGS = tuple(item.name for item in fields(Injection) if item.name != "fault")
SPEND_LIMIT = "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC."
WORKSPACE_LIMIT = SPEND_LIMIT.replace("specified API", "specified workspace API")


def _table(*faults: Fault) -> dict[str, Fault]:
    return {fault.name: fault for fault in faults}


FAULTS: dict[str, Fault] = _table(
    Fault("invalid_request", "error", "400", 400, "invalid_request_error", None, "messages: the request is not valid"),
    Fault("spend_limit", "error", "400: a spend limit of one's own", 400, "invalid_request_error", None, SPEND_LIMIT),
    Fault(
        "workspace_spend_limit",
        "error",
        "400: a spend limit set on the workspace",
        400,
        "invalid_request_error",
        None,
        WORKSPACE_LIMIT,
    ),
    Fault(
        "authentication_error", "error", "401: the key is wrong", 401, "authentication_error", None, "invalid x-api-key"
    ),
    Fault(
        "billing_error", "error", "402: the card failed", 402, "billing_error", None, "Your payment could not be taken."
    ),
    Fault(
        "permission_error",
        "error",
        "403: the key may not",
        403,
        "permission_error",
        None,
        "Your API key does not have permission to use the specified resource.",
    ),
    Fault("retired_model", "error", "404: the model is gone", 404, "not_found_error", None, "model: {model}"),
    Fault("request_timeout", "error", "408", 408, "timeout_error", None, "The request took too long to send.", True),
    Fault("conflict", "error", "409", 409, "conflict_error", None, "The resource was changed at the same time.", True),
    Fault("request_too_large", "error", "413", 413, "request_too_large", None, "Request exceeds the maximum size"),
    Fault("unprocessable", "error", "422", 422, "invalid_request_error", None, "The request could not be processed."),
    Fault(
        "rate_limit",
        "error",
        "429: requests or tokens per minute",
        429,
        "rate_limit_error",
        None,
        "This request would exceed your organization's rate limit of 4,000 requests per minute.",
        True,
    ),
    Fault(
        "ramp_limit",
        "error",
        "429: traffic rose too fast",
        429,
        "rate_limit_error",
        "ramp_limit_exceeded",
        "Your usage has increased too quickly. Please ramp up more slowly.",
        True,
    ),
    Fault(
        "enforced_spend_limit",
        "error",
        "429 without retry-after: the spend cap of the usage tier",
        429,
        "rate_limit_error",
        "enforced_spend_limit_reached",
        "Your organization has reached its monthly spend limit.",
    ),
    Fault(
        "contract_spend_limit",
        "error",
        "429 without retry-after: the spend cap of the contract",
        429,
        "rate_limit_error",
        "contract_spend_limit_reached",
        "Your organization has reached the spend limit of its contract.",
    ),
    Fault("api_error", "error", "500", 500, "api_error", None, "Internal server error", True),
    Fault("bad_gateway", "wrong_content_type", "502 with a page of HTML", 502),
    Fault("service_unavailable", "error", "503", 503, "api_error", None, "Service unavailable", True),
    Fault("gateway_timeout", "error", "504", 504, "timeout_error", None, "The request timed out.", True),
    Fault("overloaded", "error", "529", 529, "overloaded_error", None, "Overloaded", True),
    Fault("slow_first_token", "slow", "the answer begins `seconds` late"),
    Fault("stall", "stall", "the stream pauses for `seconds` after `after_events` events"),
    Fault("cut_mid_stream", "cut", "the stream ends after `after_events` events"),
    Fault("cut_before_message_delta", "cut", "the stream ends before its usage is told"),
    Fault("cut_before_message_stop", "cut", "the stream ends after its usage, without message_stop"),
    Fault("connection_lost", "lost", "the connection breaks after `after_events` events"),
    Fault("overloaded_event", "error_event", "an overload event", 529, "overloaded_error", None, "Overloaded", True),
    Fault(
        "api_error_event", "error_event", "an api_error event", 500, "api_error", None, "Internal server error", True
    ),
    Fault("malformed_event", "malformed_event", "an event that is not JSON, after `after_events` events"),
    Fault("refusal", "refusal", "the model declines before any output"),
    Fault("refusal_mid_output", "refusal", "the model declines after a few words"),
    Fault("malformed_json", "malformed_body", "200 with half of a JSON body"),
    Fault("empty_body", "empty_body", "200 with no body"),
    Fault("wrong_content_type", "wrong_content_type", "200 with a page of HTML"),
    Fault("connection_reset", "reset", "the connection is reset before any answer"),
)


def injection(name: str, settings: JSON) -> Injection:
    """The fault of that name with its settings. Raises `ValueError` that names what is wrong."""
    if name not in FAULTS:
        raise ValueError(f"unknown fault {name!r}; expected one of {', '.join(FAULTS)}")
    return replace(Injection(FAULTS[name]), **{key: value for key, value in settings.items() if value is not None})
