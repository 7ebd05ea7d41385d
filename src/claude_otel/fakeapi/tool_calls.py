"""Which tool an answer calls, and with what input.

In each turn of the user the first tool that fits is called once: the one that shares most words with the request, else
the first. A request in steps ("list …, then delete …") calls one tool for each step. A tool that a search returned as a
`tool_reference` is called next; a deferred tool is not called before that. A tool that requires an id is called only
when the request holds a number. `tool_choice` of `any` or `tool` always calls one, `none` never.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .jsontypes import JSON, as_dict, canonical, dicts
from .prefix import blocks
from .schema_values import Prompt, value_for

SERVER_TOOLS = re.compile(r"^(web_search|web_fetch|code_execution|tool_search_tool|advisor|mcp_toolset)")
STEP = re.compile(r",? (?:and )?then ", re.IGNORECASE)
KNOWN_INPUTS: dict[str, JSON] = {
    "bash": {"command": "ls -l"},
    "str_replace_based_edit_tool": {"command": "view", "path": "/tmp/example"},  # noqa: S108 - a name in an answer
    "computer": {"action": "screenshot"},
    "memory": {"command": "view", "path": "/memories"},
}


@dataclass(frozen=True)
class ToolCall:
    """A tool of the client that the answer calls."""

    name: str
    input: JSON


@dataclass(frozen=True)
class Turn:
    """The last thing the user asked for, and what tools have been called and have answered since."""

    text: str
    called: list[str]
    results: list[JSON]

    @property
    def result_text(self) -> str:
        """The text of the last tool result, empty when there is none."""
        content = self.results[-1].get("content") if self.results else ""
        return " ".join(str(block.get("text") or "") for block in blocks(content or ""))

    @property
    def references(self) -> list[str]:
        """The tools that tool results referred to, in order."""
        return [
            str(block.get("tool_name"))
            for result in self.results
            for block in blocks(result.get("content") or "")
            if block.get("type") == "tool_reference"
        ]


def last_turn(body: JSON) -> Turn:
    """The turn a request continues: from the user's last message that is not only tool results."""
    turn = Turn("", [], [])
    for message in dicts(body.get("messages")):
        content = blocks(message.get("content"))
        answers = [block for block in content if block.get("type") == "tool_result"]
        if message.get("role") == "user" and not answers:
            turn = Turn(" ".join(str(block.get("text") or "") for block in content), [], [])
        turn.results.extend(answers)
        turn.called.extend(str(block.get("name")) for block in content if block.get("type") == "tool_use")
    return turn


def next_tool_call(body: JSON, *, always: bool | None = None) -> ToolCall | None:
    """The tool the answer to a request calls, or `None` for an answer in words. `always` overrides the rules."""
    choice = as_dict(body.get("tool_choice"))
    turn = last_turn(body)
    tools = callable_tools(body, turn)
    if not tools or always is False or choice.get("type") == "none":
        return None
    tool: JSON | None
    if choice.get("type") == "tool":
        tool = next((tool for tool in tools if tool.get("name") == choice.get("name")), tools[0])
    elif always or choice.get("type") == "any":
        tool = best_tool(tools, turn.text) or tools[0]
    else:
        tool = fitting_tool(tools, turn)
    return ToolCall(str(tool.get("name")), tool_input(tool, turn, body)) if tool else None


def callable_tools(body: JSON, turn: Turn) -> list[JSON]:
    """The tools of the client that may be called now."""
    return [
        tool
        for tool in dicts(body.get("tools"))
        if tool.get("name") and not SERVER_TOOLS.match(str(tool.get("type") or ""))
        if not tool.get("defer_loading") or tool.get("name") in turn.references
    ]


def fitting_tool(tools: list[JSON], turn: Turn) -> JSON | None:
    """The tool that comes next in the turn, or `None` when it is time to answer."""
    for name in turn.references:
        if name not in turn.called:
            return next((tool for tool in tools if tool.get("name") == name), None)
    steps = STEP.split(turn.text)
    if not turn.called:
        ready = [tool for tool in tools if not lacks_id(tool, turn.text)]
        return best_tool(ready, steps[0]) or next(iter(ready), None)
    if len(turn.called) < len(steps):
        rest = [tool for tool in tools if tool.get("name") not in turn.called]
        return best_tool(rest, steps[len(turn.called)])
    return None


def best_tool(tools: list[JSON], text: str) -> JSON | None:
    """The tool that shares most words with the text, the first of equals; `None` when none shares any."""
    asked = words(text)
    best = max(tools, key=lambda tool: len(asked & words(tool_words(tool))), default=None)
    return best if best and asked & words(tool_words(best)) else None


def tool_words(tool: JSON) -> str:
    """The name and description of a tool."""
    return f"{str(tool.get('name')).replace('_', ' ')} {tool.get('description') or ''}"


def words(text: str) -> set[str]:
    """The words of a text of four letters and more, lower case."""
    return set(re.findall(r"[a-z]{4,}", text.lower()))


def lacks_id(tool: JSON, text: str) -> bool:
    """Whether the tool requires an id and the text holds no number that could be one."""
    required = as_dict(tool.get("input_schema")).get("required") or []
    return any(re.search(r"(^|_)(id|number)$", str(name)) for name in required) and not re.search(r"\d", text)


def tool_input(tool: JSON, turn: Turn, body: JSON) -> JSON:
    """An input that satisfies the tool's schema."""
    schema = as_dict(tool.get("input_schema"))
    if not schema:
        return KNOWN_INPUTS.get(str(tool.get("name")), {})
    value = value_for(schema, Prompt(turn.text, turn.result_text, deferred_words(body, turn.text)))
    return as_dict(value)


def deferred_words(body: JSON, text: str) -> tuple[str, ...]:
    """The words of a text that occur in a deferred tool's definition, longest first."""
    deferred = canonical([tool for tool in dicts(body.get("tools")) if tool.get("defer_loading")])
    return tuple(sorted((word for word in words(text) if word in deferred), key=lambda word: (-len(word), word)))
