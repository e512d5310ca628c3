"""The load bench, with a few requests; it is the loads that find leaks, not the tests."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from testbed.clone import CATEGORY

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("httpx", reason="the extra line is not installed")

from bench.service import load, memory_and_files
from mentor3ad.inspection.scans import find_scans

from .conftest import Running


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are counted on Linux")
def test_clients_at_once_get_an_answer_each(
    start: Callable[..., Running], test_scans: Path
) -> None:
    one = start()
    scans = find_scans(test_scans, one.service.recipe(CATEGORY).inspector.model).scans
    done = load(one.address, CATEGORY, scans, 6, 3, lambda: memory_and_files(os.getpid()))
    assert done.codes == {200: 6}
    assert len(done.seconds) == 6
    assert sorted(row.id for row in one.service.history.after(0)) == [f"load-{n}" for n in range(6)]
    (memory, files), _ = done.marks
    assert memory > 10
    assert files > 3
