"""An instrumented program: makes `COUNT` calls, at random by `SEED`, with a pause of `SECONDS` between them.

Prints a line as each call has ended, and `done` when all have. Then it ends, or with `wait` it waits to be killed.
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

FAULTS = (*[""] * 9, "overloaded; times=1", "rate_limit", "invalid_request")
SURFACES = ("checkout-chat", "report-writer", "nightly")


def main() -> None:
    """Makes the calls."""
    count, seed, pause, *wait = sys.argv[1:]
    chance = random.Random(int(seed))
    client = Anthropic(max_retries=1, timeout=PATIENT)
    for number in range(int(count)):
        stream = chance.random() < 0.5
        plan = Plan(f"{seed}-{number}", stream, chance.choice(FAULTS), ask=ask(chance))
        with surface(SURFACES[number % 3]):
            make(client, plan)
        print(number, flush=True)
        time.sleep(float(pause))
    print("done", flush=True)
    if wait:
        time.sleep(600)


main()
