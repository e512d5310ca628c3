"""Training of MFM and MGM on made-up scans: its loss, its early stop, its determinism."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from mentor3ad.features.interpolation import pixel_weights
from mentor3ad.features.pixels import PixelFeatures
from mentor3ad.features.store import ScanFeatures
from mentor3ad.fusion.training import train_fusion
from mentor3ad.guidance.training import train_guidance
from mentor3ad.mentor.modules import save_module
from mentor3ad.params.schema import Model, Params
from mentor3ad.plumbing.errors import TrainingError
from mentor3ad.training import loop as training
from mentor3ad.training.loop import Trained

CPU = torch.device("cpu")
GROUPS = 12
STEPS = 12


def scan_features(seed: int, constant: float = 1.0) -> ScanFeatures:
    rng = np.random.default_rng(seed)
    foreground = np.zeros((224, 224), bool)
    foreground[80:140, 60:130] = True
    points = rng.uniform(-1, 1, (foreground.sum(), 3)).astype(np.float32)
    index, weight = pixel_weights(points, points[:GROUPS], foreground)
    rgb = rng.normal(size=(28, 28, 768)) * constant
    tokens = rng.normal(size=(GROUPS, 1152))
    return ScanFeatures(
        rgb.astype(np.float16), foreground, False, tokens.astype(np.float16), index, weight
    )


@pytest.fixture(scope="module")
def features() -> PixelFeatures:
    return PixelFeatures([scan_features(seed) for seed in range(3)], CPU)


@pytest.fixture(scope="module")
def held_out() -> PixelFeatures:
    return PixelFeatures([scan_features(9)], CPU)


@pytest.fixture
def model(params: Params) -> Callable[..., Model]:
    def make(steps: int = STEPS, every: int | None = None, **values: Any) -> Model:
        content = params.model.model_dump() | {"precision": "float32", "lr": 0.002} | values
        content["whitening"] = {
            "components": 8,
            "power": 0.5,
            "constant": 1.0,
            "standardise": False,
        }
        content["mfm"] |= {"steps": steps, "scans": 2, "pixels": 16, "dim": 8, "hidden": 8}
        content["mgm"] |= {"steps": steps, "scans": 2, "pixels": 16, "hidden": 8}
        content["early_stop"] = {"every": every, "patience": 2}
        return Model(**content)

    return make


def both(
    features: PixelFeatures, model: Model, held_out: PixelFeatures | None = None
) -> tuple[Trained, Trained]:
    fusion = train_fusion(features, model, "rope", iter, held_out)
    return fusion, train_guidance(features, fusion.module, model, "rope", iter, held_out)


def states(trained: Trained) -> list[torch.Tensor]:
    return list(trained.module.state_dict().values())


def test_the_loss_falls(features, model) -> None:
    for trained in both(features, model(60)):
        assert len(trained.losses) == 60
        assert np.mean(trained.losses[-10:]) < np.mean(trained.losses[:10])


def test_the_same_features_train_the_same_modules(features, held_out, model) -> None:
    runs = [both(features, model(every=4), held_out) for _ in range(2)]
    for one, two in zip(*runs, strict=True):
        assert (one.losses, one.held_out) == (two.losses, two.held_out)
        assert all(torch.equal(a, b) for a, b in zip(states(one), states(two), strict=True))


def test_held_out_scans_change_nothing_where_no_stop_is_asked_for(features, held_out, model):
    for one, two in zip(both(features, model()), both(features, model(), held_out), strict=True):
        assert one.losses == two.losses
        assert two.held_out == {}


def test_early_stop_measures_at_its_steps_and_at_the_end(features, held_out, model) -> None:
    for trained in both(features, model(every=5), held_out):
        assert list(trained.held_out) == [5, 10, 12]


def test_training_stops_and_keeps_the_best_weights(features, held_out, model, monkeypatch) -> None:
    """The measured losses are made up: lowest after 4 steps, two worse, then a fall of 2 steps."""
    measure, made_up, true = training.mean_loss, iter([2.0, 1.0, 3.0, 3.0, 3.0]), []

    def scripted(*arguments: Any) -> float:
        true.append((measure(*arguments), arguments))
        return next(made_up)

    monkeypatch.setattr(training, "mean_loss", scripted)
    trained = train_fusion(features, model(40, every=2), "rope", iter, held_out)
    assert list(trained.held_out) == [2, 4, 6, 8, 10]
    assert len(trained.losses) == 10
    (_, (best, arguments), *others) = true
    assert measure(*arguments) == best
    assert all(best != other for other, _ in others)


def test_the_mentor_of_many_steps_at_once_is_that_of_each(features, model, monkeypatch) -> None:
    whole = both(features, model())
    monkeypatch.setattr("mentor3ad.training.feed.BLOCK_PIXELS", 1)
    single = both(features, model())
    for one, two in zip(whole, single, strict=True):
        np.testing.assert_allclose(one.losses, two.losses, rtol=1e-5)


def test_bfloat16_trains_as_float32_does(features, model) -> None:
    for one, two in zip(
        both(features, model()), both(features, model(precision="bfloat16")), strict=True
    ):
        np.testing.assert_allclose(one.losses, two.losses, rtol=0.02)


def test_a_loss_that_is_not_finite_stops_training(features, model) -> None:
    with pytest.raises(TrainingError, match=r"the loss is nan at step \d+; lower model.lr"):
        train_fusion(features, model(40, lr=1e30), "rope", iter)


def test_a_held_out_loss_is_a_column_of_the_losses(features, held_out, model, tmp_path) -> None:
    trained = train_fusion(features, model(4, every=2), "rope", iter, held_out)
    save_module(tmp_path, trained.module, trained.losses, trained.held_out)
    rows = json.loads((tmp_path / "loss.json").read_text())
    expected = [None, trained.held_out[2], None, trained.held_out[4]]
    assert [row["held_out"] for row in rows] == [v and round(v, 6) for v in expected]
