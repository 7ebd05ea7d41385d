"""Many cases, in several processes. They are in a module of their own, as those processes have to import them."""

from __future__ import annotations

import multiprocessing
import sys
import time
from functools import partial
from random import Random

from hostile.compare import Case, Compared, case, compared

BLOCK = 100
"""Cases that are made one after the other, in one process, with one set of providers."""


def made(seed: str, number: int) -> Case:
    """The case of this number, the same for the same seed."""
    return case(Random(f"{seed}/{number}"), str(number))


def block(start: int, seed: str) -> Compared:
    """What came of the block of cases that begins at `start`."""
    return compared([made(seed, number) for number in range(start, start + BLOCK)])


def loop(seed: str, answers: int, jobs: int, *, first: bool) -> Compared:
    """Compares until so many different answers were served, or `first` something is wrong."""
    everything, began, told = Compared(), time.monotonic(), 0.0
    with multiprocessing.get_context("spawn").Pool(jobs, maxtasksperchild=50) as pool:
        for done in pool.imap_unordered(partial(block, seed=seed), starts(answers)):
            everything.add(done)
            seconds = time.monotonic() - began
            if seconds > told + 5:
                told = seconds
                print(f"{len(everything.served):,} answers in {seconds:.0f} s", file=sys.stderr, flush=True)
            if len(everything.served) >= answers or (first and everything.wrong):
                break
        pool.terminate()
    return everything


def starts(answers: int) -> list[int]:
    """Where each block begins. A case has at least one answer, and few have been served before."""
    return list(range(0, 2 * answers + 2 * BLOCK, BLOCK))
