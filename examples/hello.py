"""One call to Claude, and no line about telemetry.

With a key:     ANTHROPIC_API_KEY=... claude-otel run python examples/hello.py
Without one:    claude-otel fake-api --port 8787 &
                ANTHROPIC_API_KEY=none ANTHROPIC_BASE_URL=http://127.0.0.1:8787 claude-otel run python examples/hello.py
"""

from anthropic import Anthropic

message = Anthropic().messages.create(
    model="claude-sonnet-5-5",
    max_tokens=200,
    messages=[{"role": "user", "content": "Say hello in five languages."}],
)
print(next(block.text for block in message.content if block.type == "text"))
