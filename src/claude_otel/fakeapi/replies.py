"""The message that answers a request, with what each part of it costs: runs of the model, caches, fallbacks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from .answers import FALLBACK_CREDIT_BETA, Answer, answer, generated_tokens, result_tokens, search_queries
from .conversations import Conversations
from .credits import FallbackCredits
from .ids import Ids
from .iterations import Iteration, bill, planned, total
from .jsontypes import JSON, as_dict, dicts
from .models import refuses, served_model
from .prefix import input_tokens
from .prompt_cache import CachePlan, PromptCache
from .request import MessagesRequest
from .server_tools import advisor_tool
from .wanted import Wanted

DEFAULT_FALLBACK = "claude-opus-4-8"
COMPACTION_TRIGGER = 150_000
SUMMARY = "Earlier conversation: the user asked questions and got answers."


@dataclass
class Reply:
    """A whole message before it is sent, and what goes with it."""

    message: JSON
    start: JSON
    """The message as `message_start` shows it: no content, and placeholder output tokens."""
    bill: list[JSON]
    plans: list[CachePlan] = field(default_factory=list)
    rate_limited_input: int = 0

    @property
    def output_tokens(self) -> int:
        """The output tokens of the whole message."""
        return int(self.message["usage"]["output_tokens"])


@dataclass
class Hop:
    """One model's try at a request."""

    request: MessagesRequest
    answer: Answer
    plan: CachePlan
    runs: list[Iteration]

    @property
    def model(self) -> str:
        """The model of the hop, as the answer names it."""
        return self.runs[-1].model

    @property
    def spoke(self) -> bool:
        """Whether anything came out of it."""
        return bool(self.answer.content) or not self.answer.refused


class Replier:
    """Makes the reply to a request from what is cached, stored and wanted."""

    def __init__(
        self, cache: PromptCache, conversations: Conversations, fallback_credits: FallbackCredits, ids: Ids
    ) -> None:
        self._cache = cache
        self._conversations = conversations
        self._credits = fallback_credits
        self._ids = ids

    def reply(self, request: MessagesRequest, wanted: Wanted | None = None) -> Reply:
        """The reply to a request that has been checked. Raises `APIError` where the API refuses it."""
        wanted = wanted or Wanted()
        request = self._conversations.whole_request(request)
        if as_dict(request.body.get("compaction")):
            return self._compaction_reply(request)
        hops = self._hops(request, wanted)
        reply = self._joined(request, hops, wanted)
        self._conversations.remember(request, reply.message, hops[-1].plan)
        return reply

    def _hops(self, request: MessagesRequest, wanted: Wanted) -> list[Hop]:
        hops = [self._hop(request, wanted)]
        for entry in fallback_entries(request):
            if not hops[-1].answer.refused:
                break
            hops.append(self._hop(request.for_model(entry), replace(wanted, refusal=None, model=None)))
        return hops

    def _hop(self, request: MessagesRequest, wanted: Wanted) -> Hop:
        model = served_model(wanted.model or request.model)
        plan = self._cache.plan(request.workspace, model, request.body)
        given = answer(request, self._ids, wanted)
        return Hop(request, given, plan, runs_of(request, given, plan, model, wanted))

    def _joined(self, request: MessagesRequest, hops: list[Hop], wanted: Wanted) -> Reply:
        runs = joined_runs(hops)
        usage = self._usage(request, runs, terms(request, wanted))
        last = hops[-1]
        message = self._message(request, last) | {"content": joined_content(hops), "usage": usage}
        if last.answer.refused:
            message["stop_details"] = self._stop_details(request, last)
        first = next(hop for hop in hops if hop.spoke or hop is last)
        plans = [hop.plan for hop in hops if hop.spoke]
        opening = next(run for run in first.runs if run.type == "message")
        start = start_of(message, first.model, opening, terms(request, wanted))
        limited = sum(run.input + run.written_5m + run.written_1h for run in runs)
        return Reply(message, start, bill(runs, terms(request, wanted)), plans, limited)

    def _message(self, request: MessagesRequest, last: Hop) -> JSON:
        message: JSON = {
            "model": last.model,
            "id": self._ids.next("msg"),
            "type": "message",
            "role": "assistant",
            "content": [],
            "stop_reason": last.answer.stop_reason,
            "stop_sequence": last.answer.stop_sequence,
            "stop_details": last.answer.stop_details,
        }
        if "diagnostics" in request.body:
            message["diagnostics"] = self._conversations.diagnostics(request, last.model, last.plan)
        return message

    def _usage(self, request: MessagesRequest, runs: list[Iteration], on_terms: JSON) -> JSON:
        sums = total(runs)
        usage = {**sums.usage(), **on_terms}
        if thinking_asked(request) or sums.thinking:
            usage["output_tokens_details"] = {"thinking_tokens": sums.thinking}
        if sums.web_searches:
            usage["server_tool_use"] = {"web_search_requests": sums.web_searches, "web_fetch_requests": 0}
        if shows_iterations(request, runs):
            chain = bool(request.body.get("fallbacks"))
            usage["iterations"] = [run.entry(chain=chain) for run in runs]
        if "fallback_credit_token" in request.body:
            usage["fallback_credit"] = {"status": self._credits.redeem(request)}
        return usage

    def _stop_details(self, request: MessagesRequest, last: Hop) -> JSON:
        details = dict(last.answer.stop_details or {})
        if FALLBACK_CREDIT_BETA in request.betas:
            details["fallback_credit_token"] = self._credits.mint(request)
            details["fallback_has_prefill_claim"] = bool(last.answer.content)
        if request.body.get("fallbacks"):
            details["recommended_model"] = None
        return details

    def _compaction_reply(self, request: MessagesRequest) -> Reply:
        plan = CachePlan(uncached=input_tokens(request.body))
        summary = compaction_block()
        run = Iteration("compaction", request.served_model, plan.uncached, output=summary_tokens(), counted=False)
        usage = {**Iteration("message", "").usage(), **terms(request, Wanted()), "iterations": [run.entry()]}
        hop = Hop(request, Answer([summary], "compaction"), plan, [run])
        message = self._message(request, hop) | {"content": [summary], "usage": usage}
        start = start_of(message, hop.model, Iteration("message", ""), terms(request, Wanted()))
        return Reply(message, start, bill([run], terms(request, Wanted())), [plan], plan.uncached)


def fallback_entries(request: MessagesRequest) -> list[JSON]:
    """The models that are tried when the one asked for declines."""
    fallbacks = request.body.get("fallbacks")
    if fallbacks == "default":
        return [{"model": DEFAULT_FALLBACK}] if refuses(request.served_model) else []
    return dicts(fallbacks)


def runs_of(request: MessagesRequest, given: Answer, plan: CachePlan, model: str, wanted: Wanted) -> list[Iteration]:
    """The runs of one model over a request: one, or two around a server tool, and a compaction before them."""
    if wanted.usage:
        return [*compactions(request, model, wanted), wanted_run(given, plan, model, wanted.usage)]
    runs = [planned(model, plan, given.output_tokens, given.thinking_tokens)]
    ends = [index for index, block in enumerate(given.content) if block["type"].endswith("_tool_result")]
    if ends:
        runs = around_server_tool(request, given, plan, runs[0], ends[-1] + 1, wanted)
    runs[-1] = replace(runs[-1], declined=given.refused)
    return [*compactions(request, model, wanted), *runs]


def wanted_run(given: Answer, plan: CachePlan, model: str, usage: JSON) -> Iteration:
    """The one run of an answer whose token counts a script sets."""
    run = planned(model, plan, given.output_tokens, given.thinking_tokens)
    return replace(
        run,
        input=usage.get("input_tokens", run.input),
        cache_read=usage.get("cache_read_input_tokens", run.cache_read),
        written_5m=usage.get("ephemeral_5m_input_tokens", run.written_5m),
        written_1h=usage.get("ephemeral_1h_input_tokens", run.written_1h),
        output=usage.get("output_tokens", run.output),
        thinking=usage.get("thinking_tokens", run.thinking),
        web_searches=search_queries(given.content),
        declined=given.refused,
    )


def around_server_tool(
    request: MessagesRequest, given: Answer, plan: CachePlan, whole: Iteration, end: int, wanted: Wanted
) -> list[Iteration]:
    """The run before a server tool, the advisor's if it was asked, and the run that reads what came of it."""
    head, tail = given.content[:end], given.content[end:]
    said = sum(map(generated_tokens, head))
    first = replace(whole, output=said, web_searches=search_queries(head))
    second = Iteration(
        "message",
        whole.model,
        input=plan.uncached + said + result_tokens(head),
        cache_read=plan.read + plan.written_5m + plan.written_1h,
        output=sum(map(generated_tokens, tail)),
    )
    return [first, *advisor_runs(request, wanted), second]


def advisor_runs(request: MessagesRequest, wanted: Wanted) -> list[Iteration]:
    """The run of the advisor's model, when an answer asks it."""
    tool = advisor_tool(request.body) or {}
    if not tool and not wanted.advisor:
        return []
    model = served_model(str(wanted.advisor.get("model") or tool.get("model") or "claude-opus-5-5"))
    tokens = wanted.advisor.get("input_tokens", input_tokens(request.body))
    return [Iteration("advisor_message", model, tokens, output=wanted.advisor.get("output_tokens", 6), counted=False)]


def compactions(request: MessagesRequest, model: str, wanted: Wanted) -> list[Iteration]:
    """The run that summarizes a long conversation before it is answered, when one is due."""
    if not wanted.compaction and not compaction_due(request):
        return []
    tokens = wanted.compaction.get("input_tokens", input_tokens(request.body))
    output = wanted.compaction.get("output_tokens", summary_tokens())
    return [Iteration("compaction", model, tokens, output=output, counted=False)]


def compaction_due(request: MessagesRequest) -> bool:
    """Whether the request asks for compaction at a number of tokens that its prompt has reached."""
    edits = dicts(as_dict(request.body.get("context_management")).get("edits"))
    compact = next((edit for edit in edits if str(edit.get("type")).startswith("compact_")), None)
    if compact is None:
        return False
    trigger = as_dict(compact.get("trigger")).get("value", COMPACTION_TRIGGER)
    return input_tokens(request.body) >= int(trigger)


def compaction_block() -> JSON:
    """The block that stands for a conversation from now on."""
    return {"type": "compaction", "content": SUMMARY, "encrypted_content": None}


def summary_tokens() -> int:
    """The output tokens of a compaction."""
    return generated_tokens({"type": "text", "text": SUMMARY})


def joined_runs(hops: list[Hop]) -> list[Iteration]:
    """The runs of all hops: those of models that declined stand beside the last one's, which serves."""
    runs = [replace(run, counted=False) for hop in hops[:-1] for run in hop.runs]
    last = list(hops[-1].runs)
    if len(hops) > 1 and not hops[-1].answer.refused:
        last[-1] = replace(last[-1], type="fallback_message")
    return [*runs, *last]


def joined_content(hops: list[Hop]) -> list[JSON]:
    """The content of all hops, with a block at each place where one model hands over to the next."""
    content: list[JSON] = []
    for hop, following in zip(hops, [*hops[1:], None], strict=True):
        compacted = any(run.type == "compaction" for run in hop.runs)
        content += [*([compaction_block()] if compacted else []), *hop.answer.content]
        if following is not None:
            content.append(seam(hop, following))
    return content


def seam(hop: Hop, following: Hop) -> JSON:
    """The block between the words of a model that declined and those of the next."""
    category = (hop.answer.stop_details or {}).get("category")
    trigger = {"type": "refusal", "category": category}
    return {"type": "fallback", "from": {"model": hop.model}, "to": {"model": following.model}, "trigger": trigger}


def start_of(message: JSON, model: str, run: Iteration, on_terms: JSON) -> JSON:
    """The message as it is when it begins: nothing said, and one output token as a placeholder."""
    usage = {**run.usage(), **on_terms, "output_tokens": 1}
    nothing_yet: JSON = {"content": [], "stop_reason": None, "stop_sequence": None, "stop_details": None}
    return {**message, "model": model, **nothing_yet, "usage": usage}


def terms(request: MessagesRequest, wanted: Wanted) -> JSON:
    """The service tier, speed and geography of an answer. Bedrock and Vertex name none."""
    if request.platform in ("bedrock", "vertex"):
        return {}
    return {
        "service_tier": wanted.service_tier or request.service_tier,
        "inference_geo": request.body.get("inference_geo") or "global",
        "speed": request.body.get("speed") or "standard",
    }


def thinking_asked(request: MessagesRequest) -> bool:
    """Whether the request turns thinking on."""
    return as_dict(request.body.get("thinking")).get("type") in ("enabled", "adaptive")


def shows_iterations(request: MessagesRequest, runs: list[Iteration]) -> bool:
    """Whether the usage lists its iterations: to beta requests, and wherever the sum is not the whole bill."""
    beside = any(not run.counted for run in runs)
    return beside or bool(request.betas) or bool(request.body.get("fallbacks"))
