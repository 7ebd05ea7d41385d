"""The attributes of a call's span and event, from the call and its account."""

from __future__ import annotations

from typing import Any

from claude_otel import telemetry as t
from claude_otel.account import Account
from claude_otel.batches import Results
from claude_otel.call import Call
from claude_otel.headers import scarcest
from claude_otel.usage import Usage

FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_call",
    "refusal": "content_filter",
}
"""The GenAI conventions' words for the API's stop reasons; any other stop reason stays as it is."""


def at_start(call: Call) -> dict[str, Any]:
    """What the span of a call starts with, so that a sampler sees it."""
    attributes = {
        t.OPERATION: call.operation,
        t.PROVIDER: call.target.provider,
        t.REQUEST_MODEL: call.model,
        t.SERVER_ADDRESS: call.target.address,
        t.SERVER_PORT: call.target.port,
        t.SURFACE: call.attribution.surface,
        t.CALL_SITE: call.attribution.call_site,
        t.AGENT: call.attribution.agent,
        t.SDK_METHOD: call.method,
        t.REQUEST_STREAM: call.stream or None,
        t.BATCH_ID: call.batch_id,
    }
    return {name: value for name, value in attributes.items() if value is not None}


def at_end(call: Call, account: Account, user_hash: str | None) -> dict[str, Any]:
    """Everything else that is known of the call when it has ended."""
    attributes = {**asked(call), t.USER_HASH: user_hash, **answer(call), **times(call), **ending(call)}
    if (limit := scarcest(call.headers.rate_limits)) is not None:
        attributes[t.RATE_LIMIT_TYPE], attributes[t.RATE_LIMIT_HEADROOM] = limit
    if account.usage is not None:
        attributes.update(used(account))
        attributes[t.TIME_PER_OUTPUT_TOKEN] = per_output_token(call, account)
        attributes.update(paid(account))
    if call.results is not None:
        attributes.update(batch(call.results))
    return {name: value for name, value in attributes.items() if value is not None}


def beside_the_sdks(values: dict[str, Any]) -> dict[str, Any]:
    """Those of `values` that go on the SDK's own span: what the SDK says of a call, or leaves out, stays as it is."""
    return {name: value for name, value in values.items() if name.startswith("claude.") or name in _OURS}


_OURS = (t.COST, t.USER_HASH)


def asked(call: Call) -> dict[str, Any]:
    """What the request asked for."""
    request = call.asked
    return {
        t.MAX_TOKENS: request.max_tokens,
        t.EFFORT: request.effort,
        t.OUTPUT_TYPE: "json" if request.json_output else None,
        t.REQUEST_TIER: request.service_tier,
        t.THINKING_TYPE: request.thinking_type,
        t.THINKING_BUDGET: request.thinking_budget,
        t.BETA: request.betas or None,
        t.TASK_BUDGET: request.task_budget,
        t.TOOLS: request.tools or None,
        t.TIMEOUT: call.timeout,
        t.MAX_RETRIES: call.max_retries,
        t.PROMPT_FINGERPRINT: None if request.prefix is None else request.prefix.fingerprint,
        t.BATCH_REQUESTS: call.batch_requests,
    }


def answer(call: Call) -> dict[str, Any]:
    """What the API answered with, besides numbers."""
    status = call.attempts[-1].status if call.attempts else None
    return {
        t.RESPONSE_ID: call.message_id,
        t.RESPONSE_MODEL: call.served,
        t.FINISH_REASONS: finish_reasons(call),
        t.STOP_REASON: call.stop_reason,
        t.REFUSAL_CATEGORY: call.refusal_category,
        t.REQUEST_ID: call.headers.request_id,
        t.ORGANIZATION_ID: call.headers.organization_id,
        t.WORKSPACE_ID: call.headers.workspace_id,
        t.STATUS_CODE: status,
        t.COUNTED_INPUT_TOKENS: call.counted_tokens,
        # Of a batch that was created it is the answer.
        t.BATCH_ID: call.batch_id,
    }


def finish_reasons(call: Call) -> tuple[str, ...] | None:
    """The reasons the answer ended for: `error` where one was to come and none did."""
    if call.operation != "chat":
        return None
    if call.stop_reason is None:
        return ("error",) if call.begun and call.stream else None
    return (FINISH_REASONS.get(call.stop_reason, call.stop_reason),)


def times(call: Call) -> dict[str, Any]:
    """How long the call took, and what for."""
    attempts = call.attempts
    return {
        t.TIME_TO_FIRST_CHUNK: call.first_chunk,
        t.TIME_TO_FIRST_TEXT: first_text(call),
        t.ATTEMPTS: len(attempts),
        t.ATTEMPT_STATUSES: tuple(str(attempt.status or attempt.failure or "none") for attempt in attempts) or None,
        t.RESEND_COUNT: len(attempts) - 1 if len(attempts) > 1 else None,
        t.BACKOFF: sum(seconds for _, seconds in backoffs(call)) if len(attempts) > 1 else None,
    }


def first_text(call: Call) -> float | None:
    """Seconds to the first text a user sees: all of an unstreamed answer, the first chunk of a tool-only one."""
    if call.operation != "chat" or call.outcome == "error":
        return None
    if not call.stream:
        return call.duration if call.final else None
    if call.first_text is None and call.stopped:
        return call.first_chunk
    return call.first_text


def per_output_token(call: Call, account: Account) -> float | None:
    """Seconds for one output token of a completed answer."""
    if call.operation != "chat" or call.outcome != "completed" or account.usage is None:
        return None
    tokens = account.usage.totals.output_tokens
    if call.stream:
        return (
            (call.duration - call.first_chunk) / (tokens - 1) if call.first_chunk is not None and tokens > 1 else None
        )
    return call.duration / tokens if tokens else None


def backoffs(call: Call) -> list[tuple[Any, float]]:
    """The failed attempts that another followed, each with the seconds slept in between."""
    pairs = zip(call.attempts, call.attempts[1:], strict=False)
    return [(before, max(after.started - before.ended, 0.0)) for before, after in pairs if not before.answered_well]


def ending(call: Call) -> dict[str, Any]:
    """How the call ended, and who is to blame."""
    verdict = call.verdict
    cancelled = verdict is not None and verdict.blame == "cancelled"
    return {
        t.OUTCOME: call.outcome,
        t.BLAME: blame_of(call),
        t.ERROR_TYPE: None if verdict is None or cancelled else verdict.error_type,
        t.ERROR_CODE: None if verdict is None else verdict.code,
    }


def blame_of(call: Call) -> str | None:
    """Who is to blame; a refusal is an answer, and its blame is `refused`."""
    if call.verdict is not None:
        return call.verdict.blame
    return "refused" if call.stop_reason == "refusal" else None


def used(account: Account) -> dict[str, Any]:
    """The tokens of all answers of the call. Output is left out where it is not final."""
    usages = account.usages
    last = usages[-1]
    totals = last.totals if len(usages) == 1 else Usage([usage.totals for usage in usages]).totals
    attributes = {
        t.INPUT_TOKENS: totals.prompt_tokens,
        t.OUTPUT_TOKENS: totals.output_tokens,
        t.CACHE_READ_TOKENS: totals.cache_read,
        t.CACHE_WRITE_TOKENS: totals.cache_write_5m + totals.cache_write_1h,
        t.CACHE_WRITE_5M_TOKENS: totals.cache_write_5m,
        t.CACHE_WRITE_1H_TOKENS: totals.cache_write_1h,
        t.REASONING_TOKENS: last.reasoning_tokens,
        t.RESPONSE_TIER: last.service_tier,
        t.SPEED: last.speed,
        t.GEO: last.inference_geo,
        t.WEB_SEARCHES: last.web_search_requests or None,
        t.WEB_FETCHES: last.web_fetch_requests or None,
        t.ITERATIONS: last.iterations or None,
    }
    if account.partial:
        attributes[t.OUTPUT_TOKENS], attributes[t.PARTIAL] = None, True
    if len(usages) > 1:
        reasoning = [usage.reasoning_tokens for usage in usages if usage.reasoning_tokens is not None]
        attributes[t.REASONING_TOKENS] = sum(reasoning) if reasoning else None
        attributes[t.WEB_SEARCHES] = sum(usage.web_search_requests for usage in usages) or None
        attributes[t.WEB_FETCHES] = sum(usage.web_fetch_requests for usage in usages) or None
    compactions = [
        entry for usage in usages if usage.iterations for entry in usage.entries if entry.kind == "compaction"
    ]
    if compactions:
        attributes[t.COMPACTION_INPUT_TOKENS] = sum(entry.prompt_tokens for entry in compactions)
        attributes[t.COMPACTION_OUTPUT_TOKENS] = sum(entry.output_tokens for entry in compactions)
    return attributes


def paid(account: Account) -> dict[str, Any]:
    """What the call cost, in USD, and what missing the cache cost of that."""
    attributes: dict[str, Any] = {}
    if account.miss is not None:
        attributes[t.MISS_REASON] = account.miss.reason
        attributes[t.MISSED_TOKENS] = account.miss.tokens
        attributes[t.MISSED_COST] = account.missed_cost
    bills = account.bills
    if any(bill.unpriced for bill in bills):
        attributes[t.UNPRICED] = True
    elif bills:
        attributes[t.COST] = sum(bill.total for bill in bills)
        attributes[t.UNCACHED_COST] = sum(bill.uncached for bill in bills)
        for bill in bills:
            for line in bill.lines:
                name = _COST_OF[line.component]
                attributes[name] = attributes.get(name, 0.0) + line.usd
    return attributes


_COST_OF = {component: f"claude.cost.{component}" for component in t.COST_COMPONENTS}


def batch(results: Results) -> dict[str, Any]:
    """What was read of a batch's results."""
    return {
        t.BATCH_REQUESTS: results.rows,
        t.BATCH_SUCCEEDED: results.succeeded,
        t.BATCH_FAILED: results.failed,
    }


def cost_by_model(call: Call, account: Account) -> dict[str, float] | None:
    """USD by model, unless it is all of the model that served."""
    models: dict[str, float] = {}
    for item in account.all:
        for model, usd in item.bill.by_model().items() if item.bill is not None else ():
            models[model] = models.get(model, 0.0) + usd
    return None if set(models) <= {call.served or call.model} else models
