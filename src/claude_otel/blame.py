"""Who is to blame for a call that went wrong, and the low-cardinality name of its error.

Statuses, types and codes are the API's (https://docs.anthropic.com/en/api/errors and the SDK's error classes). A
status alone misleads: a spend limit comes as 400, 402 or 429, an overload in a stream as 200, so the type, the code
and the beginning of the message are read too. The message itself goes nowhere.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Literal

Blame = Literal["provider", "quota", "budget", "caller", "network", "timeout", "cancelled", "refused"]

ERROR_TYPES = frozenset(
    {
        "invalid_request_error",
        "authentication_error",
        "billing_error",
        "permission_error",
        "not_found_error",
        "conflict_error",
        "request_too_large",
        "rate_limit_error",
        "timeout_error",
        "api_error",
        "overloaded_error",
        "memory_precondition_failed_error",
        "memory_path_conflict_error",
    }
)
"""`error.type` as the API names it. Any other is `_OTHER`."""

CLIENT_TIMEOUT = "client_timeout_error"
CONNECTION = "connection_error"
CLIENT = "client_error"
UNKNOWN = "_OTHER"

SPEND_CODES = ("spend_limit", "credit_balance", "billing")
"""Parts of the error codes that mean: no more money. `enforced_spend_limit_reached`, …"""

SPEND_STATUSES = frozenset({200, 400, 402, 429})
"""The statuses that a spend limit comes under. A 403 with such a code is about who may change the limits."""

SPEND_MESSAGES = ("you have reached your specified", "your credit balance is too low")
"""How the message of a 400 begins that means the same and has no code of its own."""

_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")

_BLAME_OF_TYPE: dict[str, Blame] = {
    "overloaded_error": "provider",
    "api_error": "provider",
    "timeout_error": "provider",
    "rate_limit_error": "quota",
    "billing_error": "budget",
}


@dataclass(frozen=True)
class Verdict:
    """Who is to blame, the `error.type`, and the API's error code where it gave one."""

    blame: Blame
    error_type: str
    code: str | None = None


CUT = Verdict("provider", "api_error")
"""A stream that ended without its end event, which raises nothing."""


def of_response(status: int, body: Any) -> Verdict:
    """The verdict on an answer that is an error: its `status`, and its `body` as decoded JSON, if it is any."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return Verdict(of_status(status), _type_or_status(None, status))
    details = error.get("details")
    code = details.get("error_code") if isinstance(details, dict) else None
    return Verdict(
        _blame(status, error.get("type"), code, error.get("message")),
        _type_or_status(error.get("type"), status),
        error_code(code),
    )


def of_body(status: int, content: bytes) -> Verdict:
    """The verdict on an error whose body was read as `content`."""
    try:
        return of_response(status, json.loads(content))
    except (ValueError, RecursionError):
        return of_response(status, None)


def of_status(status: int) -> Blame:
    """Who is to blame when nothing but the status is known."""
    if status == 402:
        return "budget"
    if status == 408:
        return "timeout"
    if status == 429:
        return "quota"
    return "caller" if 400 <= status < 500 else "provider"


def _blame(status: int, error_type: object, code: object, message: object) -> Blame:
    if isinstance(code, str) and status in SPEND_STATUSES and any(part in code for part in SPEND_CODES):
        return "budget"
    if isinstance(message, str) and message.lower().startswith(SPEND_MESSAGES):
        return "budget"
    if status < 400 and isinstance(error_type, str):
        # An `error` event has the status of the response that opened its stream.
        return _BLAME_OF_TYPE.get(error_type, "caller" if error_type in ERROR_TYPES else "provider")
    return of_status(status)


def _type_or_status(error_type: object, status: int) -> str:
    if isinstance(error_type, str) and error_type:
        return error_type if error_type in ERROR_TYPES else UNKNOWN
    return str(status) if 400 <= status < 600 else UNKNOWN


def error_code(code: object) -> str | None:
    """The API's `code` when it looks like one, `_OTHER` for anything else that was given."""
    if code is None:
        return None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else UNKNOWN


def of_exception(error: BaseException, *, answered: bool) -> Verdict:
    """The verdict on the exception that a call ended with; `answered` when the API had accepted the request."""
    if not isinstance(error, Exception):
        return Verdict("cancelled", CLIENT)
    names = {cls.__name__ for cls in type(error).__mro__}
    # By name: two HTTP libraries and several versions of the SDK have the same classes.
    if "APIStatusError" in names:
        return of_response(getattr(error, "status_code", 0), getattr(error, "body", None))
    if names & {"APITimeoutError", "TimeoutException"}:
        return Verdict("timeout", CLIENT_TIMEOUT)
    if "RemoteProtocolError" in names and answered:
        return Verdict("provider", CONNECTION)
    if names & {"APIConnectionError", "TransportError"}:
        return Verdict("network", CONNECTION)
    if "APIResponseValidationError" in names or ("JSONDecodeError" in names and answered):
        return Verdict("provider", CLIENT)
    return Verdict("caller", CLIENT)
