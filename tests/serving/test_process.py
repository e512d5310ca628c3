"""`mentor3ad serve` as a process: killed at a random moment, started again, ended by SIGTERM."""

import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from testbed.clone import CATEGORY
from testbed.service import serving

pytest.importorskip("fastapi", reason="the extra serve is not installed")
httpx = pytest.importorskip("httpx", reason="the extra line is not installed")

IDS = [f"scan-{n}" for n in range(6)]


def send(address: str, scan: tuple[Path, Path], name: str) -> "httpx.Response | None":
    files = {
        "rgb": ("a.png", scan[0].read_bytes()),
        "geometry": ("a.tiff", scan[1].read_bytes()),
    }
    with httpx.Client(timeout=60, trust_env=False) as client:
        try:
            return client.post(f"{address}/inspect/{CATEGORY}", files=files, data={"id": name})
        except httpx.TransportError:
            return None


def test_every_answered_scan_survives_a_kill_and_the_others_are_sent_again(
    bundle: Path, test_scans: Path, tmp_path: Path
) -> None:
    scan = test_scans / "good/rgb/000.png", test_scans / "good/xyz/000.tiff"
    history = tmp_path / "history"
    with (
        serving(bundle, history, "--device", "cpu") as (process, address),
        ThreadPoolExecutor(len(IDS)) as pool,
    ):
        asked = [pool.submit(send, address, scan, name) for name in IDS]
        asked[0].result()
        time.sleep(random.uniform(0, 1))
        process.kill()
        before = [answer.json() if (answer := one.result()) else None for one in asked]
    with serving(bundle, history, "--device", "cpu") as (process, address):
        after = [found.json() for name in IDS if (found := send(address, scan, name))]
        rows = httpx.get(f"{address}/history", trust_env=False).json()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    assert [one["id"] for one in after] == IDS
    assert sorted(row["id"] for row in rows) == IDS
    assert before[0]
    for first, second in zip(before, after, strict=True):
        assert first is None or first == second
