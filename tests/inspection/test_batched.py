"""Scans that are extracted together: what each gets alone, in order, whatever the batch.

Stops: a scan's result in another's place, an error that shifts the scans after it, a reader that
runs away. The same functions run on the CPU and, where there is one, on a CUDA device.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mentor3ad.dataset.scan import ScanFiles
from mentor3ad.inspection.found import Inspection
from mentor3ad.inspection.inspector import STEPS, Inspector
from mentor3ad.inspection.scans import find_scans
from mentor3ad.plumbing.errors import ConfigError, DataError
from tests.batches import DEVICES

FEATURES = 2e-3  # as in extraction's tests: two roundings to float16 of features of size 1
MAPS = 0.02  # what the fitted space and bfloat16 in MFM and MGM make of that
FLOAT32 = {"rgb": "float32", "points": "float32"}


def in_float32(inspector: Inspector, batched: bool) -> Inspector:
    backbones = replace(inspector.model.backbones, precision=FLOAT32)
    return Inspector(replace(inspector.model, backbones=backbones), batched)


@pytest.fixture(scope="module", params=DEVICES)
def batched(request: pytest.FixtureRequest, bundle: Path) -> Inspector:
    return in_float32(Inspector.load(bundle, device=request.param), True)


@pytest.fixture(scope="module")
def scans(inspector: Inspector, test_scans: Path) -> list[ScanFiles]:
    return find_scans(test_scans, inspector.model).scans


@pytest.fixture(scope="module")
def expected(inspector: Inspector, scans: list[ScanFiles]) -> list[Inspection]:
    """Scan by scan on the CPU."""
    plain = in_float32(inspector, False)
    return [plain.inspect_scan(scan) for scan in scans]


def assert_close(found: Inspection | DataError, expected: Inspection) -> None:
    assert isinstance(found, Inspection)
    np.testing.assert_array_equal(found.foreground, expected.foreground)
    np.testing.assert_allclose(found.score_maps, expected.score_maps, rtol=0, atol=MAPS)
    np.testing.assert_allclose(found.score, expected.score, rtol=0.02)
    assert found.defective == expected.defective
    assert tuple(found.seconds) == STEPS


def test_scans_differ_by_more_than_the_tolerance(expected: list[Inspection]) -> None:
    """Else none of these tests would see one in another's place."""
    for i, one in enumerate(expected):
        for other in expected[:i]:
            assert np.abs(one.score_maps - other.score_maps).max() > 10 * MAPS


def test_features_are_those_of_each_scan_alone(
    batched: Inspector, inspector: Inspector, scans: list[ScanFiles]
) -> None:
    each = []
    for way in (batched, in_float32(inspector, False)):
        ready = [way._ready(scan) for scan in scans[:2]]
        each.append(way.extraction.features([r.scan for r in ready], [r.made for r in ready]))
    for found, expected in zip(*each, strict=True):
        np.testing.assert_array_equal(found.foreground, expected.foreground)
        np.testing.assert_array_equal(found.index, expected.index)
        np.testing.assert_array_equal(found.weight, expected.weight)
        for name in ("rgb", "tokens"):
            arrays = (getattr(one, name).astype(np.float32) for one in (found, expected))
            np.testing.assert_allclose(*arrays, rtol=FEATURES, atol=FEATURES)


def test_a_scan_alone_is_a_batch_of_one(
    batched: Inspector, scans: list[ScanFiles], expected: list[Inspection]
) -> None:
    assert_close(batched.inspect_scan(scans[0]), expected[0])


@pytest.mark.parametrize("batch", [1, 2, 3, None])
def test_batches_keep_the_order_and_leave_a_remainder(
    batched: Inspector, scans: list[ScanFiles], expected: list[Inspection], batch: int | None
) -> None:
    """Five scans; None is the model's `features.shard`, 2."""
    found = list(batched.inspect_batch(scans, workers=2, batch=batch))
    for one, right in zip(found, expected, strict=True):
        assert_close(one, right)


def test_the_device_gets_batches_of_the_size(
    batched: Inspector, scans: list[ScanFiles], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes, features = [], batched.extraction.features

    def counted(some, grouped):
        sizes.append(len(some))
        return features(some, grouped)

    monkeypatch.setattr(batched.extraction, "features", counted)
    list(batched.inspect_batch(scans[:3], batch=2))
    list(batched.inspect_batch(scans[:3]))
    assert sizes == [2, 1, 2, 1]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_error_keeps_its_place_and_stops_no_other(
    batched: Inspector,
    scans: list[ScanFiles],
    expected: list[Inspection],
    tmp_path: Path,
    place: int,
) -> None:
    """Also a batch of errors alone."""
    bad = (tmp_path / "gone.png", tmp_path / "gone.tiff")
    mixed = [*scans[:place], bad, bad, *scans[place:3]]
    found = list(batched.inspect_batch(mixed, workers=2, batch=2))
    for one in (found.pop(place), found.pop(place)):
        assert isinstance(one, DataError)
        assert "gone.png does not exist" in str(one)
    for one, right in zip(found, expected[:3], strict=True):
        assert_close(one, right)


def test_a_part_with_too_few_points_is_named(inspector: Inspector, scans: list[ScanFiles]) -> None:
    settings = inspector.model.settings
    points = settings.features.points.model_copy(update={"groups": 60000})
    features = settings.features.model_copy(update={"points": points})
    demanding = settings.model_copy(update={"features": features})
    together = Inspector(replace(inspector.model, settings=demanding), batched=True)
    (found,) = together.inspect_batch(scans[:1])
    assert isinstance(found, DataError)
    assert str(found).startswith(f"{scans[0].id} ({scans[0].points}): ")


def test_too_little_memory_ends_the_run(
    batched: Inspector, scans: list[ScanFiles], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no fault of a scan."""

    def refused(*_: object) -> None:
        raise ConfigError("2 scans together may need 9.0 GiB")

    monkeypatch.setattr(batched.extraction, "features", refused)
    with pytest.raises(ConfigError, match="may need"):
        list(batched.inspect_batch(scans))


def test_what_waits_in_memory_is_bounded(batched: Inspector, scans: list[ScanFiles]) -> None:
    taken = []

    def endless() -> Iterator[ScanFiles]:
        while True:
            taken.append(1)
            yield scans[0]

    found = batched.inspect_batch(endless(), workers=1, batch=2)
    next(found)
    first = len(taken)
    for _ in range(4):
        next(found)
    found.close()
    assert first <= 2 * 1 + 3 * 2
    assert len(taken) <= first + 4 + 2


def test_warming_up_is_a_batch(batched: Inspector) -> None:
    assert batched.warm_up() > 0


def test_the_cpu_takes_scans_one_by_one(inspector: Inspector, bundle: Path) -> None:
    assert not inspector.batched
    assert not Inspector.load(bundle, device="cpu").batched
