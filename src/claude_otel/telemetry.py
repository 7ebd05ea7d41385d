"""The one table of everything that is emitted: metrics, and the attributes of spans, events and metrics.

Code takes every name from here, docs/telemetry.md is written from it, and rules and dashboards follow it.
Names are the GenAI conventions' where these have one, then the SDK's own `anthropic.*`, then `claude.*`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SCOPE = "claude_otel"
"""The instrumentation scope of every span, metric and event."""

CALL_EVENT = "claude.call"
"""The event that records one call: every attribute below that is on events."""

ERROR_EVENT = "claude.error"
"""The event of a call that failed, at a severity by blame, with the same attributes."""

DURATION_EDGES = (
    0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 7.5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600,
)  # fmt: skip
"""Bucket edges of durations in seconds. The budgets of the configuration file are added to them."""

PER_TOKEN_EDGES = (
    0.002, 0.004, 0.006, 0.008, 0.01, 0.0125, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.075, 0.1, 0.2, 0.5, 1,
)  # fmt: skip
"""Bucket edges of the seconds for one output token."""

# Request: what was asked.
OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
REQUEST_STREAM = "gen_ai.request.stream"
MAX_TOKENS = "gen_ai.request.max_tokens"
EFFORT = "gen_ai.request.reasoning.level"
OUTPUT_TYPE = "gen_ai.output.type"
AGENT = "gen_ai.agent.name"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
REQUEST_TIER = "anthropic.request.service_tier"
THINKING_TYPE = "anthropic.thinking.type"
THINKING_BUDGET = "anthropic.thinking.budget_tokens"
BETA = "anthropic.beta"
TASK_BUDGET = "claude.request.task_budget"
TOOLS = "claude.request.tools"
TIMEOUT = "claude.request.timeout"
MAX_RETRIES = "claude.request.max_retries"
SDK_METHOD = "claude.sdk.method"
PROMPT_FINGERPRINT = "claude.prompt.fingerprint"

# Attribution: who asked.
SURFACE = "claude.surface"
CALL_SITE = "claude.call_site"
USER_HASH = "user.hash"

# Response: what came back.
RESPONSE_ID = "gen_ai.response.id"
RESPONSE_MODEL = "gen_ai.response.model"
FINISH_REASONS = "gen_ai.response.finish_reasons"
STOP_REASON = "anthropic.message.stop_reason"
REFUSAL_CATEGORY = "claude.refusal.category"
REQUEST_ID = "anthropic.request.id"
ORGANIZATION_ID = "anthropic.organization.id"
WORKSPACE_ID = "anthropic.workspace.id"
STATUS_CODE = "http.response.status_code"
RESEND_COUNT = "http.request.resend_count"
OUTCOME = "claude.outcome"
BLAME = "claude.blame"
ERROR_TYPE = "error.type"
ERROR_CODE = "claude.error.code"
RETRIED = "claude.retried"

# Usage: the tokens, as the API reports them.
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
CACHE_READ_TOKENS = "gen_ai.usage.cache_read.input_tokens"
CACHE_WRITE_TOKENS = "gen_ai.usage.cache_write.input_tokens"
REASONING_TOKENS = "gen_ai.usage.reasoning.output_tokens"
CACHE_WRITE_5M_TOKENS = "anthropic.usage.cache_creation.ephemeral_5m_input_tokens"
CACHE_WRITE_1H_TOKENS = "anthropic.usage.cache_creation.ephemeral_1h_input_tokens"
COMPACTION_INPUT_TOKENS = "anthropic.usage.compaction.input_tokens"
COMPACTION_OUTPUT_TOKENS = "anthropic.usage.compaction.output_tokens"
COUNTED_INPUT_TOKENS = "anthropic.message.count_tokens.input_tokens"
RESPONSE_TIER = "anthropic.response.service_tier"
SPEED = "claude.usage.speed"
GEO = "claude.usage.inference_geo"
WEB_SEARCHES = "claude.usage.web_search_requests"
WEB_FETCHES = "claude.usage.web_fetch_requests"
ITERATIONS = "claude.usage.iterations"
PARTIAL = "claude.usage.partial"

# Time.
DURATION = "claude.duration"
TIME_TO_FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
TIME_TO_FIRST_TEXT = "claude.time_to_first_text"
TIME_PER_OUTPUT_TOKEN = "claude.time_per_output_token"  # noqa: S105
ATTEMPTS = "claude.attempts"
ATTEMPT_STATUSES = "claude.attempt.statuses"
BACKOFF = "claude.backoff"

# Money, in USD.
COST = "gen_ai.usage.cost"
COST_COMPONENT = "claude.cost.component"
COST_BY_MODEL = "claude.cost.by_model"
UNCACHED_COST = "claude.uncached_cost"
UNPRICED = "claude.unpriced"

# Cache and limits.
CACHE_TTL = "claude.cache.ttl"
MISS_REASON = "claude.cache.miss_reason"
MISSED_TOKENS = "claude.cache.missed_input_tokens"
MISSED_COST = "claude.cache.missed_cost"
RATE_LIMIT_TYPE = "claude.rate_limit.type"
RATE_LIMIT_HEADROOM = "claude.rate_limit.headroom"

# Batches.
BATCH_ID = "claude.batch.id"
BATCH_REQUESTS = "claude.batch.requests"
BATCH_SUCCEEDED = "claude.batch.succeeded"
BATCH_FAILED = "claude.batch.failed"

MODALITY = "gen_ai.token.modality"
COMPONENT = "component"

COST_COMPONENTS = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h", "web_search")
"""The parts of a bill, in the order in which they are shown. `claude.cost.<component>` on spans and events."""

Home = Literal["span", "event", "metric"]
ValueType = Literal["string", "string[]", "int", "double", "boolean", "map"]


@dataclass(frozen=True)
class Attribute:
    """An attribute: its name, the type of its value, where it is found, and what it says."""

    name: str
    type: ValueType
    on: tuple[Home, ...]
    description: str


_SPAN_EVENT: tuple[Home, ...] = ("span", "event")
_ALL: tuple[Home, ...] = ("span", "event", "metric")

ATTRIBUTES: tuple[Attribute, ...] = (
    Attribute(OPERATION, "string", _ALL, "`chat`, `count_tokens`, `create_batch`, `retrieve_batch`, `batch_results`"),
    Attribute(PROVIDER, "string", _ALL, "`anthropic`, `aws.bedrock`, `gcp.vertex_ai`"),
    Attribute(REQUEST_MODEL, "string", _ALL, "The model that was asked for"),
    Attribute(REQUEST_STREAM, "boolean", _SPAN_EVENT, "`true` on a call that streams its answer, else absent"),
    Attribute(MAX_TOKENS, "int", _SPAN_EVENT, "`max_tokens` of the request"),
    Attribute(EFFORT, "string", _ALL, "`output_config.effort` of the request; on metrics `default` when none was asked"),
    Attribute(OUTPUT_TYPE, "string", _SPAN_EVENT, "`json` when the request asks for a JSON schema"),
    Attribute(AGENT, "string", _ALL, "The agent that made the call: `surface(..., agent=)`; on metrics `none` without one"),
    Attribute(SERVER_ADDRESS, "string", _SPAN_EVENT, "Host of the client's base URL"),
    Attribute(SERVER_PORT, "int", _SPAN_EVENT, "Port of the client's base URL"),
    Attribute(REQUEST_TIER, "string", _SPAN_EVENT, "`service_tier` of the request"),
    Attribute(THINKING_TYPE, "string", _SPAN_EVENT, "`thinking.type` of the request"),
    Attribute(THINKING_BUDGET, "int", _SPAN_EVENT, "`thinking.budget_tokens` of the request"),
    Attribute(BETA, "string[]", _SPAN_EVENT, "The `anthropic-beta` values of the request"),
    Attribute(TASK_BUDGET, "int", _SPAN_EVENT, "`output_config.task_budget.total` of the request, tokens"),
    Attribute(TOOLS, "int", _SPAN_EVENT, "How many tools the request offers"),
    Attribute(TIMEOUT, "double", _SPAN_EVENT, "The read timeout in force for one attempt, seconds; absent when there is none"),
    Attribute(MAX_RETRIES, "int", _SPAN_EVENT, "The retries in force"),
    Attribute(SDK_METHOD, "string", _SPAN_EVENT, "The way into the SDK: `create`, `stream`, `parse`, `tool_runner`, `thread`, `count_tokens`, `batches.create`, `batches.retrieve`, `batches.results`; `post` or `get` of the client itself; with `beta.` and `raw.` or `streaming.` before it"),
    Attribute(PROMPT_FINGERPRINT, "string", _SPAN_EVENT, "A local hash of tools and system prompt; no content can be read from it"),
    Attribute(SURFACE, "string", _ALL, "The user-facing use of Claude: from `surface()`, baggage, a rule, or the call site"),
    Attribute(CALL_SITE, "string", _ALL, "`module:function` that made the call, or `unknown`"),
    Attribute(USER_HASH, "string", _SPAN_EVENT, "HMAC-SHA256 of the user, when a key is configured"),
    Attribute(RESPONSE_ID, "string", _SPAN_EVENT, "The id of the message"),
    Attribute(RESPONSE_MODEL, "string", _ALL, "The model that served; on metrics the requested one when none was served"),
    Attribute(FINISH_REASONS, "string[]", _SPAN_EVENT, "`stop`, `length`, `tool_call`, … ; `error` when none was received"),
    Attribute(STOP_REASON, "string", _ALL, "`stop_reason` of the answer; on metrics `none` without one"),
    Attribute(REFUSAL_CATEGORY, "string", _SPAN_EVENT, "`stop_details.category` of a refusal"),
    Attribute(REQUEST_ID, "string", _SPAN_EVENT, "The id to send to Anthropic's support"),
    Attribute(ORGANIZATION_ID, "string", _SPAN_EVENT, "From the header `anthropic-organization-id`"),
    Attribute(WORKSPACE_ID, "string", _SPAN_EVENT, "From the header `anthropic-workspace-id`"),
    Attribute(STATUS_CODE, "int", _ALL, "HTTP status of the last attempt; on `claude.attempts` of that attempt, `none` without a response"),
    Attribute(RESEND_COUNT, "int", _SPAN_EVENT, "Attempts after the first, absent when there was one"),
    Attribute(OUTCOME, "string", _ALL, "`completed`, `error`, `closed_early`, `abandoned`, `cancelled`, `truncated`"),
    Attribute(BLAME, "string", _ALL, "`provider`, `quota`, `budget`, `caller`, `network`, `timeout`, `cancelled`, `refused`; on metrics `none` when nothing went wrong"),
    Attribute(ERROR_TYPE, "string", _ALL, "The API's error type, else the status, `client_timeout_error`, `connection_error`, `client_error`, `_OTHER`; absent without an error"),
    Attribute(ERROR_CODE, "string", _SPAN_EVENT, "`error.details.error_code` of the API's answer, when it is one that is known, else `_OTHER`"),
    Attribute(RETRIED, "boolean", ("metric",), "Whether the call needed more than one attempt"),
    Attribute(INPUT_TOKENS, "int", _SPAN_EVENT, "All input tokens, cache reads and writes included"),
    Attribute(OUTPUT_TOKENS, "int", _SPAN_EVENT, "Output tokens, final ones only"),
    Attribute(CACHE_READ_TOKENS, "int", _SPAN_EVENT, "Input tokens read from the cache"),
    Attribute(CACHE_WRITE_TOKENS, "int", _SPAN_EVENT, "Input tokens written to the cache"),
    Attribute(REASONING_TOKENS, "int", _SPAN_EVENT, "Output tokens spent on thinking"),
    Attribute(CACHE_WRITE_5M_TOKENS, "int", _SPAN_EVENT, "Of the written ones, those with a life of 5 minutes"),
    Attribute(CACHE_WRITE_1H_TOKENS, "int", _SPAN_EVENT, "Of the written ones, those with a life of 1 hour"),
    Attribute(COMPACTION_INPUT_TOKENS, "int", _SPAN_EVENT, "Input tokens of compactions"),
    Attribute(COMPACTION_OUTPUT_TOKENS, "int", _SPAN_EVENT, "Output tokens of compactions"),
    Attribute(COUNTED_INPUT_TOKENS, "int", _SPAN_EVENT, "The answer of `count_tokens`; nothing was billed"),
    Attribute(RESPONSE_TIER, "string", _ALL, "`service_tier` that served; on metrics `standard` when the API says none"),
    Attribute(SPEED, "string", _SPAN_EVENT, "`usage.speed`"),
    Attribute(GEO, "string", _SPAN_EVENT, "`usage.inference_geo`"),
    Attribute(WEB_SEARCHES, "int", _SPAN_EVENT, "Web searches that the API made"),
    Attribute(WEB_FETCHES, "int", _SPAN_EVENT, "Web fetches that the API made"),
    Attribute(ITERATIONS, "int", _SPAN_EVENT, "How many iterations the answer was billed as, when the API lists them"),
    Attribute(PARTIAL, "boolean", _SPAN_EVENT, "`true` when the stream ended before its final numbers: input is what its first event said, output and its cost are unknown and left out"),
    Attribute(DURATION, "double", ("event",), "Seconds from the call to the end of its answer, the reading of the stream included"),
    Attribute(TIME_TO_FIRST_CHUNK, "double", _SPAN_EVENT, "Seconds to the first `content_block_delta`, of streams that are not read at once"),
    Attribute(TIME_TO_FIRST_TEXT, "double", _SPAN_EVENT, "Seconds to the first visible text"),
    Attribute(TIME_PER_OUTPUT_TOKEN, "double", _SPAN_EVENT, "Seconds for one output token"),
    Attribute(ATTEMPTS, "int", _SPAN_EVENT, "HTTP requests of the call"),
    Attribute(ATTEMPT_STATUSES, "string[]", _SPAN_EVENT, "Status of each attempt, or `timeout`, `connection_error`, `cancelled`"),
    Attribute(BACKOFF, "double", _SPAN_EVENT, "Seconds slept between attempts"),
    Attribute(COST, "double", _SPAN_EVENT, "USD of the call; absent when it is unpriced; of the input alone when `claude.usage.partial`"),
    *(
        Attribute(f"claude.cost.{component}", "double", _SPAN_EVENT, f"USD for `{component}`, when not zero")
        for component in COST_COMPONENTS
    ),
    Attribute(COST_COMPONENT, "string", ("metric",), f"`{'`, `'.join(COST_COMPONENTS)}`"),
    Attribute(COST_BY_MODEL, "map", ("event",), "USD by model, unless it is all of the model that served: iterations, results of a batch"),
    Attribute(UNCACHED_COST, "double", _SPAN_EVENT, "USD that the same call had cost without a cache"),
    Attribute(UNPRICED, "boolean", _SPAN_EVENT, "`true` when a model of the call has no price, so that the call has no cost"),
    Attribute(CACHE_TTL, "string", ("metric",), "`5m` or `1h`"),
    Attribute(MISS_REASON, "string", _ALL, "Why the cache was not read: the API's reason, else ours"),
    Attribute(MISSED_TOKENS, "int", _SPAN_EVENT, "Input tokens that a hit would have read"),
    Attribute(MISSED_COST, "double", _SPAN_EVENT, "USD that the miss cost"),
    Attribute(RATE_LIMIT_TYPE, "string", _ALL, "`requests`, `tokens`, `input-tokens`, `output-tokens`, and the priority and fast ones; on spans and events the scarcest"),
    Attribute(RATE_LIMIT_HEADROOM, "double", _SPAN_EVENT, "What remains of the scarcest limit, 0 to 1"),
    Attribute(BATCH_ID, "string", _SPAN_EVENT, "The id of the message batch"),
    Attribute(BATCH_REQUESTS, "int", _SPAN_EVENT, "Requests of the batch, or results read"),
    Attribute(BATCH_SUCCEEDED, "int", _SPAN_EVENT, "Results read that succeeded"),
    Attribute(BATCH_FAILED, "int", _SPAN_EVENT, "Results read that were errored, canceled or expired"),
    Attribute(MODALITY, "string", ("metric",), "Always `unknown`: the API does not split tokens by modality"),
    Attribute(COMPONENT, "string", ("metric",), "The part of the instrumentation that failed"),
)  # fmt: skip

Kind = Literal["counter", "histogram", "updowncounter", "gauge"]

COMMON = (OPERATION, PROVIDER, REQUEST_MODEL, RESPONSE_MODEL)
"""The attributes that every metric of a call starts with."""


@dataclass(frozen=True)
class Metric:
    """An instrument: its kind, its unit, its attributes in order, and the advised bucket edges of a histogram."""

    name: str
    kind: Kind
    unit: str
    attributes: tuple[str, ...]
    description: str
    edges: tuple[float, ...] = ()


DURATION_METRIC = Metric(
    "gen_ai.client.inference.duration", "histogram", "s", (*COMMON, SURFACE, OUTCOME, ERROR_TYPE),
    "Duration of calls, with all attempts and the reading of the stream", DURATION_EDGES,
)  # fmt: skip
FIRST_CHUNK_METRIC = Metric(
    "gen_ai.client.inference.time_to_first_chunk", "histogram", "s", (*COMMON, SURFACE),
    "Time to the first chunk of streamed answers", DURATION_EDGES,
)  # fmt: skip
FIRST_TEXT_METRIC = Metric(
    "claude.time_to_first_text", "histogram", "s", (*COMMON, SURFACE),
    "Time to the first text that a user sees: after the thinking; an unstreamed answer's is its whole duration, a tool-only answer's its first chunk",
    DURATION_EDGES,
)  # fmt: skip
PER_TOKEN_METRIC = Metric(
    "claude.time_per_output_token", "histogram", "s", (*COMMON, SURFACE),
    "Time for one output token: after the first chunk of a stream, over the whole duration of an unstreamed answer",
    PER_TOKEN_EDGES,
)  # fmt: skip

_TOKENS = (*COMMON, SURFACE, RESPONSE_TIER, MODALITY)
INPUT_METRIC = Metric(
    "gen_ai.client.inference.usage.input_tokens", "counter", "{token}", _TOKENS,
    "Input tokens, cache reads and writes included",
)  # fmt: skip
OUTPUT_METRIC = Metric(
    "gen_ai.client.inference.usage.output_tokens",
    "counter",
    "{token}",
    _TOKENS,
    "Output tokens, thinking included",
)
CACHE_READ_METRIC = Metric(
    "gen_ai.client.inference.usage.cache_read.input_tokens", "counter", "{token}", _TOKENS,
    "Input tokens read from the cache",
)  # fmt: skip
CACHE_WRITE_METRIC = Metric(
    "gen_ai.client.inference.usage.cache_write.input_tokens", "counter", "{token}", (*_TOKENS, CACHE_TTL),
    "Input tokens written to the cache",
)  # fmt: skip
REASONING_METRIC = Metric(
    "gen_ai.client.inference.usage.reasoning.output_tokens", "counter", "{token}", _TOKENS,
    "Output tokens spent on thinking",
)  # fmt: skip
COST_METRIC = Metric(
    "claude.cost", "counter", "USD",
    (*COMMON, SURFACE, CALL_SITE, COST_COMPONENT, RESPONSE_TIER, EFFORT, AGENT),
    "Cost of calls by component",
)  # fmt: skip
UNCACHED_COST_METRIC = Metric(
    "claude.uncached_cost", "counter", "USD", (*COMMON, SURFACE),
    "What the same calls had cost without a cache; the saving is this less claude.cost",
)  # fmt: skip
MISSED_TOKENS_METRIC = Metric(
    "claude.cache.missed_input_tokens", "counter", "{token}", (*COMMON, SURFACE, MISS_REASON),
    "Input tokens that a cache hit would have read",
)  # fmt: skip
MISSED_COST_METRIC = Metric(
    "claude.cache.missed_cost",
    "counter",
    "USD",
    (*COMMON, SURFACE, MISS_REASON),
    "What missing the cache cost",
)
CALLS_METRIC = Metric(
    "claude.calls", "counter", "{call}",
    (*COMMON, SURFACE, OUTCOME, STOP_REASON, BLAME, ERROR_TYPE, RETRIED), "Calls that ended",
)  # fmt: skip
UNPRICED_METRIC = Metric(
    "claude.unpriced_calls",
    "counter",
    "{call}",
    COMMON,
    "Calls that have no cost, as a model of theirs has no price",
)
ATTEMPTS_METRIC = Metric(
    "claude.attempts", "counter", "{attempt}", (*COMMON, STATUS_CODE, BLAME), "HTTP requests of calls"
)
BACKOFF_METRIC = Metric(
    "claude.backoff", "counter", "s", (*COMMON, STATUS_CODE, BLAME),
    "Time slept before the next attempt, by what the last one ended with",
)  # fmt: skip
ACTIVE_METRIC = Metric(
    "claude.active_calls", "updowncounter", "{call}", (OPERATION, PROVIDER, REQUEST_MODEL, SURFACE),
    "Calls that have not ended",
)  # fmt: skip
_RATE_LIMIT = (PROVIDER, REQUEST_MODEL, RATE_LIMIT_TYPE)
REMAINING_METRIC = Metric(
    "claude.rate_limit.remaining",
    "gauge",
    "{unit}",
    _RATE_LIMIT,
    "What the last answer said remains of a rate limit",
)
LIMIT_METRIC = Metric(
    "claude.rate_limit.limit", "gauge", "{unit}", _RATE_LIMIT, "What the last answer said a rate limit is"
)
PROMPT_CHANGES_METRIC = Metric(
    "claude.prompt.changes", "counter", "{change}", (SURFACE,),
    "Times that the fingerprint of tools and system prompt of a call site changed",
)  # fmt: skip
ERRORS_METRIC = Metric(
    "claude.instrumentation.errors", "counter", "{error}", (COMPONENT,),
    "Failures of the instrumentation itself, which the application never sees",
)  # fmt: skip

METRICS: tuple[Metric, ...] = (
    DURATION_METRIC,
    FIRST_CHUNK_METRIC,
    FIRST_TEXT_METRIC,
    PER_TOKEN_METRIC,
    INPUT_METRIC,
    OUTPUT_METRIC,
    CACHE_READ_METRIC,
    CACHE_WRITE_METRIC,
    REASONING_METRIC,
    COST_METRIC,
    UNCACHED_COST_METRIC,
    MISSED_TOKENS_METRIC,
    MISSED_COST_METRIC,
    CALLS_METRIC,
    UNPRICED_METRIC,
    ATTEMPTS_METRIC,
    BACKOFF_METRIC,
    ACTIVE_METRIC,
    REMAINING_METRIC,
    LIMIT_METRIC,
    PROMPT_CHANGES_METRIC,
    ERRORS_METRIC,
)
