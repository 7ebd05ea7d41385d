"""Nothing is lost between the programs and Prometheus, whoever is killed. `make test-loss` runs this.

What Prometheus has at the end is compared with the fake API's journal, to the token and the hundred-millionth of a
dollar: the raw counters, and what the rules recorded of today and this month.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from native_stack import Stack, eventually, files, native_stack
from truths import Numbers, as_recorded, raw, recorded, truth

from claude_otel.fakeapi import FakeAPI
from claude_otel.monitoring.collector import QUEUE_MIB
from claude_otel.stack.health import OPENER
from claude_otel.stack.ports import HOST
from claude_otel.stack.running import stop
from programs import INSTRUMENT, environment

SHOP = Path(__file__).with_name("shop.py")

INTERVAL = 0.5
"""Seconds between two exports of a worker's metrics."""

WORKERS = 4


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack that is up, and whose book is open."""
    with native_stack(tmp_path / "stack") as up:
        opened(up)
        yield up


def opened(stack: Stack) -> None:
    """Waits until the rules count: what runs before that is their base line."""
    eventually(lambda: stack.query('claude:attempts:ledger{part="since"}'), bool)


def worker(stack: Stack, api: FakeAPI, seed: int, count: int, pause: float = 0, wait: bool = False) -> Worker:
    """An instrumented program that makes calls."""
    exports = {
        **stack.environment,
        "OTEL_METRIC_EXPORT_INTERVAL": str(int(INTERVAL * 1000)),
        "OTEL_SERVICE_NAME": "shop",
    }
    command = [INSTRUMENT, sys.executable, str(SHOP), str(count), str(seed), str(pause), *(["wait"] if wait else [])]
    return subprocess.Popen(
        command, env=environment(api.environment, exports), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


Worker = subprocess.Popen  # type: ignore[type-arg]


def workers(stack: Stack, api: FakeAPI, count: int, pause: float = 0, wait: bool = False) -> list[Worker]:
    """Several of them."""
    return [worker(stack, api, seed, count, pause, wait) for seed in range(WORKERS)]


def ended(started: list[Worker]) -> None:
    """Waits until every worker has ended by itself."""
    for each in started:
        printed, _ = each.communicate(timeout=180)
        assert each.returncode == 0
        assert printed.endswith("done\n")


def calls_made(started: Worker, number: int) -> None:
    """Waits until the worker has made so many calls."""
    assert started.stdout
    for _ in range(number):
        started.stdout.readline()


def all_calls_made(started: Worker) -> None:
    """Waits until the worker has made all of its calls, and waits itself."""
    assert started.stdout
    assert "done\n" in iter(started.stdout.readline, "")


def kill(stack: Stack, name: str) -> None:
    """Ends a program of the stack as a lack of memory would."""
    os.kill(stack.pid(name), signal.SIGKILL)
    eventually(lambda: stack.state.run(name), lambda file: stop(file, 0) == "")


def check(stack: Stack, api: FakeAPI) -> None:
    """Compares what Prometheus has with what the API has served."""
    wanted = truth(api.journal.entries)
    assert wanted["usd"] > 0
    assert wanted["cache_write_5m"] > 0
    assert eventually(lambda: raw(stack), lambda found: found == wanted, seconds=60) == wanted
    kept = as_recorded(wanted)
    assert eventually(lambda: recorded(stack), lambda found: found == kept, seconds=60) == kept


def test_four_workers_at_full_speed(stack: Stack) -> None:
    with FakeAPI() as api:
        ended(workers(stack, api, 150))
        check(stack, api)


def test_collector_killed_while_calls_are_made(stack: Stack) -> None:
    """Three times: the workers send again what it did not take, and it sends again what it had taken."""
    with FakeAPI() as api:
        started = workers(stack, api, 60, pause=0.1)
        for _ in range(3):
            calls_made(started[0], 12)
            kill(stack, "collector")
            assert stack.up() == ["collector"]
        ended(started)
        check(stack, api)


def test_prometheus_down_for_several_intervals(stack: Stack) -> None:
    """Workers come and go while it is down, and their last words wait in the queue."""
    with FakeAPI() as api:
        stop(stack.state.run("prometheus"), 60)
        ended(workers(stack, api, 40, pause=0.05))
        time.sleep(6 * INTERVAL)
        assert stack.up() == ["prometheus"]
        check(stack, api)


def test_both_killed_with_a_queue(stack: Stack) -> None:
    """Prometheus is killed, the workers end, and then the Collector is killed that alone knows what they did."""
    with FakeAPI() as api:
        ended(workers(stack, api, 20))
        kill(stack, "prometheus")
        ended(workers(stack, api, 20))
        kill(stack, "collector")
        assert stack.up() == ["prometheus", "collector"]
        check(stack, api)


def test_calls_in_the_files_survive(stack: Stack) -> None:
    """Every call has its event, also those of a moment before the Collector was killed."""
    with FakeAPI() as api:
        started = workers(stack, api, 40, pause=0.05)
        calls_made(started[0], 15)
        kill(stack, "collector")
        stack.up()
        ended(started)
        made = {entry.request_id for entry in api.journal.entries if entry.status == 200}
    kept = "".join(path.read_text() for path in stack.state.collector.glob("calls*.jsonl"))
    assert [request_id for request_id in made if str(request_id) not in kept] == []


def test_worker_killed_loses_only_what_it_had_not_exported(stack: Stack) -> None:
    """One that is killed in its sleep loses nothing; one at full speed, not more than an interval."""
    with FakeAPI() as api:
        asleep = worker(stack, api, 1, 30, wait=True)
        calls_made(asleep, 31)
        time.sleep(INTERVAL * 4)
        asleep.kill()
        check(stack, api)
        busy = worker(stack, api, 2, 100_000)
        calls_made(busy, 200)
        busy.kill()
        killed = time.time()
        time.sleep(2)
        everything = truth(api.journal.entries)
        exported = truth(entry for entry in api.journal.entries if entry.time < killed - INTERVAL - 1)
        found = eventually(lambda: raw(stack), lambda numbers: within(exported, numbers, everything))
        assert within(exported, found, everything), (exported, found, everything)
        assert found["attempts"] > 30


def within(least: Numbers, found: Numbers, most: Numbers) -> bool:
    """Whether every number is between two others."""
    return all(least[kind] <= found[kind] <= most[kind] for kind in least)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 MiB, which only root can have."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(disk)]
    if os.geteuid() or sys.platform != "linux" or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can be made by root on Linux only")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(file: Path) -> None:
    """Writes until the disk is full."""
    with file.open("wb", buffering=0) as stream:
        while True:
            stream.write(b"0" * 4096)


def refused_metrics(stack: Stack) -> float:
    """The metric points that the Collector has refused, as it says itself while Prometheus is down."""
    address = f"http://{HOST}:{stack.ports['collector-metrics']}/metrics"
    with OPENER.open(address, timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("otelcol_receiver_refused_metric_points"))


def test_disk_of_the_queue_is_full(stack: Stack, small_disk: Path) -> None:
    """It is told by the Collector's own metrics and its log, harms no worker, and all is well once there is room."""
    queue = stack.state.collector / "queue"
    stop(stack.state.run("collector"), 20)
    shutil.rmtree(queue)
    queue.symlink_to(small_disk, target_is_directory=True)
    stack.up()
    stop(stack.state.run("prometheus"), 60)
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space left"):
        fill(filler)
    with FakeAPI() as api:
        started = workers(stack, api, 60, pause=0.1)
        calls_made(started[0], 20)
        log = stack.state.log("collector")
        told = eventually(log.read_text, lambda text: "no space left" in text)
        assert "no space left" in told
        # Spans and events have queues on this disk too: it has to be metrics that were refused before there is room.
        assert eventually(lambda: refused_metrics(stack), bool)
        filler.unlink()
        stack.up()
        ended(started)
        check(stack, api)
    # Prometheus is told of it when it next looks at the Collector.
    refused = 'max_over_time(otelcol_receiver_refused_metric_points{transport="http"}[5m])'
    assert eventually(lambda: stack.value(refused), bool)


def test_queue_is_bounded(tmp_path: Path) -> None:
    """A full queue refuses what comes: the Collector's own metrics tell it, and workers send the sum of it later.

    They live on meanwhile, as those of a server do: the last words of one that ends are refused as any others are.
    """
    small = files()["stack/collector.yaml"].replace(f"queue_size: {QUEUE_MIB * 1024 * 1024}", "queue_size: 200000")
    assert "queue_size: 200000" in small
    with native_stack(tmp_path / "stack", {"stack/collector.yaml": small}) as stack, FakeAPI() as api:
        opened(stack)
        stop(stack.state.run("prometheus"), 60)
        started = workers(stack, api, 60, pause=0.1, wait=True)
        calls_made(started[0], 40)
        stack.up()
        for each in started:
            all_calls_made(each)
        check(stack, api)
        for each in started:
            each.kill()
        failed = "max(max_over_time(otelcol_exporter_enqueue_failed_metric_points[5m]))"
        assert eventually(lambda: stack.value(failed), bool)
