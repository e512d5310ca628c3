"""The joins: the product before smoothing, the calibrated one after it."""

import numpy as np
import pytest

from mentor3ad.plumbing.errors import TrainingError
from mentor3ad.rivals.join import Calibration, smoothed_maps


def test_a_product_is_taken_before_smoothing() -> None:
    scores = np.zeros((2, 224, 224), dtype=np.float32)
    scores[:, 100, 100] = 3, 5
    maps = smoothed_maps(scores, "product", [3])
    np.testing.assert_allclose(maps[:, 99, 101], [3 / 9, 5 / 9, 15 / 9], rtol=1e-6)


def test_other_joins_smooth_the_maps_alone() -> None:
    assert smoothed_maps(np.ones((2, 224, 224), np.float32), "calibrated", [3]).shape[0] == 2


def test_calibration_measures_by_the_worst_pixel_of_a_typical_good_scan() -> None:
    """Pooled means 2 and 20; what the scans' maxima exceed them by: (1, 2, 6) and tenfold."""
    scan = np.array([[1.0, 3.0], [10.0, 30.0]])
    scans = [scan, np.array([[0.0, 4.0], [0.0, 40.0]]), np.array([[-4.0, 8.0], [-40.0, 80.0]])]
    calibration = Calibration.fit(scans)
    maps = np.full((2, 224, 224), 0.0)
    maps[:, 0, 0] = 2 + 2 * 3, 20 + 20 * 4
    joined = calibration.joined(maps)
    assert joined[0, 0] == pytest.approx(5.0)  # 3 and 4 scales above
    assert joined[1, 1] == 0  # below what is usual


def test_scans_without_spread_are_refused() -> None:
    with pytest.raises(TrainingError, match="no spread"):
        Calibration.fit([np.ones((2, 5))])


def test_no_held_out_scan_is_refused() -> None:
    with pytest.raises(TrainingError, match="no held-out good scan"):
        Calibration.fit([])
