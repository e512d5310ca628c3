"""Ours beside the peers: each is measured on the same scans; anomalib where it is installed."""

import pytest

from bench import peers, scenes
from bench.figures import Row


def test_ratios_are_to_ours(bench, monkeypatch):
    given = {
        peers.OURS: {"predict_s": 1.0, "epoch_s": 0.5, "once_s": 20.0, "memory_mb": 1.0},
        peers.RENDERED: {"predict_s": 5.0, "epoch_s": 100.0, "memory_mb": 2.0},
    }

    def run(command, folder):
        name, _, out = command[3:6]
        (bench.folder / out).write_text(peers.json.dumps(given[name]))

    monkeypatch.setattr(peers, "run", run)
    monkeypatch.setattr(peers.importlib.util, "find_spec", lambda name: None)
    ours, rendered = peers.peers(bench)
    assert ours == Row(peers.OURS, given[peers.OURS])
    assert rendered.figures["predict_times_ours"] == 5
    assert rendered.figures["epoch_times_ours"] == 200


def test_the_published_steps_predict_and_train(finished, backbones, monkeypatch):
    monkeypatch.setattr(peers.Backbones, "load", lambda *_: backbones)  # a short ViT
    monkeypatch.setattr(peers, "TIMED", 1)
    monkeypatch.setattr(peers, "forget_peak", lambda device: None)  # of the tests' own process
    points = finished.params.features.points.model_copy(update={"groups": 16, "group_size": 8})
    monkeypatch.setattr(
        peers.extraction,
        "published_options",
        lambda features: features.model_copy(update={"points": points, "precision": "float32"}),
    )
    made = peers._rendered(finished)
    found = peers._peer(*made, [scenes.scan(seed, side=24) for seed in range(2)], runs=1)
    assert all(value > 0 for value in found.values())


def test_anomalibs_model_predicts_and_trains(finished, monkeypatch):
    pytest.importorskip("anomalib", reason="the extra peers is not installed")
    monkeypatch.setattr(peers, "forget_peak", lambda device: None)
    scans = [scenes.scan(seed) for seed in range(2)]
    monkeypatch.setattr(peers, "TIMED", 1)
    found = peers._peer(*peers._anomalib(finished), scans, runs=1)
    assert all(value > 0 for value in found.values())
