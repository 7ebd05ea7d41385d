"""Processes that Python's own library starts: each exports what is its own, however it was started."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from claude_otel.fakeapi import FakeAPI
from programs import run
from receiver import Receiver

PROGRAM = """
import multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor
import anthropic

ask = dict(model="claude-opus-5-5", max_tokens=100, messages=[{"role": "user", "content": "Hello"}])

def work(number):
    global left
    client = anthropic.Anthropic()
    answer = client.messages.create(**ask)
    left = client.messages.create(**ask, stream=True)
    next(left)
    return answer

if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    work(0)
    process = multiprocessing.Process(target=work, args=(1,))
    process.start()
    process.join()
    with ProcessPoolExecutor(1) as pool:
        (answer,) = pool.map(work, [2])
    assert type(answer) is anthropic.types.Message
    assert process.exitcode == 0
"""


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_workers_export_what_is_their_own(method: str, tmp_path: Path) -> None:
    """Two calls each of the program, a process and a pool's worker, one of them a stream that was left open."""
    script = tmp_path / "script.py"
    script.write_text(PROGRAM)
    with FakeAPI() as api, Receiver() as received:
        done = run([str(script), method], api.environment, received.environment, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    for outcome in ("completed", "abandoned"):
        assert received.value("claude.calls", claude__outcome=outcome) == 3
        assert [event["claude.outcome"] for event in received.events()].count(outcome) == 3
    assert (received.value("claude.calls"), received.value("claude.active_calls")) == (6, 0)
    assert received.value("gen_ai.client.inference.duration") == len(received.token_spans) == 6
