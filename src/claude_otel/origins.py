"""Where calls come from, and how they are made: the same few again and again, so each is worked out once."""

from __future__ import annotations

from types import FrameType
from typing import Any

from claude_otel import attributes
from claude_otel.asked import model_of
from claude_otel.attribution import Attributor, Scope, call_site
from claude_otel.bookkeeping import Books
from claude_otel.call import Origin
from claude_otel.config import Settings
from claude_otel.target import target_of
from claude_otel.way_in import method_of, operation_of, tells_way

MOST = 1000
"""Origins that are kept, and ways to find them."""

Key = tuple[object, ...]


class Origins:
    """Finds the origin of a call, as it starts."""

    def __init__(self, settings: Settings, books: Books) -> None:
        self._baggage = settings.baggage
        self._attributor = Attributor(settings)
        self._books = books
        self._instruments = books.instruments
        self._found: dict[Key, Origin] = {}
        self._kept: dict[Key, Origin] = {}
        self._epoch = 0

    def of(
        self, client: Any, options: Any, stream: bool, frame: FrameType | None, scope: Scope | None
    ) -> Origin | None:
        """The origin of the call that `client` makes with `options` below `frame` in `scope`.

        `None` for a request that is not recorded.
        """
        if self._epoch != self._instruments.epoch:
            self._epoch, self._found, self._kept = self._instruments.epoch, {}, {}
        target, site = target_of(client), call_site(frame)
        # Options of older versions of the SDK lack some: of a model's attribute, that is costly to find out.
        body, headers, extra, qualifiers, url, method, name = map(vars(options).get, _OPTIONS)
        key: Key | None = None
        is_told = scope is not None or not self._baggage
        if is_told and type(body) is dict and not extra and not qualifiers and (not headers or type(headers) is dict):
            who = None if scope is None else (scope.surface, scope.agent)
            key = (target, site, who, stream, body.get("model"), url, method, name, tuple(headers or ()))
        try:
            known = None if key is None else self._found.get(key)
        except TypeError:
            # A list where a name should be.
            key = known = None
        if known is not None:
            return known
        found = operation_of(options)
        if found is None:
            return None
        operation, batch_id = found
        origin = Origin(
            operation=operation,
            target=target,
            model=model_of(options),
            stream=stream and operation == "chat",
            method=method_of(options, operation),
            attribution=self._attributor.attribute(site, scope),
            batch_id=batch_id,
        )
        origin.attributes = attributes.at_start(origin)
        origin.active = self._books.active(origin)
        if key is None or batch_id is not None or any(map(tells_way, options.headers or ())):
            return origin
        return self._keep(key, origin)

    def _keep(self, key: Key, origin: Origin) -> Origin:
        if len(self._found) >= MOST:
            self._found.clear()
        if len(self._kept) >= MOST:
            self._kept.clear()
        same = (
            origin.operation, origin.target, origin.model, origin.stream, origin.method, origin.attribution,
        )  # fmt: skip
        origin.is_kept = True
        origin = self._found[key] = self._kept.setdefault(same, origin)
        return origin


_OPTIONS = ("json_data", "headers", "extra_json", "qualifiers", "url", "method", "span_name")
"""What the origin of a call depends on, of the options of its request."""
