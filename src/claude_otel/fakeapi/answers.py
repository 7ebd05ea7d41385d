"""What the model answers: blocks of content that follow from the request, and the reason to stop."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from .ids import Ids
from .jsontypes import JSON, as_dict, canonical, dicts
from .models import refuses
from .request import MessagesRequest
from .schema_values import Prompt, value_for
from .server_tools import advisor_blocks, advisor_tool, has_web_search, web_search_blocks
from .tokens import CHARACTERS_PER_TOKEN, block_tokens, text_tokens
from .tool_calls import last_turn, next_tool_call
from .wanted import RefusalTime, Wanted

REFUSAL_MARK = "triggers a refusal"
LATE_REFUSAL_MARK = "triggers a late refusal"
EVERY_MODEL_MARK = "makes every model refuse"
FALLBACK_CREDIT_BETA = "fallback-credit-2026-07-01"
SIGNATURE = "c2lnbmF0dXJlLW9mLXRoZS1mYWtlLWFwaQ=="
GENERATED = ("text", "thinking", "tool_use", "server_tool_use")
FILLER = "one two three four five six seven eight nine ten "


@dataclass(frozen=True)
class Answer:
    """The content of an answer and why it ends."""

    content: list[JSON] = field(default_factory=list)
    stop_reason: str = "end_turn"
    stop_sequence: str | None = None
    stop_details: JSON | None = None

    @property
    def output_tokens(self) -> int:
        """The tokens the model generated."""
        return sum(generated_tokens(block) for block in self.content)

    @property
    def thinking_tokens(self) -> int:
        """The tokens of thinking among them."""
        return sum(block_tokens(block) for block in self.content if block["type"] == "thinking")

    @property
    def refused(self) -> bool:
        """Whether the model declined."""
        return self.stop_reason == "refusal"


def generated_tokens(block: JSON) -> int:
    """The output tokens of a block; a server tool's result has none."""
    return block_tokens(block) if block["type"] in GENERATED else 0


def answer(request: MessagesRequest, ids: Ids, wanted: Wanted) -> Answer:
    """The answer to a request."""
    refusal = wanted.refusal or refusal_time(request)
    if refusal:
        return refused_answer(request, wanted, refusal)
    whole = stopped_by_sequence(complete_answer(request, ids, wanted), request.body)
    whole = stopped_by_max_tokens(whole, int(request.body.get("max_tokens", 4_096)))
    return replace(whole, stop_reason=wanted.stop_reason) if wanted.stop_reason else whole


def complete_answer(request: MessagesRequest, ids: Ids, wanted: Wanted) -> Answer:
    """The answer before anything cuts it short."""
    thinking = thinking_blocks(request, wanted)
    call = next_tool_call(request.body, always=False if wanted.text is not None else wanted.tool_use)
    if call:
        use: JSON = {"type": "tool_use", "id": ids.next("toolu"), "name": call.name, "input": call.input}
        said: JSON = {"type": "text", "text": f"I'll use {call.name} for that."}
        return Answer([*thinking, said, use], "tool_use")
    return Answer([*thinking, *server_tool_blocks(request, ids, wanted), text_block(request, wanted)])


def server_tool_blocks(request: MessagesRequest, ids: Ids, wanted: Wanted) -> list[JSON]:
    """The server tools an answer uses before it speaks."""
    turn = last_turn(request.body)
    found: list[JSON] = []
    if has_web_search(request.body) and not turn.results:
        found += web_search_blocks(ids, turn.text)
    if wanted.advisor or advisor_tool(request.body):
        found += advisor_blocks(ids)
    return found


def text_block(request: MessagesRequest, wanted: Wanted) -> JSON:
    """The text of the answer, with its citations when a search came before."""
    block: JSON = {"type": "text", "text": answer_text(request, wanted)}
    if has_web_search(request.body) and not last_turn(request.body).results:
        return {"citations": [WEB_CITATION], **block}
    return {"citations": None, **block}


def answer_text(request: MessagesRequest, wanted: Wanted) -> str:
    """The words of the answer: as wanted, else JSON for a schema, else a sentence about the prompt."""
    if wanted.text is not None:
        return wanted.text
    if wanted.output_tokens is not None:
        return filler(wanted.output_tokens)
    turn = last_turn(request.body)
    schema = output_schema(request.body)
    if schema:
        return canonical(value_for(schema, Prompt(turn.text)))
    if turn.results:
        return f'The tool says "{turn.result_text.strip()[:120]}". That answers your question.'
    return f'You said "{turn.text.strip()[:80]}". This is the short answer to it.'


def output_schema(body: JSON) -> JSON:
    """The JSON schema the answer has to satisfy, empty when there is none."""
    wanted_format = as_dict(as_dict(body.get("output_config")).get("format")) or as_dict(body.get("output_format"))
    return as_dict(wanted_format.get("schema"))


def thinking_blocks(request: MessagesRequest, wanted: Wanted) -> list[JSON]:
    """The thinking that comes first, if any is wanted or asked for."""
    asked = as_dict(request.body.get("thinking")).get("type") in ("enabled", "adaptive")
    if wanted.thinking is not None:
        text = wanted.thinking
    elif wanted.thinking_tokens is not None:
        text = filler(wanted.thinking_tokens)
    else:
        said = last_turn(request.body).text.strip()[:40]
        text = f'The user says "{said}". I consider what would help.' if asked else ""
    return [{"type": "thinking", "thinking": text, "signature": SIGNATURE}] if text else []


def filler(tokens: int) -> str:
    """A text of exactly so many tokens."""
    length = tokens * CHARACTERS_PER_TOKEN
    return (FILLER * (length // len(FILLER) + 1))[:length]


def refusal_time(request: MessagesRequest) -> RefusalTime | None:
    """When the model declines because of what the user wrote, or `None`."""
    text = "\n".join(request.user_texts)
    if EVERY_MODEL_MARK in text:
        return "before_output"
    if not refuses(request.served_model):
        return None
    if REFUSAL_MARK in text:
        return "before_output"
    return "mid_output" if LATE_REFUSAL_MARK in text else None


def refused_answer(request: MessagesRequest, wanted: Wanted, refusal: RefusalTime) -> Answer:
    """An answer that declines, at once or after a few words."""
    content = [*thinking_blocks(request, wanted), text_block(request, Wanted(text="Well, let me"))]
    return Answer(content if refusal == "mid_output" else [], "refusal", None, refusal_details(wanted))


def refusal_details(wanted: Wanted) -> JSON:
    """The `stop_details` of a refusal."""
    explanation = "This request was declined by the usage policy of the fake API."
    return {"type": "refusal", "category": wanted.category or "general_harms", "explanation": explanation}


def stopped_by_sequence(whole: Answer, body: JSON) -> Answer:
    """The answer up to the first of the request's stop sequences that its text contains."""
    text = str(whole.content[-1].get("text") or "")
    found = [(text.find(sequence), sequence) for sequence in body.get("stop_sequences") or [] if sequence in text]
    if not found or whole.stop_reason != "end_turn":
        return whole
    at, sequence = min(found)
    content = [*whole.content[:-1], {**whole.content[-1], "text": text[:at]}]
    return Answer(content, "stop_sequence", sequence)


def stopped_by_max_tokens(whole: Answer, max_tokens: int) -> Answer:
    """The answer up to its limit of tokens."""
    if whole.output_tokens <= max_tokens:
        return whole
    kept: list[JSON] = []
    left = max_tokens
    for block in whole.content:
        tokens = generated_tokens(block)
        if tokens > left:
            kept += shortened(block, left)
            break
        kept.append(block)
        left -= tokens
    return Answer(kept, "max_tokens")


def shortened(block: JSON, tokens: int) -> list[JSON]:
    """The first tokens of a block of words; nothing of any other block."""
    name = {"text": "text", "thinking": "thinking"}.get(block["type"])
    if not name or not tokens:
        return []
    return [{**block, name: block[name][: tokens * CHARACTERS_PER_TOKEN]}]


WEB_CITATION: JSON = {
    "type": "web_search_result_location",
    "cited_text": "An example page about what was asked.",
    "url": "https://example.com/answer",
    "title": "An example page",
    "encrypted_index": "RW5jcnlwdGVkSW5kZXg=",
}


def search_queries(content: list[JSON]) -> int:
    """How many web searches an answer made."""
    return sum(block["type"] == "server_tool_use" and block["name"] == "web_search" for block in content)


def result_tokens(content: list[JSON]) -> int:
    """The input tokens that results of server tools add to the prompt."""
    results = [block for block in content if block["type"].endswith("_tool_result")]
    return sum(text_tokens(canonical(block["content"])) for block in dicts(results))
