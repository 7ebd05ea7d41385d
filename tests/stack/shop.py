"""An instrumented program: makes the calls of its arguments, `FROM TO SEED [SECONDS]`, and ends, or waits to be killed.

Prints the number of each call once it has ended, and a last line `done` when all have.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from anthropic import Anthropic

from claude_otel import surface
from storm import PATIENT, Plan, ask, make


def main() -> None:
    first, last, seed = (int(text) for text in sys.argv[1:4])
    pause = float(sys.argv[4]) if len(sys.argv) > 4 else 0.0
    wait = len(sys.argv) > 5
    chance = random.Random(seed)
    client = Anthropic(max_retries=1, timeout=PATIENT)
    for number in range(first, last):
        fault = chance.choice(["", "", "", "overloaded; times=1", "rate_limit", "invalid_request", "cut_mid_stream"])
        plan = Plan(f"{seed}-{number}", stream=chance.random() < 0.5, fault=fault, ask=ask(chance))
        with surface(("checkout-chat", "report-writer", "nightly")[number % 3]):
            make(client, plan)
        print(number, flush=True)
        time.sleep(pause)
    print("done", flush=True)
    if wait:
        time.sleep(600)


main()
