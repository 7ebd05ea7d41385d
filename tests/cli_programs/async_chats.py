"""Streams twenty chats at once."""

import asyncio

import anthropic

from claude_otel import surface


async def chat(client: anthropic.AsyncAnthropic, number: int) -> None:
    with surface("checkout-chat"):
        async with client.messages.stream(
            model="claude-haiku-5-5", max_tokens=100, messages=[{"role": "user", "content": f"Question {number}"}]
        ) as stream:
            await stream.get_final_message()


async def main() -> None:
    async with anthropic.AsyncAnthropic() as client:
        await asyncio.gather(*(chat(client, number) for number in range(20)))


asyncio.run(main())
