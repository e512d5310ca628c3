"""The GPU measurements run, on the CPU and on next to nothing; without a device they say so."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from bench import gpu, oracle, published_gpu
from bench.gpu_scans import as_arrays, generated, made_up_scan
from bench.table import GPU
from mentor3ad.inspection.arrays import raw_scan
from mentor3ad.params.schema import Params
from mentor3ad.preparation.prepare import prepare_raw


@pytest.fixture(scope="module")
def small(params) -> Params:
    points = params.features.points.model_copy(update={"groups": 16, "group_size": 8})
    update = {"points": points, "shard": 2, "precision": "float32", "layout": "factored"}
    model = params.model.model_copy(
        update={
            "precision": "float32",
            "mgm": params.model.mgm.model_copy(update={"steps": 22, "scans": 2, "pixels": 4}),
            "mfm": params.model.mfm.model_copy(update={"scans": 2, "pixels": 8}),
        }
    )
    features = params.features.model_copy(update=update)
    return params.model_copy(update={"features": features, "model": model})


@pytest.fixture(scope="module")
def scans():
    return [made_up_scan(seed, side=20) for seed in range(3)]


@pytest.fixture(autouse=True)
def one_in_the_published_form(monkeypatch):
    monkeypatch.setattr(gpu, "TOGETHER", 1)


def test_made_up_parts_have_the_points_of_published_users():
    assert made_up_scan(0).foreground.sum() == 123**2


def test_extraction_from_memory(backbones, small, scans):
    row = gpu.extraction_from_memory(backbones, small.features, scans)
    assert row.count == 3
    assert row.seconds > 0


def test_the_published_dense_maps_are_the_oracles(backbones, small, scans):
    options = small.features.points
    maps, foreground = published_gpu.dense_maps(scans[:2], backbones, options)
    for i, scan in enumerate(scans[:2]):
        sizes = options.groups, options.group_size
        rgb, xyz = oracle.extract(scan, backbones.rgb, backbones.points, *sizes)
        assert np.array_equal(foreground[i].reshape(224, 224), scan.foreground)
        assert_allclose(maps[0][i], rgb.flatten(0, 1), atol=1e-4)
        assert_allclose(maps[1][i], xyz.flatten(0, 1), atol=1e-3)


def test_inference_in_batches_and_alone(backbones, small, scans, monkeypatch):
    monkeypatch.setattr(gpu, "ALONE", 1)
    rows = list(gpu.inference(backbones, small, scans))
    assert [row.count for row in rows] == [3, 1]
    assert rows[0].note == "batches of 2"


def test_decisions(backbones, small, scans):
    assert gpu.decisions(backbones, small, scans).count == 3


def test_a_row_says_how_many_times_the_published_form_it_is():
    assert str(gpu.Row("x", 10, 2.0, "note", 0.5)) == "| x | 5.0 | 200.00 | 500.0 | 2.5 | note |"


def test_a_made_up_part_is_found_in_its_arrays(scans, small):
    raw = raw_scan(*as_arrays(scans[0]), "mvtec3d")
    assert raw.part_only
    prepared = prepare_raw(raw, small.data.preparation, "made-up")
    assert np.array_equal(prepared.foreground, scans[0].foreground)


def test_training(backbones, small, scans, monkeypatch):
    monkeypatch.setattr(gpu, "gemm_rate", lambda device: 1e12)
    row = gpu.guidance_training(backbones, small, scans)
    assert row.count == 2
    assert "% of the GEMM rate" in str(row)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a device to measure")
def test_without_a_device_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["gpu"])
    gpu.main()
    assert capsys.readouterr().out == "no CUDA device: skipped\n"


def test_the_tables_are_of_each_setting_under_the_card(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "A Card")
    monkeypatch.setattr(gpu, "generated", lambda params, count: nullcontext(None))
    monkeypatch.setattr(gpu, "measure", lambda *arguments: iter(["| a row |"]))
    told: list[str] = []
    lines = gpu.tables(["paper", "demo"], 3, 2, told.append)
    assert lines == told
    assert lines[0].startswith("A Card, ")
    assert lines[1:] == ["\n### paper\n", "| a row |", "\n### demo\n", "| a row |"]


def test_a_record_replaces_the_one_before(tmp_path):
    page = tmp_path / "gpu.md"
    page.write_text(f"above\n{GPU[0]}\nold\n{GPU[1]}\nbelow\n")
    gpu.record(["A Card", "", "| new |"], page)
    assert page.read_text() == f"above\n{GPU[0]}\nA Card\n\n| new |\n{GPU[1]}\nbelow\n"
    gpu.record(["A Card"], page)
    assert "new" not in page.read_text()


def test_the_page_has_the_marks():
    assert all(mark in gpu.PAGE.read_text(encoding="utf-8") for mark in GPU)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device that torch can use")
def test_extraction_from_files(small):
    with generated(small, 4) as folder:
        assert gpu.extraction_from_files(small, torch.device("cuda"), folder).count == 4
