"""Streams as many chats as its first argument says, with a cached system prompt."""

import sys

import anthropic

from claude_otel import surface

client = anthropic.Anthropic()
SYSTEM = "You help the customers of a shop. " * 400

for number in range(int(sys.argv[1])):
    with (
        surface("checkout-chat"),
        client.messages.stream(
            model="claude-opus-5-5",
            max_tokens=200,
            system=[{"type": "text", "text": SYSTEM, "cache_control": {"type": "ephemeral"}}],
            messages=[{"role": "user", "content": f"Question {number}"}],
        ) as stream,
    ):
        for text in stream.text_stream:
            print(text, end="")
