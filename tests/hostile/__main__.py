"""`make test-hostile`: many hostile answers, each asked for without us and with us.

    python -m hostile [--seed SEED] [--answers N] [--jobs N] [--first]
    python -m hostile --seed SEED --case CASE

Prints every finding with how to see it again; the exit status is 1 when there is one.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from textwrap import indent

import claude_otel
from hostile.compare import Case, compared
from hostile.loop import loop, made

MOST_SHOWN = 20


def show(wrong: list[tuple[Case, str]], seed: str) -> None:
    """Prints findings, the kinds of call they are of, and how to make each again."""
    for item, what in wrong[:MOST_SHOWN]:
        kind = f"{item.way}, {item.client} {'async' if item.asynchronous else 'sync'} client"
        print(f"make test-hostile SEED={seed} CASE={item.name}  # {kind}\n{indent(what, '  ')}\n")
    if len(wrong) > MOST_SHOWN:
        print(f"and {len(wrong) - MOST_SHOWN} more\n")


def main() -> int:
    """Runs the loop, or one case of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", default="1")
    parser.add_argument("--answers", type=int, default=50_000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--first", action="store_true", help="stop at the first finding")
    parser.add_argument("--case", type=int)
    given = parser.parse_args()
    print(f"seed {given.seed}, {os.path.relpath(os.path.dirname(claude_otel.__file__))}", flush=True)
    began = time.monotonic()
    if given.case is None:
        everything = loop(given.seed, given.answers, given.jobs, first=given.first)
    else:
        item = made(given.seed, given.case)
        print(item.way, item.client, "async" if item.asynchronous else "sync", *item.answers, sep="\n")
        everything = compared([item])
    show(everything.wrong, given.seed)
    seconds = time.monotonic() - began
    served, wrong = len(everything.served), len(everything.wrong)
    print(f"{served:,} distinct answers to {everything.cases:,} cases in {seconds:.0f} s: {wrong} findings")
    return 1 if everything.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
