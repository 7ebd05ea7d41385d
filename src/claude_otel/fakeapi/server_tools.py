"""The tools that run inside the API: web search, and the advisor."""

from __future__ import annotations

from .ids import Ids
from .jsontypes import JSON, dicts

RESULTS: list[JSON] = [
    {
        "type": "web_search_result",
        "title": "An example page",
        "url": "https://example.com/answer",
        "encrypted_content": "RW5jcnlwdGVkQ29udGVudA==" * 40,
        "page_age": None,
    },
    {
        "type": "web_search_result",
        "title": "Another example page",
        "url": "https://example.com/more",
        "encrypted_content": "TW9yZUVuY3J5cHRlZENvbnRlbnQ=" * 40,
        "page_age": "2 weeks ago",
    },
]


def has_web_search(body: JSON) -> bool:
    """Whether the request offers the web search tool."""
    return any(str(tool.get("type") or "").startswith("web_search") for tool in dicts(body.get("tools")))


def advisor_tool(body: JSON) -> JSON | None:
    """The advisor tool of a request, if it offers one."""
    tools = dicts(body.get("tools"))
    return next((tool for tool in tools if str(tool.get("type") or "").startswith("advisor")), None)


def web_search_blocks(ids: Ids, query: str) -> list[JSON]:
    """A search for the query, and what it found."""
    use = ids.next("srvtoolu")
    return [
        {"type": "server_tool_use", "id": use, "name": "web_search", "input": {"query": query.strip()[:80]}},
        {"type": "web_search_tool_result", "tool_use_id": use, "content": RESULTS},
    ]


def advisor_blocks(ids: Ids) -> list[JSON]:
    """A question to the advisor, and its advice."""
    use = ids.next("srvtoolu")
    advice = {"type": "advisor_result", "text": "Keep the answer short.", "stop_reason": "end_turn"}
    return [
        {"type": "server_tool_use", "id": use, "name": "advisor", "input": {}},
        {"type": "advisor_tool_result", "tool_use_id": use, "content": advice},
    ]
