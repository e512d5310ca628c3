"""The service under load, and killed at random moments.

    python -m bench.service load BUNDLE SCANS --requests 1000 --clients 8
    python -m bench.service kill BUNDLE SCANS --trials 50
    python -m bench.service latency BUNDLE SCANS --requests 40

`load` sends requests from several clients at once, and prints their latency beside Inspector's, and
the memory and open files of the service after half of them and at the end. `kill` ends a service
by SIGKILL while scans come in, starts it again, and sends all scans again under their ids.
`latency` takes each scan through Inspector and through a service in the same process, in turns, and
prints what the service adds, in seconds that pass and in seconds of CPU.
"""

import argparse
import http.client
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from mentor3ad.dataset.scan import ScanFiles
from mentor3ad.inspection.inspector import Inspector
from mentor3ad.inspection.scans import find_scans
from mentor3ad.serving.options import ServiceOptions
from mentor3ad.serving.server import Server, listening
from mentor3ad.serving.service import Service
from testbed.service import serving

PATIENCE_S = 300.0
KILLED_WITH = 8  # scans that come in while a service is killed


@dataclass
class Load:
    """What a load did.

    Attributes:
        codes: answers by status code; 0: no answer.
        seconds: of each answered scan, from sending to the answer.
        marks: memory in MB and open files of the service, after half of the requests and after all.
    """

    codes: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    marks: list[tuple[float, int]] = field(default_factory=list)


def post(address: str, recipe: str, scan: ScanFiles, scan_id: str) -> tuple[int, bytes]:
    """Send one scan as uploads; status 0 where the connection broke."""
    boundary, body = uuid.uuid4().hex, b""
    for name, path in (("rgb", scan.rgb), ("geometry", scan.points)):
        head = f'form-data; name="{name}"; filename="{name}{path.suffix}"'
        body += f"--{boundary}\r\nContent-Disposition: {head}\r\n\r\n".encode()
        body += path.read_bytes() + b"\r\n"
    head = 'form-data; name="id"'
    body += f"--{boundary}\r\nContent-Disposition: {head}\r\n\r\n{scan_id}\r\n".encode()
    body += f"--{boundary}--\r\n".encode()
    place = urlsplit(address)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, PATIENCE_S)
    try:
        kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        connection.request("POST", f"/inspect/{recipe}", body, kind)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def load(
    address: str,
    recipe: str,
    scans: Sequence[ScanFiles],
    requests: int,
    clients: int,
    mark: Callable[[], tuple[float, int]],
    prefix: str = "load",
) -> Load:
    """Send requests from several clients, each its next one when it has its answer.

    Args:
        mark: measures the service, after half of the requests and after all.
        prefix: of the ids.
    """
    done = Load()

    def one(number: int) -> None:
        start = time.perf_counter()
        code, _ = post(address, recipe, scans[number % len(scans)], f"{prefix}-{number}")
        done.codes[code] += 1
        if code == 200:
            done.seconds.append(time.perf_counter() - start)

    with ThreadPoolExecutor(clients) as pool:
        for part in (range(requests // 2), range(requests // 2, requests)):
            list(pool.map(one, part))
            done.marks.append(mark())
    return done


def memory_and_files(pid: int) -> tuple[float, int]:
    """A process's resident memory in MB, and how many files it has open (Linux)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6, len(list(Path(f"/proc/{pid}/fd").iterdir()))


def measure_load(bundle: Path, scans: Sequence[ScanFiles], requests: int, clients: int) -> None:
    """Print the load's answers and times, beside those of Inspector alone and of one client."""
    inspector = Inspector.load(bundle)
    inspector.warm_up()
    alone = [_timed(partial(inspector.inspect_scan, scan)) for scan in scans[:40]]
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(bundle, Path(folder), "--deadline", str(PATIENCE_S)) as (one, address),
    ):
        recipe = bundle.resolve().name

        def mark() -> tuple[float, int]:
            return memory_and_files(one.pid)

        single = load(address, recipe, scans, min(40, len(scans)), 1, mark, "single")
        several = load(address, recipe, scans, requests, clients, mark)
    print(f"Inspector alone: {_quantiles(alone)}")
    print(f"one client: {_quantiles(single.seconds)}, answers {dict(single.codes)}")
    print(f"{clients} clients: {_quantiles(several.seconds)}, answers {dict(several.codes)}")
    for when, (memory, files) in zip(("half", "all"), several.marks, strict=True):
        print(f"after {when} of {requests}: {memory:.0f} MB, {files} open files")


def measure_latency(bundle: Path, scans: Sequence[ScanFiles], requests: int) -> None:
    """Print what a request costs beside the inspection that it asks for, each scan in both ways."""
    with tempfile.TemporaryDirectory() as folder, _in_process(bundle, Path(folder)) as (one, url):
        recipe = one.recipes.all()[0]
        taken: dict[str, list[tuple[float, float]]] = {"inspector": [], "service": []}
        for number in range(requests + 2):
            scan = scans[number % len(scans)]
            ways: list[tuple[str, Callable[[], object]]] = [
                ("inspector", partial(recipe.inspector.inspect_scan, scan)),
                ("service", partial(post, url, recipe.name, scan, f"latency-{number}")),
            ]
            for way, work in ways if number % 2 else reversed(ways):
                start = time.perf_counter(), time.process_time()
                work()
                end = time.perf_counter(), time.process_time()
                if number >= 2:  # the first ones warm up
                    taken[way].append((end[0] - start[0], end[1] - start[1]))
    for column, what in enumerate(("seconds that pass", "seconds of CPU")):
        alone, asked = (np.array(taken[way])[:, column] for way in ("inspector", "service"))
        added = float(np.median(asked - alone))
        print(
            f"{what}: Inspector p50 {np.median(alone) * 1e3:.0f} ms, service p50 "
            f"{np.median(asked) * 1e3:.0f} ms; it adds {added * 1e3:+.1f} ms to the same scan in "
            f"the median of {requests}, {added / np.median(alone):+.1%}"
        )


@contextmanager
def _in_process(bundle: Path, history: Path) -> Iterator[tuple[Service, str]]:
    """A service in threads of this process, and its address."""
    with listening("127.0.0.1", 0) as address:
        service = Service([bundle], ServiceOptions(history / "history", deadline_s=PATIENCE_S))
        try:
            service.start()
            server = Server(service)
            thread = threading.Thread(target=server.run, kwargs={"sockets": [address]})
            thread.start()
            yield service, f"http://127.0.0.1:{address.getsockname()[1]}"
            server.handle_exit(signal.SIGTERM, None)
            thread.join()
        finally:
            service.stop()


def measure_kills(bundle: Path, scans: Sequence[ScanFiles], trials: int, seed: int) -> int:
    """Print how many scans survived; returns how many were lost or decided twice."""
    rng, broken, answered = random.Random(seed), 0, 0
    recipe = bundle.resolve().name
    with tempfile.TemporaryDirectory() as folder:
        for trial in range(trials):
            names = [f"trial-{trial}-{n}" for n in range(KILLED_WITH)]
            with (
                serving(bundle, Path(folder), "--deadline", str(PATIENCE_S)) as (process, address),
                ThreadPoolExecutor(KILLED_WITH) as pool,
            ):
                asked = [
                    pool.submit(post, address, recipe, scans[n % len(scans)], name)
                    for n, name in enumerate(names)
                ]
                time.sleep(rng.uniform(0, 0.6 * KILLED_WITH))
                process.send_signal(signal.SIGKILL)
                before = [one.result() for one in asked]
            with serving(bundle, Path(folder), "--deadline", str(PATIENCE_S)) as (process, address):
                after = [
                    post(address, recipe, scans[n % len(scans)], name)
                    for n, name in enumerate(names)
                ]
            answered += sum(code == 200 for code, _ in before)
            broken += sum(
                new[0] != 200 or (old[0] == 200 and json.loads(old[1]) != json.loads(new[1]))
                for old, new in zip(before, after, strict=True)
            )
    total = trials * KILLED_WITH
    print(f"{trials} kills, {total} scans, {answered} answered before the kill, {broken} broken")
    return broken


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _quantiles(seconds: Sequence[float]) -> str:
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return f"p50 {cuts[49] * 1e3:.0f} ms, p99 {cuts[98] * 1e3:.0f} ms of {len(seconds)}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; exit code 1 where a scan was lost."""
    parser = argparse.ArgumentParser(prog="python -m bench.service", description=__doc__)
    parser.add_argument("kind", choices=("load", "kill", "latency"))
    parser.add_argument("bundle", type=Path)
    parser.add_argument("scans", type=Path, help="folder of scans of the bundle's category")
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    scans = find_scans(given.scans, Inspector.load(given.bundle).model).scans
    if given.kind == "kill":
        return int(measure_kills(given.bundle, scans, given.trials, given.seed) > 0)
    if given.kind == "latency":
        measure_latency(given.bundle, scans, given.requests)
        return 0
    measure_load(given.bundle, scans, given.requests, given.clients)
    return 0


if __name__ == "__main__":
    sys.exit(main())
