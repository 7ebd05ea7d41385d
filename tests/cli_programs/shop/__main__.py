"""Makes two calls, one of which fails, and ends with exit code 5."""

import sys

import anthropic

from claude_otel import surface

client = anthropic.Anthropic(max_retries=1)


@surface("report-writer")
def write(text: str) -> None:
    client.messages.create(model="claude-sonnet-5-5", max_tokens=200, messages=[{"role": "user", "content": text}])


write("a report")
try:
    write("boom")
except anthropic.APIStatusError as error:
    print(error.status_code)
sys.exit(5)
