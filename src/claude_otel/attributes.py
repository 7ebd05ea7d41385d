"""The attributes of a call's span and event, from the call and its account."""

from __future__ import annotations

from typing import Any

from claude_otel import telemetry as t
from claude_otel.account import Account
from claude_otel.asked import Asked, fingerprint
from claude_otel.batches import Results
from claude_otel.cache_watch import Miss
from claude_otel.call import Call, Origin
from claude_otel.pricing import Bill
from claude_otel.usage import Usage

Attributes = dict[str, Any]

FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_call",
    "refusal": "content_filter",
}
"""The GenAI conventions' words for the API's stop reasons; any other stop reason stays as it is."""


def at_start(origin: Origin) -> Attributes:
    """What the span of a call starts with, so that a sampler sees it."""
    target, attribution = origin.target, origin.attribution
    values: Attributes = {
        t.OPERATION: origin.operation,
        t.PROVIDER: target.provider,
        t.SERVER_ADDRESS: target.address,
        t.SERVER_PORT: target.port,
        t.SURFACE: attribution.surface,
        t.CALL_SITE: attribution.call_site,
        t.SDK_METHOD: origin.method,
    }
    if origin.model is not None:
        values[t.REQUEST_MODEL] = origin.model
    if attribution.agent is not None:
        values[t.AGENT] = attribution.agent
    if origin.stream:
        values[t.REQUEST_STREAM] = True
    if origin.batch_id is not None:
        values[t.BATCH_ID] = origin.batch_id
    return values


def at_end(call: Call, account: Account) -> Attributes:
    """Everything else that is known of the call when it has ended, but for its user."""
    values: Attributes = {t.OUTCOME: call.outcome, t.ATTEMPTS: len(call.attempts)}
    asked(call, values)
    answer(call, values)
    times(call, None if account.usage is None else account.usage.totals.output_tokens, values)
    if account.usage is not None:
        used(account.usages, values, partial=account.partial)
        paid(account.bills, values)
        if account.miss is not None:
            missed(account.miss, account.missed_cost, values)
    if call.verdict is not None or call.stop_reason == "refusal":
        failure(call, values)
    if call.results is not None:
        batch(call.results, values)
    return values


def beside_the_sdks(values: Attributes) -> Attributes:
    """Those of `values` that go on the SDK's own span: what the SDK says of a call, or leaves out, stays as it is."""
    return {name: value for name, value in values.items() if name.startswith("claude.") or name in _OURS}


_OURS = (t.COST, t.USER_HASH)


def asked(call: Call, values: Attributes) -> None:
    """What the request asked for."""
    request = call.asked
    told = request.told
    if told is None:
        told = request.told = told_of(request)
    values |= told


def told_of(request: Asked) -> Attributes:
    """The attributes of what a request asked for."""
    values: Attributes = {}
    if request.timeout is not None:
        values[t.TIMEOUT] = request.timeout
    if request.max_retries is not None:
        values[t.MAX_RETRIES] = request.max_retries
    if request.batch_requests is not None:
        values[t.BATCH_REQUESTS] = request.batch_requests
    if request.max_tokens is not None:
        values[t.MAX_TOKENS] = request.max_tokens
    if request.prefix is not None:
        values[t.PROMPT_FINGERPRINT] = fingerprint(request.prefix.tools, request.prefix.system)
    if request.tools:
        values[t.TOOLS] = request.tools
    if request.betas:
        values[t.BETA] = request.betas
    if request.effort is not None:
        values[t.EFFORT] = request.effort
    if request.service_tier is not None:
        values[t.REQUEST_TIER] = request.service_tier
    if request.thinking_type is not None:
        values[t.THINKING_TYPE] = request.thinking_type
        if request.thinking_budget is not None:
            values[t.THINKING_BUDGET] = request.thinking_budget
    if request.json_output:
        values[t.OUTPUT_TYPE] = "json"
    if request.task_budget is not None:
        values[t.TASK_BUDGET] = request.task_budget
    return values


def answer(call: Call, values: Attributes) -> None:
    """What the API answered with, besides numbers."""
    if call.message_id is not None:
        values[t.RESPONSE_ID] = call.message_id
    if call.served is not None:
        values[t.RESPONSE_MODEL] = call.served
    if (reasons := finish_reasons(call)) is not None:
        values[t.FINISH_REASONS] = reasons
    if call.stop_reason is not None:
        values[t.STOP_REASON] = call.stop_reason
    if call.refusal_category is not None:
        values[t.REFUSAL_CATEGORY] = call.refusal_category
    if call.counted_tokens is not None:
        values[t.COUNTED_INPUT_TOKENS] = call.counted_tokens
    # Of a batch that was created it is the answer.
    if call.batch_id is not None:
        values[t.BATCH_ID] = call.batch_id
    if call.attempts and call.attempts[-1].status is not None:
        values[t.STATUS_CODE] = call.attempts[-1].status
    headers = call.headers
    if headers.request_id is not None:
        values[t.REQUEST_ID] = headers.request_id
    if headers.organization_id is not None:
        values[t.ORGANIZATION_ID] = headers.organization_id
    if headers.workspace_id is not None:
        values[t.WORKSPACE_ID] = headers.workspace_id
    if headers.scarcest is not None:
        values[t.RATE_LIMIT_TYPE], values[t.RATE_LIMIT_HEADROOM] = headers.scarcest


def finish_reasons(call: Call) -> tuple[str, ...] | None:
    """The reasons the answer ended for: `error` where one was to come and none did."""
    if call.origin.operation != "chat":
        return None
    if call.stop_reason is None:
        return ("error",) if call.begun and call.origin.stream else None
    return (FINISH_REASONS.get(call.stop_reason, call.stop_reason),)


def times(call: Call, output: int | None, values: Attributes) -> None:
    """How long the call took, and what for."""
    chunk, text, each = seconds(call, output)
    if chunk is not None:
        values[t.TIME_TO_FIRST_CHUNK] = chunk
    if text is not None:
        values[t.TIME_TO_FIRST_TEXT] = text
    if each is not None:
        values[t.TIME_PER_OUTPUT_TOKEN] = each
    attempts = call.attempts
    if attempts:
        values[t.ATTEMPT_STATUSES] = tuple([str(each.status or each.failure or "none") for each in attempts])
    if len(attempts) > 1:
        values[t.RESEND_COUNT] = len(attempts) - 1
        values[t.BACKOFF] = sum(slept for _, slept in backoffs(call))


def seconds(call: Call, output: int | None) -> tuple[float | None, float | None, float | None]:
    """Seconds to the first chunk, to the first text that a user sees, and for one of the `output` tokens.

    The first text is all of an unstreamed answer, and the first chunk of a tool-only one.
    """
    duration, chunk = call.duration, call.first_chunk
    text = each = None
    if call.origin.operation != "chat":
        return chunk, None, None
    if call.origin.stream:
        text = call.first_text
    elif call.final:
        text = duration
    if call.outcome == "completed" and output:
        if not call.origin.stream:
            each = duration / output
        elif chunk is not None and output > 1:
            each = (duration - chunk) / (output - 1)
    return chunk, None if call.outcome == "error" else text, each


def backoffs(call: Call) -> list[tuple[Any, float]]:
    """The failed attempts that another followed, each with the seconds slept in between."""
    pairs = zip(call.attempts, call.attempts[1:], strict=False)
    return [(before, max(after.started - before.ended, 0.0)) for before, after in pairs if not before.answered_well]


def failure(call: Call, values: Attributes) -> None:
    """Who is to blame for an answer that was not the one that was asked for, and for what."""
    verdict = call.verdict
    values[t.BLAME] = blame_of(call)
    if verdict is not None:
        if verdict.blame != "cancelled":
            values[t.ERROR_TYPE] = verdict.error_type
        if verdict.code is not None:
            values[t.ERROR_CODE] = verdict.code


def blame_of(call: Call) -> str | None:
    """Who is to blame; a refusal is an answer, and its blame is `refused`."""
    if call.verdict is not None:
        return call.verdict.blame
    return "refused" if call.stop_reason == "refusal" else None


def used(usages: list[Usage], values: Attributes, *, partial: bool) -> None:
    """The tokens of all answers of the call. Output is left out where it is not final."""
    last = usages[-1]
    totals = last.totals if len(usages) == 1 else Usage([usage.totals for usage in usages]).totals
    read, write_5m, write_1h = totals.cache_read, totals.cache_write_5m, totals.cache_write_1h
    # One dictionary into another is quicker than key after key.
    values |= {
        t.INPUT_TOKENS: totals.input_tokens + read + write_5m + write_1h,
        t.CACHE_READ_TOKENS: read,
        t.CACHE_WRITE_TOKENS: write_5m + write_1h,
        t.CACHE_WRITE_5M_TOKENS: write_5m,
        t.CACHE_WRITE_1H_TOKENS: write_1h,
    }
    if partial:
        values[t.PARTIAL] = True
    else:
        values[t.OUTPUT_TOKENS] = totals.output_tokens
    if last.service_tier is not None:
        values[t.RESPONSE_TIER] = last.service_tier
    if last.speed is not None:
        values[t.SPEED] = last.speed
    if last.inference_geo is not None:
        values[t.GEO] = last.inference_geo
    if last.reasoning_tokens is not None:
        values[t.REASONING_TOKENS] = last.reasoning_tokens
    if last.web_search_requests or last.web_fetch_requests or last.iterations or len(usages) > 1:
        used_by_parts(usages, values)


def used_by_parts(usages: list[Usage], values: Attributes) -> None:
    """What few answers use: server tools, iterations, and more answers than one."""
    reasoning = [usage.reasoning_tokens for usage in usages if usage.reasoning_tokens is not None]
    if reasoning:
        values[t.REASONING_TOKENS] = sum(reasoning)
    if searches := sum(usage.web_search_requests for usage in usages):
        values[t.WEB_SEARCHES] = searches
    if fetches := sum(usage.web_fetch_requests for usage in usages):
        values[t.WEB_FETCHES] = fetches
    if usages[-1].iterations:
        values[t.ITERATIONS] = usages[-1].iterations
    compactions = [entry for usage in usages for entry in usage.entries if entry.kind == "compaction"]
    if compactions:
        values[t.COMPACTION_INPUT_TOKENS] = sum(entry.prompt_tokens for entry in compactions)
        values[t.COMPACTION_OUTPUT_TOKENS] = sum(entry.output_tokens for entry in compactions)


def missed(miss: Miss, cost: float | None, values: Attributes) -> None:
    """What missing the cache cost."""
    values[t.MISS_REASON] = miss.reason
    values[t.MISSED_TOKENS] = miss.tokens
    if cost is not None:
        values[t.MISSED_COST] = cost


def paid(bills: list[Bill], values: Attributes) -> None:
    """What the call cost, in USD."""
    total = uncached = 0.0
    for bill in bills:
        if bill.unpriced:
            values[t.UNPRICED] = True
            return
        total += bill.total
        uncached += bill.uncached
    values[t.COST], values[t.UNCACHED_COST] = total, uncached
    for bill in bills:
        for _, component, usd in bill.lines:
            name = _COST_OF[component]
            values[name] = usd if name not in values else values[name] + usd


_COST_OF = {component: f"claude.cost.{component}" for component in t.COST_COMPONENTS}


def batch(results: Results, values: Attributes) -> None:
    """What was read of a batch's results."""
    values[t.BATCH_REQUESTS] = results.rows
    values[t.BATCH_SUCCEEDED] = results.succeeded
    values[t.BATCH_FAILED] = results.failed


def cost_by_model(call: Call, account: Account) -> dict[str, float] | None:
    """USD by model, unless it is all of the model that served."""
    models: dict[str, float] = {}
    for item in account.all:
        for model, usd in item.bill.by_model().items() if item.bill is not None else ():
            models[model] = models.get(model, 0.0) + usd
    return None if set(models) <= {call.served or call.origin.model} else models
