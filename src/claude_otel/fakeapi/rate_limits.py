"""Rate limits: buckets that empty as requests come and fill again with time, and the headers that tell of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from .clock import Clock, rfc3339
from .errors import APIError

LimitType = Literal["requests", "input-tokens", "output-tokens"]
SpecialKind = Literal["fast", "priority"]
TOKEN_LIMITS: tuple[LimitType, ...] = ("input-tokens", "output-tokens")


@dataclass(frozen=True)
class RateLimits:
    """The limits of a workspace for each group of models, per minute."""

    requests: int = 4_000
    input_tokens: int = 2_000_000
    output_tokens: int = 400_000
    enforced: bool = True
    """Whether a request beyond a limit is refused with a 429. The buckets run empty in any case."""


class Bucket:
    """So many units a minute, refilled without a break."""

    def __init__(self, limit: int, clock: Clock) -> None:
        self.limit = limit
        self._clock = clock
        self._remaining = float(limit)
        self._at = clock.now()

    def remaining(self) -> float:
        """The units left now."""
        now = self._clock.now()
        self._remaining = min(float(self.limit), self._remaining + max(0.0, now - self._at) * self.limit / 60)
        self._at = now
        return self._remaining

    def take(self, units: int) -> None:
        """Use units up; there are never fewer than none left."""
        self._remaining = max(0.0, self.remaining() - units)

    def seconds_until(self, units: float) -> float:
        """How long it takes until so many units are there."""
        return max(0.0, (min(units, float(self.limit)) - self.remaining()) * 60 / self.limit)


class RateLimiter:
    """The buckets of all workspaces and groups of models."""

    def __init__(self, limits: RateLimits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._buckets: dict[tuple[str, str], dict[LimitType, Bucket]] = {}

    def admit(self, workspace: str, model: str, input_tokens: int) -> APIError | None:
        """Count a request in. The 429 when a limit is enforced and exceeded, else `None`."""
        buckets = self._of(workspace, model)
        if self._limits.enforced:
            needed: dict[LimitType, int] = {"requests": 1, "input-tokens": input_tokens, "output-tokens": 1}
            for kind, units in needed.items():
                bucket = buckets[kind]
                if bucket.remaining() < min(units, bucket.limit):
                    return _exceeded(kind, bucket, units)
        buckets["requests"].take(1)
        buckets["input-tokens"].take(input_tokens)
        return None

    def spend_special(
        self, kind: SpecialKind, workspace: str, model: str, input_tokens: int, output_tokens: int
    ) -> None:
        """Count a request in on the limits of its own that fast mode and the priority tier have."""
        buckets = self._of(workspace, f"{kind}:{model_group(model)}")
        buckets["input-tokens"].take(input_tokens)
        buckets["output-tokens"].take(output_tokens)

    def special_headers(self, kind: SpecialKind, workspace: str, model: str) -> dict[str, str]:
        """The `anthropic-fast-…` or `anthropic-priority-…` headers as of now."""
        buckets = self._of(workspace, f"{kind}:{model_group(model)}")
        shown = (self._shown(f"anthropic-{kind}", name, buckets[name]) for name in TOKEN_LIMITS)
        return {name: value for headers in shown for name, value in headers.items()}

    def spend_output(self, workspace: str, model: str, output_tokens: int) -> None:
        """Count the output of a request."""
        self._of(workspace, model)["output-tokens"].take(output_tokens)

    def headers(self, workspace: str, model: str) -> dict[str, str]:
        """The `anthropic-ratelimit-…` headers as of now. Tokens are rounded to thousands; `tokens` is the tighter of
        input and output tokens."""
        buckets = self._of(workspace, model)
        tokens = min((buckets["input-tokens"], buckets["output-tokens"]), key=_share)
        found = self._shown("anthropic-ratelimit", "tokens", tokens)
        for kind, bucket in buckets.items():
            found |= self._shown("anthropic-ratelimit", kind, bucket)
        return found

    def _shown(self, prefix: str, kind: str, bucket: Bucket) -> dict[str, str]:
        return {
            f"{prefix}-{kind}-limit": str(bucket.limit),
            f"{prefix}-{kind}-remaining": str(_rounded(kind, bucket.remaining())),
            f"{prefix}-{kind}-reset": rfc3339(self._clock.now() + bucket.seconds_until(bucket.limit)),
        }

    def _of(self, workspace: str, model: str) -> dict[LimitType, Bucket]:
        key = (workspace, model_group(model))
        if key not in self._buckets:
            limits = self._limits
            self._buckets[key] = {
                "requests": Bucket(limits.requests, self._clock),
                "input-tokens": Bucket(limits.input_tokens, self._clock),
                "output-tokens": Bucket(limits.output_tokens, self._clock),
            }
        return self._buckets[key]


def model_group(model: str) -> str:
    """The models that share limits, such as `claude-opus-4` for all of Opus 4.x."""
    found = re.match(r"claude-[a-z]+-\d+", model)
    return found[0] if found else model


def _share(bucket: Bucket) -> float:
    return bucket.remaining() / bucket.limit


def _rounded(kind: str, remaining: float) -> int:
    return int(remaining) if kind == "requests" else int(round(remaining, -3))


def _exceeded(kind: str, bucket: Bucket, units: int) -> APIError:
    wait = max(0.001, bucket.seconds_until(units))
    message = f"This request would exceed your organization's rate limit of {bucket.limit:,} {kind} per minute."
    headers = {"retry-after": str(int(wait) + 1), "retry-after-ms": str(int(wait * 1000) + 1)}
    return APIError(429, "rate_limit_error", message, headers=headers)
