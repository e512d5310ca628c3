"""What the dispatcher itself costs: CPU time and memory a shard, and how well it fills workers."""

import resource
import subprocess
import sys
import time
from collections.abc import Iterator

from mentor3ad.engine.hired import hired
from mentor3ad.engine.work import Unit
from testbed.paths import ROOT
from testbed.ray_nodes import nodes

from .kills import runtime
from .made_up import Empty

SHARDS = 31_250  # a million scans, 32 a shard


def overhead(shards: int) -> list[str]:
    """Give out empty shards to two workers; return a line with what it cost."""
    with nodes(2) as cluster:
        return [_driver("empty", cluster.address, 2, shards, 0.0)]


def efficiency(workers: int, seconds: float, each: int = 6) -> list[str]:
    """Give sleeping shards to so many workers; return a line with the share of time they slept."""
    with nodes(1, cores=workers) as cluster:
        return [_driver("asleep", cluster.address, workers, workers * each, seconds)]


def _driver(kind: str, address: str, workers: int, shards: int, seconds: float) -> str:
    """Run in a process of its own, whose memory is nothing else's."""
    told = [str(value) for value in (address, workers, shards, seconds)]
    command = [sys.executable, "-m", "bench.cluster.overhead", kind, *told]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()


def _measure(kind: str, address: str, workers: int, shards: int, seconds: float) -> str:
    with hired(Empty(seconds), runtime(address, workers), gpu=False) as dispatcher:
        dispatcher.all_ready(workers)
        cpu, wall = time.process_time(), time.perf_counter()
        numbers = [number for number, _ in dispatcher.results(_units(shards))]
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    assert sorted(numbers) == list(range(shards)), "a shard was lost or came twice"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if kind == "empty":
        return (
            f"{shards} empty shards, {workers} workers: {1000 * cpu / shards:.2f} ms of the "
            f"driver's CPU a shard, {wall:.0f} s, driver {peak:.0f} MiB"
        )
    ideal = seconds * shards / workers
    return (
        f"{shards} shards of {seconds:g} s, {workers} workers: {wall:.2f} s, of which asleep "
        f"{ideal:.2f} s: efficiency {ideal / wall:.2f}"
    )


def _units(count: int) -> Iterator[Unit[int]]:
    return (Unit(number, number) for number in range(count))


if __name__ == "__main__":
    kind, address, *numbers = sys.argv[1:]
    print(_measure(kind, address, int(numbers[0]), int(numbers[1]), float(numbers[2])))
