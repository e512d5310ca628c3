"""The process that `mentor3ad bench startup` times loads the networks of a preset."""

import runpy
import sys

import pytest

from bench import networks


@pytest.mark.parametrize(
    ("preset", "models"),
    [
        ("demo", ("vit_base_patch8_224.dino", "point_mae")),
        ("light", ("tf_efficientnet_lite0", "normals")),
    ],
)
def test_the_networks_of_a_preset_are_loaded(preset, models, monkeypatch):
    loaded = []
    monkeypatch.setattr(networks.Backbones, "load", lambda options, device: loaded.append(options))
    monkeypatch.setattr(sys, "argv", ["networks", preset])
    runpy.run_path(networks.__file__, run_name="__main__")
    (options,) = loaded
    assert (options.rgb.model, options.points.model) == models
    assert (options.rgb.weights, options.points.weights) == ("random", "random")
