"""Fallback credit: the tokens a refusal hands out, and what becomes of one that is presented."""

from __future__ import annotations

from .clock import Clock
from .errors import invalid_request
from .ids import Ids
from .jsontypes import JSON, as_dict
from .request import MessagesRequest

LIFETIME = 300.0


class FallbackCredits:
    """The tokens that have been handed out and not yet redeemed."""

    def __init__(self, clock: Clock, ids: Ids) -> None:
        self._clock = clock
        self._ids = ids
        self._minted: dict[str, tuple[str, float]] = {}

    def mint(self, request: MessagesRequest) -> str:
        """A new token for the workspace of a refused request."""
        token = self._ids.next("fct")
        self._minted[token] = (request.workspace, self._clock.now() + LIFETIME)
        return token

    def redeem(self, request: MessagesRequest) -> JSON:
        """What became of the token a request presents. Raises the API's 400 for one that is no good, unless the
        request asked for best effort."""
        given = request.body["fallback_credit_token"]
        token = str(as_dict(given).get("token") if isinstance(given, dict) else given)
        workspace, expires = self._minted.pop(token, ("", 0.0))
        if workspace == request.workspace and expires > self._clock.now():
            return {"type": "redeemed"}
        if as_dict(given).get("mode") != "best_effort":
            raise invalid_request("fallback_credit_token: the token is not known, has expired, or was redeemed.")
        return {"type": "not_applied", "reason": "expired"}
