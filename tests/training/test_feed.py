"""What training steps see: the same from memory and from the disk, and when it is gathered."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import pytest
import torch
from torch import Tensor

from mentor3ad.features.pixels import PixelFeatures
from mentor3ad.fusion.training import train_fusion
from mentor3ad.guidance.training import train_guidance
from mentor3ad.params.schema import Model, Params
from mentor3ad.plumbing.errors import CacheError
from mentor3ad.training import feed
from mentor3ad.training.feed import step_inputs
from mentor3ad.training.mapped import scratch_table
from mentor3ad.training.sampling import Batch, generator, patch_pixels
from tests.stored import scan_features

CPU = torch.device("cpu")
STEPS, SCANS, PIXELS = 12, 2, 16
WAIT = 20  # seconds at most for another thread


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two steps."""
    monkeypatch.setattr(feed, "BLOCK_PIXELS", 2 * SCANS * PIXELS)


class Watched(PixelFeatures):
    """Says when a block is gathered, and fails at one of them if asked to."""

    def watch(self, fails_at: int | None = None) -> "Watched":
        self.begun = [threading.Event() for _ in range(STEPS)]
        self.threads: list[tuple[str, int]] = []
        self.fails_at = fails_at
        return self

    def gather(self, scan: Tensor, pixel: Tensor) -> tuple[Tensor, Tensor]:
        number = len(self.threads)
        self.threads.append((threading.current_thread().name, torch.get_num_threads()))
        self.begun[number].set()
        if number == self.fails_at:
            raise CacheError("a block that cannot be read")
        return super().gather(scan, pixel)


@pytest.fixture(scope="module")
def resident() -> Watched:
    return Watched([scan_features(seed) for seed in range(3)], CPU)


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    new_table = partial(scratch_table, tmp_path_factory.mktemp("scratch"))
    return Watched([scan_features(seed) for seed in range(3)], CPU, new_table=new_table)


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def batches(features: PixelFeatures, steps: int = STEPS) -> Iterator[Batch]:
    return patch_pixels(features.foreground, SCANS, PIXELS, steps, generator(0, "test"))


def with_sum(rgb: Tensor, xyz: Tensor) -> tuple[Tensor, ...]:
    return rgb, xyz, rgb.sum(1) + xyz.sum(1)


def feeding() -> list[str]:
    """Threads of feeds that are still there."""
    return [t.name for t in threading.enumerate() if t.name.startswith("feed")]


@pytest.mark.parametrize("steps", [1, 2, 5, STEPS])
def test_mapped_inputs_are_resident_ones_to_the_bit(resident, mapped, steps: int) -> None:
    resident.watch()
    mapped.watch()
    expected = list(step_inputs(resident, batches(resident, steps), with_sum))
    found = list(step_inputs(mapped, batches(mapped, steps), with_sum))
    assert len(found) == len(expected) == steps
    for one, two in zip(found, expected, strict=True):
        assert len(one) == 3
        assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


def test_a_steps_inputs_are_the_pixels_of_its_batch(mapped) -> None:
    mapped.watch()
    for batch, (rgb, xyz) in zip(
        batches(mapped), step_inputs(mapped, batches(mapped)), strict=True
    ):
        alone = PixelFeatures.gather(
            mapped, torch.from_numpy(batch.scan), torch.from_numpy(batch.pixel)
        )
        assert torch.equal(rgb, alone[0])
        assert torch.equal(xyz, alone[1])


def test_no_batch_is_no_step(resident, mapped) -> None:
    for features in (resident.watch(), mapped.watch()):
        assert list(step_inputs(features, [])) == []


def test_the_next_block_is_gathered_while_the_steps_of_one_are_taken(mapped) -> None:
    feeds = step_inputs(mapped.watch(), batches(mapped))
    next(feeds)
    assert mapped.begun[1].wait(WAIT)
    assert not mapped.begun[2].is_set()
    feeds.close()


def test_resident_features_are_gathered_when_they_are_wanted(resident) -> None:
    feeds = step_inputs(resident.watch(), batches(resident))
    next(feeds)
    assert len(resident.threads) == 1
    assert resident.threads[0][0] == threading.current_thread().name
    feeds.close()


def test_blocks_of_wide_features_are_smaller(resident, monkeypatch) -> None:
    """As many values, not as many pixels: here those of one step instead of two."""
    widest = max(table.shape[1] for table in resident.tables)
    monkeypatch.setattr(feed, "BLOCK_BYTES", 4 * widest * SCANS * PIXELS)
    list(feed.step_inputs(resident.watch(), batches(resident)))
    assert len(resident.threads) == STEPS


@pytest.mark.usefixtures("two_threads")
def test_the_thread_has_no_team_and_training_keeps_its_own(mapped) -> None:
    """A second team of OpenMP makes every step of training slower."""
    list(step_inputs(mapped.watch(), batches(mapped)))
    assert set(mapped.threads) == {("feed_0", 1)}
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("block", [0, 1, 5])
def test_an_error_of_the_thread_is_that_of_its_block(mapped, block: int) -> None:
    feeds = step_inputs(mapped.watch(fails_at=block), batches(mapped))
    assert len(list(islice(feeds, 2 * block))) == 2 * block
    with pytest.raises(CacheError, match="a block that cannot be read"):
        next(feeds)
    assert feeding() == []


def test_the_thread_ends_where_the_steps_are_not_run_to_their_end(mapped) -> None:
    feeds = step_inputs(mapped.watch(), batches(mapped))
    next(feeds)
    assert feeding() == ["feed_0"]
    feeds.close()
    assert feeding() == []


def test_every_block_has_its_rows_read_ahead(mapped, monkeypatch) -> None:
    """Those of its scans, in the thread, before they are gathered."""
    asked: list[tuple[int, int]] = []

    def spy(rows: Tensor) -> None:
        asked.append((len(mapped.threads), rows.data_ptr()))

    monkeypatch.setattr(feed, "read_ahead", spy)
    whole = [0, 1], [1, 2]
    drawn = [Batch(scan, pixel) for scan, pixel in map(partial(whole_block, mapped), whole)]
    list(step_inputs(mapped.watch(), drawn))
    expected = [
        (number, rows.data_ptr())
        for number, scans in enumerate(whole)
        for rows in mapped.stored(scans)
    ]
    assert asked == expected


def whole_block(features: PixelFeatures, scans: list[int]):
    pixels = 2 * SCANS * PIXELS // len(scans)
    scan = torch.tensor(scans).repeat_interleave(pixels).numpy()
    return scan, torch.tensor([features.foreground[s][0] for s in scan]).numpy()


@pytest.fixture
def model(params: Params) -> Callable[..., Model]:
    def make(every: int | None = None) -> Model:
        content = params.model.model_dump() | {"precision": "float32"}
        content["whitening"]["components"] = 8
        content["mfm"] |= {"steps": STEPS, "scans": SCANS, "pixels": PIXELS, "dim": 8, "hidden": 8}
        content["mgm"] |= {"steps": STEPS, "scans": SCANS, "pixels": PIXELS, "hidden": 8}
        content["early_stop"] = {"every": every, "patience": 1}
        return Model(**content)

    return make


def trained(features: PixelFeatures, model: Model) -> list[Tensor]:
    held_out = features if model.early_stop.every else None
    fusion = train_fusion(features, model, "rope", iter, held_out).module
    guidance = train_guidance(features, fusion, model, "rope", iter, held_out).module
    return [*fusion.state_dict().values(), *guidance.state_dict().values()]


@pytest.mark.parametrize("every", [None, 2])
@pytest.mark.usefixtures("two_threads")
def test_mapped_features_train_the_modules_of_resident_ones(model, tmp_path: Path, every) -> None:
    scans, new_table = [scan_features(seed) for seed in range(3)], partial(scratch_table, tmp_path)
    one = trained(PixelFeatures(scans, CPU), model(every))
    two = trained(PixelFeatures(scans, CPU, new_table=new_table), model(every))
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    assert feeding() == []


def test_the_thread_ends_with_an_interrupted_training(model, tmp_path, monkeypatch) -> None:
    """Also while the traceback still holds the frames of training."""

    def interrupt(*arguments: object) -> Tensor:
        assert feeding() == ["feed_0"]
        raise KeyboardInterrupt

    monkeypatch.setattr("mentor3ad.fusion.training.fusion_loss", interrupt)
    features = PixelFeatures([scan_features(0)], CPU, new_table=partial(scratch_table, tmp_path))
    with pytest.raises(KeyboardInterrupt) as held:
        train_fusion(features, model(), "rope", iter)
    assert feeding() == []
    del held
