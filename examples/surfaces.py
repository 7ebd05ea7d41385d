"""Two surfaces of one application: a chat that streams with a cached prompt, and a report. Run it like hello.py."""

import asyncio

from anthropic import AsyncAnthropic

from claude_otel import surface

client = AsyncAnthropic()
MANUAL = "The shop sells tea. Answer kindly and briefly. " * 100


async def chat(question: str, user: str) -> str:
    with surface("checkout-chat", user=user):
        async with client.messages.stream(
            model="claude-opus-5-5",
            max_tokens=500,
            system=[{"type": "text", "text": MANUAL, "cache_control": {"type": "ephemeral"}}],
            messages=[{"role": "user", "content": question}],
        ) as stream:
            return await stream.get_final_text()


@surface("report-writer")
async def report(topic: str) -> str:
    message = await client.messages.create(
        model="claude-sonnet-5-5",
        max_tokens=2000,
        output_config={"effort": "high"},
        messages=[{"role": "user", "content": f"Write a report on {topic}."}],
    )
    return "".join(block.text for block in message.content if block.type == "text")


async def main() -> None:
    for question in ("Is green tea in stock?", "And oolong?", "How long is delivery?"):
        print(await chat(question, user="user-17"))
    print(await report("tea sales in autumn"))


asyncio.run(main())
