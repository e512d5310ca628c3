"""Every measurement that needs no process of its own, on a tiny project: it runs and adds up."""

import sys
import threading
import time
from dataclasses import replace
from functools import partial
from typing import get_args

import numpy as np
import pytest
import torch

from bench import (
    codecs,
    extraction,
    flops,
    latency,
    report,
    scaling,
    scenes,
    scoring,
    stages,
    training,
)
from bench.figures import Unavailable
from bench.harness import Bench
from bench.processes import Usage
from bench.project import STAGES
from mentor3ad.extraction.batched import BatchExtractor
from mentor3ad.extraction.scan import Backbones
from mentor3ad.features.pixels import PixelFeatures
from mentor3ad.params.schema import Codec
from mentor3ad.training import feed
from mentor3ad.training.sampling import random_pixels


def numbers(rows):
    return [v for row in rows for v in row.figures.values() if isinstance(v, int | float)]


def test_extraction_from_files_counts_every_scan(bench, finished):
    figures = extraction._from_files(bench, finished)
    assert figures["scans"] == 10
    assert figures["share_of_limit"] > 0


def test_extraction_from_memory(bench):
    figures = extraction._from_memory(bench, [scenes.scan(side=30)], bench.params.features)
    expected = flops.extraction(bench.params.features, 16)  # pixels 97 to 126: 4 x 4 patches
    assert figures["gflop"] == pytest.approx(expected / 1e9)


def test_foreground_patches_are_those_that_hold_a_point():
    assert extraction.foreground_patches(scenes.scan(side=24)) == 16  # pixels 100 to 123
    assert extraction.foreground_patches(scenes.scan(side=224)) == 784


def test_a_training_step_of_each_module(bench):
    features = training.training_scans(bench, bench.params, scans=3)
    mfm, mgm = training.step_seconds(bench, features, bench.params.model, 2)
    assert mfm > 0
    assert mgm > 0


@pytest.mark.parametrize(
    ("fits", "slow", "each"),
    [
        ([9, 9, 9], 0, 2),
        ([9, 50, 1], 0, 2),  # a short run's fit that takes longer than the long run's steps
        ([9, 9, 9], 100, 2),  # the short run's own steps do: the long run's mean
    ],
)
def test_a_step_is_timed_from_where_steps_begin(fits, slow, each):
    """By a clock that training moves: some seconds of fitting, then two a step."""
    now, fits = [0.0], iter(fits)

    def run(steps, bar=iter):
        now[0] += next(fits)
        for _ in bar(range(steps)):
            now[0] += 2
        now[0] += slow if steps == 3 else 0

    clock = partial(now.__getitem__, 0)
    assert training.mean_step(run, 3, 5, torch.device("cpu"), clock) == each


def test_what_comes_before_the_first_step_has_no_share_of_it(bench):
    matrix = torch.randn(256, 256)

    def run(steps, bar=iter):
        for _ in range(steps**2):  # as fitting takes now longer and now less, whatever the steps
            matrix @ matrix
        for _ in bar(range(steps)):
            time.sleep(0.002)

    assert training._parts(run, 20, bench)["share_of_python"] > 0.9


def test_training_is_timed_in_processes_of_its_own(bench, monkeypatch):
    monkeypatch.setattr(bench, "runs", lambda many: 2)
    monkeypatch.setattr(training, "step_seconds", None)  # of this process
    monkeypatch.setitem(vars(bench), "paper_params", bench.params)
    rows = training.train(bench)
    assert [row.what for row in rows] == ["MFM, demo", "MGM, demo", "MFM, paper", "MGM, paper"]
    assert all(row.figures["step_ms"] > 0 for row in rows)
    assert rows[0].figures["gflop"] == rows[2].figures["gflop"]


def test_training_from_memory_and_from_the_disk(bench, monkeypatch):
    monkeypatch.setattr(bench, "runs", lambda many: 3)
    rows = training.mapped(bench)
    assert [row.figures["speed"] for row in rows[:2]] == [1, 1]
    assert {row.what.partition(", ")[2] for row in rows} >= {"in memory", "mapped, from the disk"}
    assert all(row.figures["step_ms"] > 0 for row in rows)


@pytest.mark.skipif(sys.platform != "linux", reason="pages are dropped by calls of Linux")
def test_the_clock_stands_still_only_while_training_drops_pages(bench, monkeypatch):
    """In training's own thread and while no block is gathered: all that it leaves out is that."""
    busy, seen = [], []

    def gather(features, scan, pixel):
        busy.append(pixel)
        try:
            return PixelFeatures.gather(features, scan, pixel)
        finally:
            busy.pop()

    def drop(tables, folder):
        seen.append((threading.current_thread(), len(busy)))
        time.sleep(0.05)

    monkeypatch.setattr(training, "drop", drop)
    monkeypatch.setattr(training._FromDisk, "gather", gather)
    monkeypatch.setattr(feed, "BLOCK_PIXELS", 1)
    made = [scenes.features(bench.params.features, seed, 30) for seed in range(2)]
    features = training._FromDisk(made, bench.device, bench.folder)
    batches = random_pixels(features.foreground, 2, 8, 4, np.random.default_rng(0))
    stood, start, clock = training._FromDisk.stood, time.perf_counter(), training._FromDisk.clock()
    assert len(list(feed.step_inputs(features, batches))) == 4
    passed, counted = time.perf_counter() - start, training._FromDisk.clock() - clock
    assert seen == [(threading.main_thread(), 0)] * 4
    assert training._FromDisk.stood - stood >= 0.2
    assert counted == pytest.approx(passed - (training._FromDisk.stood - stood), abs=0.1)


@pytest.mark.parametrize("batched", [False, True])
def test_latency_has_every_step_and_both_backbones(bench, finished, batched):
    inspected = finished.root / "data/demo/biscuit/test"
    model = latency.Inspector.load(finished.root, "biscuit", "cpu").model
    inspector = latency.Inspector(model, batched)
    rows = latency.breakdown("demo", inspector, inspected, 2)
    names = {row.what.removeprefix("demo: ") for row in rows}
    assert {"all", "of which RGB backbone", "of which point backbone", "read", "vote"} <= names
    networks = [row for row in rows if "backbone" in row.what]
    features = next(row for row in rows if row.what == "demo: features")
    assert len(networks) == 2
    for row in networks:  # side by side within that step
        assert 0 < row.figures["median_ms"] <= features.figures["median_ms"]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_latency_of_another_precision_is_that_of_its_features(finished, precision):
    inspector = latency.Inspector.load(finished.root, "biscuit", "cpu")
    model = latency.with_precision(inspector, precision).model
    assert model.backbones.precision == {"rgb": precision, "points": precision}
    assert model.settings.features.precision == precision
    assert model.scorer is inspector.model.scorer


def test_a_model_of_yours_needs_to_be_named(bench):
    with pytest.raises(Unavailable, match="--models"):
        latency.predict(bench)


def test_scoring_voting_and_metrics(bench, monkeypatch):
    monkeypatch.setattr(scoring, "GOOD", (2, 2))
    monkeypatch.setattr(scoring, "RATED", 2)
    assert all(np.isfinite(numbers(scoring.score(bench))))


def test_codecs_keep_every_byte(bench):
    rows = codecs.codecs(bench)
    assert [row.what for row in rows] == list(get_args(Codec))
    assert rows[0].figures["share_of_raw"] == pytest.approx(1, abs=0.05)


def test_the_page_of_ten_categories(bench):
    assert "cable_gland" in report.page(bench.demo)


def test_stages_have_scans_and_usage(bench: Bench, finished):
    usage = Usage(2.0, 1.5, 300_000_000, 10_000_000, None)
    bench.demo = replace(finished, usage=dict.fromkeys(STAGES, usage))
    rows = {row.what: row.figures for row in stages.stages(bench)}
    assert list(rows) == list(STAGES)
    assert rows["extract"]["scans_per_s"] == 5
    assert rows["train_mfm"]["scans"] == 3
    assert (rows["score"]["peak_rss_mb"], rows["score"]["written_mb"]) == (300, None)


def test_a_simulated_cache_loads_as_many_scans_as_asked(bench):
    load = scaling._simulated_cache(bench, 5)
    assert len(load(3)()) == 3


def test_extraction_has_a_curve_of_threads_up_to_all(bench, monkeypatch):
    asked, of_threads = [], []

    def side_by_side(backbones, options, scans):
        return lambda threads: lambda: asked.append((scans, threads))

    monkeypatch.setattr(scaling, "side_by_side", side_by_side)
    for cores in (1, 2, 6):
        monkeypatch.setattr(torch, "get_num_threads", lambda cores=cores: cores)
        of_threads.append([row.figures["sizes"] for row in scaling._extraction(bench)])
    assert of_threads == [[], [[1, 2]], [[1, 2, 4, 6]]]
    assert set(asked) == {(8, n) for n in (1, 2, 4, 6)}


def test_scans_in_flight_are_extracted_by_so_many_threads(bench, monkeypatch):
    seen = set()

    def extract(scans, geometry, fast, options):
        seen.add(threading.current_thread().name)
        assert torch.get_num_threads() == 1
        together.wait(20)  # broken, and an error, where fewer threads come
        return {"made": np.zeros((1, 2))}

    monkeypatch.setattr("mentor3ad.extraction.category.extract_features", extract)
    backbones, before = Backbones.load(bench.params.features, bench.device), torch.get_num_threads()
    for threads in (1, 2):
        seen.clear()
        together = threading.Barrier(threads)
        scaling.side_by_side(backbones, bench.params.features, 4)(threads)()
        assert len(seen) == threads
        assert torch.get_num_threads() == before


@pytest.mark.parametrize(("size", "calls"), [(1, [1] * 3), (2, [2, 1]), (3, [3])])
def test_batches_hold_every_scan_once(bench, monkeypatch, size, calls):
    """What a GPU is measured with, without the networks."""
    found = []
    monkeypatch.setattr(
        BatchExtractor, "__call__", lambda _, batch: found.append(len(batch.images))
    )
    backbones = Backbones.load(bench.params.features, bench.device)
    scaling.in_batches(backbones, bench.params.features, 3)(size)()
    assert found == calls
