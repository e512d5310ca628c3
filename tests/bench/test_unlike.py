"""The faults that are counted are those that their names say."""

import numpy as np

from bench.unlike import FAULTS, faults_of
from mentor3ad.dataset.scan import RawScan


def scan(level: int) -> RawScan:
    points = np.zeros((8, 8, 3), np.float32)
    points[2:6, 2:6] = (0.01, 0.02, 0.5)
    return RawScan(np.full((8, 8, 3), level, np.uint8), points, None)


def test_each_fault_changes_what_it_says() -> None:
    made = {name: fault(scan(100)) for name, fault in FAULTS.items()}
    assert {int(made[f"light x {gain}"][0].max()) for gain in (0.25, 0.5, 0.7)} == {25, 50, 70}
    assert made["light x 2.5"][0].min() == 250
    part = made["80 mm in x"][1][3, 3]
    np.testing.assert_allclose(part, (0.09, 0.02, 0.5), rtol=1e-6)
    np.testing.assert_allclose(made["20 mm farther"][1][3, 3, 2], 0.52, rtol=1e-6)
    assert not made["half of the points gone"][1][:, :4].any()
    assert made["half of the points gone"][1][:, 4:].any()
    assert not made["no point"][1].any()
    gone = 1 - made["30 % of the points gone"][1].any(axis=-1).sum() / 16
    assert 0 < gone < 0.7


def test_scans_are_swapped_with_others() -> None:
    found = list(faults_of([scan(10), scan(20)], [scan(30), scan(40)]))
    swapped = [int(rgb[0, 0, 0]) for name, (rgb, _) in found if name == "image of another scan"]
    assert swapped == [20, 10]
    strange = [int(rgb[0, 0, 0]) for name, (rgb, _) in found if name == "image of another category"]
    assert strange == [30, 40]
    assert sum(name == "as it is" for name, _ in found) == 2


def test_one_scan_alone_has_no_other() -> None:
    assert {name for name, _ in faults_of([scan(10)], [])} == set(FAULTS)
