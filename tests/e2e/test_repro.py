"""One `dvc repro` of thirteen tiny scans: every out, sane numbers, and nothing to do again."""

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest

from testbed.clone import CATEGORY, Project, stages_run

pytestmark = pytest.mark.e2e


def numbers(content: Any) -> Iterator[float]:
    if isinstance(content, dict):
        for value in content.values():
            yield from numbers(value)
    elif isinstance(content, int | float):
        yield content


def test_every_out_is_there(finished: Project, results: dict[str, dict[str, str]]) -> None:
    names = {
        "prepared": {"manifest.json", "foreground.npy", "masks.npy"},
        "mfm": {"module.safetensors", "loss.json"},
        "mgm": {"module.safetensors", "loss.json"},
        "votes": {"voting.json", "anomaly.zarr/zarr.json"},
        "eval": {
            "metrics.json",
            "views.json",
            *(f"curves/{c}.json" for c in ("roc_object", "roc_pixel", "pro")),
        },
    }
    for folder, files in names.items():
        assert {f"{CATEGORY}/{file}" for file in files} - set(results[folder]) == set()
    plots = {f"plots/{n}.json" for n in ("roc_object", "roc_pixel", "pro", "loss_mfm", "loss_mgm")}
    assert {"metrics.json", "results.json", "index.html", *plots} - set(results["reports"]) == set()
    assert sum(name.startswith("heatmaps/") for name in results["reports"]) == 2


def test_the_reports_views_are_of_every_test_scan(finished: Project) -> None:
    manifest = json.loads((finished.data("prepared") / CATEGORY / "manifest.json").read_text())
    views = json.loads((finished.data("eval") / CATEGORY / "views.json").read_text())
    tested = [row["id"] for row in manifest["rows"] if row["split"] == "test"]
    assert [scan["id"] for scan in views["scans"]] == tested
    assert views["calibration_scans"] == 2


def test_the_staging_folder_holds_the_snapshot_alone(finished: Project) -> None:
    assert [path.name for path in (finished.root / ".staging").iterdir()] == ["snapshots"]
    names = sorted(path.name for path in (finished.root / ".staging/snapshots").iterdir())
    assert names == [f"{CATEGORY}-features", f"{CATEGORY}-features.lock"]


def test_outs_and_the_snapshot_are_the_caches_own_files(finished: Project) -> None:
    """Links, where the file system has no copies that share blocks: nothing is stored twice."""
    source, copy = finished.root / "dvc.yaml", finished.root.with_name("reflink")
    if finished.run("cp", "--reflink=always", str(source), str(copy), check=False).returncode == 0:
        pytest.skip("this file system shares the blocks of copies")
    cached = {path.stat().st_ino for path in (finished.root / ".dvc/cache/files").rglob("*")}
    places = ("data/demo", "data/features", ".staging/snapshots")
    files = [p for place in places for p in (finished.root / place).rglob("*") if p.is_file()]
    alone = sum(p.stat().st_size for p in files if p.stat().st_ino not in cached)
    assert alone < 0.01 * sum(
        p.stat().st_size for p in files
    )  # keys, and equal files but the first


def test_metrics_are_sane(finished: Project) -> None:
    metrics = json.loads((finished.root / "reports/results.json").read_text())
    assert list(metrics) == ["mean", CATEGORY]
    assert all(math.isfinite(number) for number in numbers(metrics))
    assert all(0 <= value <= 1 for value in metrics["mean"].values())
    names = {"i_auroc", "i_ap", "i_f1_max", "p_auroc", "aupro_30", "aupro_10", "aupro_5", "aupro_1"}
    assert names - set(metrics["mean"]) == set()
    assert (metrics[CATEGORY]["n_good"], metrics[CATEGORY]["n_defect"]) == (2, 6)
    assert sum(kind["n_scans"] for kind in metrics[CATEGORY]["defects"].values()) == 6


def test_rivals_are_rated_on_the_same_scans(finished: Project) -> None:
    results = json.loads((finished.root / "reports/rivals.json").read_text())
    assert list(results) == ["mean", CATEGORY]
    assert list(results[CATEGORY]) == ["gaussian", "gaussian.rgb", "gaussian.xyz"]
    for row in results[CATEGORY].values():
        assert (row["n_good"], row["n_defect"]) == (2, 6)
        assert 0 <= row["aupro_30"] <= 1


def test_losses_have_a_row_a_step(finished: Project) -> None:
    for name in ("mfm", "mgm"):
        rows = json.loads((finished.root / f"reports/plots/loss_{name}.json").read_text())
        assert [(row["category"], row["step"]) for row in rows] == [
            (CATEGORY, step) for step in range(5)
        ]


def test_a_second_repro_runs_nothing(finished: Project) -> None:
    assert stages_run(finished.dvc("repro")) == set()


def test_a_change_of_runtime_runs_nothing(finished: Project) -> None:
    with finished.changed(runtime__threads=1, runtime__device="cpu"):
        assert stages_run(finished.dvc("repro")) == set()
