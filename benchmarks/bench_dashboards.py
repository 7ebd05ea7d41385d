"""What the queries of each dashboard take on a month of history: `make bench-dashboards`, docs/dashboards-cost.md.

20 surfaces, 5 models, 10 workers: what the rules record for 30 days, a sample every 5 minutes, and what workers send
for 6 hours, one a minute. Each query is asked as Grafana asks it, once for the last day and once for 30 days, of a
Prometheus that has just started, on the cores of this machine. The run fails when one is slower than it may be.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

import invented_history
from asking import Grafana

from claude_otel.monitoring.dashboards import all_boards
from claude_otel.monitoring.dashboards.panel import Panel, Query
from claude_otel.monitoring.dashboards.variables import variables
from claude_otel.stack import components
from claude_otel.stack.health import OPENER
from claude_otel.stack.ports import free_ports

SHAPE = invented_history.Shape(surfaces=20, models=5, workers=10, days=30, raw_hours=6)
DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "dashboards-cost.md"

RANGES = {"the last day": (86_400.0, 1.0), "30 days": (30 * 86_400.0, 5.0)}
"""What is looked at: how many seconds, and how many a query may take."""

TRIES = 3

WRITTEN_WITHIN = 300.0
"""Seconds that writing the history may take, of CPU on all cores: the machine may do other things."""


@dataclass(frozen=True)
class Timing:
    """How long a query took."""

    board: str
    panel: str
    query: str
    seconds: float


def main() -> None:
    """Writes the history, asks everything, says what it took."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        began = time.perf_counter()
        end = time.time()
        samples = invented_history.write(data, end, SHAPE)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        wrote = (used.ru_utime + used.ru_stime) / (os.cpu_count() or 1)
        print(
            f"wrote {samples:,} samples in {time.perf_counter() - began:.0f} s, {wrote:.0f} s of them ours", flush=True
        )
        with prometheus(data, Path(folder)) as server:
            timings = {name: list(server.timed(end, *limits)) for name, limits in RANGES.items()}
    slow = [each for name, (_, most) in RANGES.items() for each in timings[name] if each.seconds > most]
    DOCUMENT.write_text(document(samples, wrote, timings))
    print(DOCUMENT.read_text())
    for each in slow:
        print(f"too slow: {each.board}, {each.panel}, {each.seconds:.2f} s: {each.query[:200]}", file=sys.stderr)
    if slow or wrote > WRITTEN_WITHIN:
        raise SystemExit(1)


@dataclass(frozen=True)
class Server:
    """A Prometheus that runs."""

    url: str
    pid: int

    def timed(self, end: float, seconds: float, most: float) -> Iterator[Timing]:
        """How long each query takes over a time range."""
        grafana = Grafana(self.url, end // 300 * 300 - 1, seconds)
        for board in all_boards.boards(SHAPE.config):
            for panel in board.panels:
                for query in panel.queries:
                    took = self.best(partial(ask, grafana, panel, query), most)
                    yield Timing(board.uid, panel.title, query.expr, took)
            for variable in variables()[1:]:
                took = self.best(partial(grafana.label_values, variable["definition"]), most)
                yield Timing(board.uid, f"variable {variable['name']}", variable["definition"], took)

    def best(self, work: Callable[[], object], most: float) -> float:
        """How long it takes: the best of three where that was longer than it may be."""
        found: list[float] = []
        while len(found) < TRIES and (not found or min(found) > most):
            began, used = time.perf_counter(), self.cpu()
            work()
            found.append(min(time.perf_counter() - began, self.cpu() - used))
        return min(found)

    def cpu(self) -> float:
        """The seconds of CPU that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def prometheus(data: Path, folder: Path) -> Iterator[Server]:
    """A Prometheus that has the history and scrapes nothing."""
    port = free_ports()["prometheus"]
    (folder / "prometheus.yml").write_text("global: {}\n")
    command = [
        str(components.find("prometheus")), f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={data}",
        f"--web.listen-address=127.0.0.1:{port}", "--storage.tsdb.retention.time=40d",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        await_ready(url)
        yield Server(url, process.pid)
    finally:
        process.terminate()
        process.wait()


def await_ready(url: str) -> None:
    """Waits until Prometheus answers."""
    for _ in range(300):
        try:
            OPENER.open(f"{url}/-/ready", timeout=1).close()
            return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("Prometheus did not become ready within 60 s")


def ask(grafana: Grafana, panel: Panel, query: Query) -> None:
    """Asks as the panel does; one with a period of its own asks for that."""
    if panel.kind != "curves":
        grafana.now(query)
        return
    days = int(panel.period.removesuffix("d")) if panel.period else 0
    Grafana(grafana.url, grafana.at, days * 86_400 or grafana.seconds).curve(query)


def document(samples: int, wrote: float, timings: dict[str, list[Timing]]) -> str:
    """The page with the results."""
    heads = "".join(f" {name}: all queries | slowest |" for name in RANGES)
    lines = []
    for uid in all_boards.MAKERS:
        cells = ""
        for name in RANGES:
            mine = [each for each in timings[name] if each.board == uid]
            worst = max(mine, key=lambda each: each.seconds)
            cells += f" {sum(each.seconds for each in mine):.2f} s | {worst.seconds:.2f} s ({worst.panel}) |"
        lines.append(f"| `{uid}` |{cells}\n")
    version = components.version(components.find("prometheus"), "prometheus")
    measured = (
        f"Measured on {date.today()} with Prometheus {version}, just started, on {os.cpu_count()} cores.\n"
        f"{SHAPE.surfaces} surfaces, {SHAPE.models} models, {SHAPE.workers} workers: what rules record for "
        f"{SHAPE.days} days at 5 minutes, and what workers send for {SHAPE.raw_hours} hours at 1 minute;\n"
        f"{samples:,} samples, written in {wrote:.0f} s of CPU on all cores."
    )
    return f"""\
<!-- Written by `make bench-dashboards`. Do not edit. -->

# What dashboards cost

{measured} Each query is asked as Grafana asks it. Seconds are of the clock, or of
Prometheus' CPU where that is less: the machine may do other things. One that takes over 1 s for the last day, or over
5 s for 30 days, is asked twice more, and if the best is no better the run fails.

| dashboard |{heads}
| --- |{" --- | --- |" * len(RANGES)}
{"".join(lines)}"""


if __name__ == "__main__":
    main()
