"""Table V's speed and memory of each method, on a tiny project."""

import pytest
import torch

from bench import speed
from mentor3ad.compute.process import configure_process
from mentor3ad.rivals.methods import FITS
from mentor3ad.studies.speed import COLUMNS, OURS


@pytest.mark.parametrize("name", [OURS, "gaussian"])
def test_a_method_has_both_columns(name, finished, monkeypatch):
    monkeypatch.setattr(speed, "forget_peak", lambda device: None)  # of the tests' own process
    found = speed.figures(name, finished.root, runs=2)
    assert set(found) == set(COLUMNS.values())
    assert all(value > 0 for value in found.values())


def test_every_rival_is_measured_in_a_process_of_its_own(bench, monkeypatch):
    seen = []

    def run(command, folder):
        name, _, out = command[3:6]
        seen.append(name)
        (bench.folder / out).write_text('{"scans_per_s": 1.0, "memory_mb": 2.0}')

    monkeypatch.setattr(speed, "run", run)
    rows = speed.speed(bench)
    assert seen == [row.what for row in rows] == [OURS, *FITS]


def test_the_peak_is_counted_anew_without_what_was_freed_and_kept(params, capsys):
    configure_process(params.runtime)  # from here on the C library keeps what is freed
    cpu = torch.device("cpu")
    blocks = [torch.ones(1 << 20, dtype=torch.uint8) for _ in range(100)]
    del blocks
    before = speed.peak_mb(cpu)
    speed.forget_peak(cpu)
    after = speed.peak_mb(cpu)
    if before is None or capsys.readouterr().err:
        pytest.skip("this system does not tell the peak, or not anew")
    assert after < before - 90
