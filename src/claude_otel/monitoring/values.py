"""What a single value of claude-otel.yaml must be like, beyond its type. A fault says what to write instead."""

from __future__ import annotations

import difflib
import re
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic_core import PydanticCustomError

ADDRESS = re.compile(r"[^@\s,<>]+@[^@\s,<>]+")
HOST_AND_PORT = re.compile(r"[^\s:/@]+:[0-9]{1,5}|\[[0-9a-fA-F:]+\]:[0-9]{1,5}")
TOKEN = re.compile(r"(?=[^/]*[0-9])(?=[^/]*[A-Za-z])[A-Za-z0-9_=.-]{20,}")
"""A part of a path that is long and mixed enough to be a secret, as in the addresses of webhooks."""

RECEIVER_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
OUR_RECEIVERS = "claude-otel-"
"""How the names of receivers begin that are not the user's."""

ABSOLUTE_PATH = r"^/"
CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"

RESERVED = ("other", "unknown")
"""Surfaces that the instrumentor gives to what it cannot name."""


def fault(what: str) -> PydanticCustomError:
    """The error of a value, as text that holds the remedy too."""
    return PydanticCustomError("fault", "{what}", {"what": what})


def surface_name(value: str) -> str:
    """A name that can be the value of a label, and that is not one of the instrumentor's own."""
    if value in RESERVED:
        raise fault(f"is a name that claude-otel gives to calls it cannot name ({', '.join(RESERVED)}); choose another")
    if value != value.strip() or not value.isprintable():
        raise fault("has blanks around it or characters that do not print; take them out")
    return value


def receiver_name(value: str) -> str:
    """A name that is not one of ours."""
    if value.startswith(OUR_RECEIVERS):
        raise fault(f"begins with {OUR_RECEIVERS!r}, as claude-otel's own receivers do; choose another name")
    return value


def time_zone(value: str) -> str:
    """A zone of the IANA database."""
    try:
        ZoneInfo(value)
    except (ValueError, OSError, LookupError):
        # What a path escapes, a folder of the database, or no key of it.
        known = sorted(available_timezones())
        near = difflib.get_close_matches(value, known, n=1, cutoff=0.7) or by_city(value, known)
        hint = f"did you mean {near[0]}?" if near else "write one such as Europe/Berlin, Asia/Kolkata or UTC"
        raise fault(f"is {value!r}, which is no time zone of the IANA database; {hint}") from None
    return value


def by_city(value: str, known: list[str]) -> list[str]:
    """The zones whose last part is `value`, as people write their city alone."""
    city = value.strip().replace(" ", "_").lower()
    return [name for name in known if name.rpartition("/")[2].lower() == city]


def secret_file(value: str) -> str:
    """The path of a file with a secret in it."""
    if "://" in value:
        raise fault("holds an address, not a path; write the address into a file and name that file")
    return value


def unquoted_clock(value: object) -> object:
    """A time of day; YAML reads one without quotes, such as 19:00, as a number to the base of 60."""
    if isinstance(value, int) and not isinstance(value, bool) and 600 <= value < 1440:
        return f"{value // 60}:{value % 60:02d}"
    return value


def base_url(value: str) -> str:
    """An address that paths are put behind."""
    return checked_url(value).geturl().rstrip("/")


def runbooks(value: str) -> str:
    """An address, or a folder of the repository."""
    return base_url(value) if "://" in value else value.rstrip("/")


def open_url(value: str) -> str:
    """An address without a secret in it, as this file is one that many people read."""
    parts = checked_url(value)
    if parts.query or any(TOKEN.fullmatch(part) for part in parts.path.split("/")):
        raise fault("has what looks like a secret in it; write the address into a file and name that in `url_file`")
    return value


def checked_url(value: str) -> SplitResult:
    """The parts of an address of the web. One with a user in it is not shown, as the password would be too."""
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018  reading it checks it
    except ValueError:
        raise fault("is not an address; write one such as https://example.com/path") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise fault("is not an address; write one such as https://example.com/path")
    if parts.username is not None or parts.password is not None:
        raise fault("has a user or password in it; write the address into a file and name that in `url_file`")
    return parts


def addresses(value: str) -> str:
    """One or more addresses of mail."""
    for one in value.split(","):
        if not ADDRESS.fullmatch(one.strip()):
            raise fault(f"has {one.strip()!r}, which is no address of mail; write one such as oncall@example.com")
    return value


def host_and_port(value: str) -> str:
    """A server and its port."""
    if not HOST_AND_PORT.fullmatch(value) or not 0 < int(value.rpartition(":")[2]) < 65_536:
        raise fault(f"is {value!r}; write the server and its port, such as smtp.example.com:587")
    return value
