"""Evaluation of a category against scikit-learn on the same maps."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

import mentor3ad.rating.results as evaluation
from mentor3ad.dataset.manifest import MASKS_FILE, PREPARED, PUBLISHED_MASKS_FILE
from mentor3ad.evaluation.curves import CURVES, write_curves
from mentor3ad.params.schema import load_params
from mentor3ad.plumbing.errors import CacheError
from mentor3ad.seals.seal import write_seal
from mentor3ad.voting.votes import VOTES
from tests.evaluated import evaluate
from tests.paths import ROOT
from tests.prepared import CATEGORY, KINDS, THRESHOLD, maps_of, masks_of, rows, write_category

OPTIONS = load_params(ROOT / "params.yaml").evaluate.model_copy(update={"limits": [0.3, 0.05]})
LABELS = np.array([kind != "good" for kind in KINDS])


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_category(tmp_path_factory.mktemp("evaluation"), rows())


@pytest.fixture(scope="module")
def scans(folders: tuple[Path, Path]) -> evaluation.Results:
    return evaluation.Results.load(*folders, CATEGORY)


def of_kinds(tmp_path: Path, kinds: tuple[str, ...], masked: bool = True) -> evaluation.Results:
    return evaluation.Results.load(*write_category(tmp_path, rows(kinds, masked)), CATEGORY)


def plain_aupro(masks: np.ndarray, maps: np.ndarray, limit: float) -> float:
    """AUPRO by its definition: at each threshold, the mean of every region's own coverage."""
    labelled = [ndimage.label(mask, np.ones((3, 3)))[0] for mask in masks]
    regions = [maps[i][m == k] for i, m in enumerate(labelled) for k in range(1, m.max() + 1)]
    good = maps[~masks]
    thresholds = np.unique(maps)[::-1]
    fpr = np.array([0.0, *((good >= t).mean() for t in thresholds)])
    pro = np.array([0.0, *(np.mean([(r >= t).mean() for r in regions]) for t in thresholds)])
    inside = fpr < limit
    ends = np.append(fpr[inside], limit), np.append(pro[inside], np.interp(limit, fpr, pro))
    return float(np.trapezoid(ends[1], ends[0]) / limit)


# Loading


def test_only_test_scans_are_loaded_in_order(scans: evaluation.Results) -> None:
    assert scans.index == (1, 2, 3, 4, 5)
    assert scans.ids[0] == "test/good/001"
    assert scans.defects == KINDS
    np.testing.assert_array_equal(scans.labels, LABELS)


def test_maps_and_masks_are_those_of_the_scans(scans: evaluation.Results) -> None:
    np.testing.assert_array_equal(list(scans.maps), maps_of(rows())[1:])
    np.testing.assert_array_equal(list(scans.masks), masks_of(rows())[1:])


def test_an_object_score_is_the_largest_of_its_map(scans: evaluation.Results) -> None:
    np.testing.assert_array_equal(scans.scores, maps_of(rows())[1:].max(axis=(1, 2)))


def test_without_a_mask_of_a_defect_there_are_no_masks(tmp_path: Path) -> None:
    assert of_kinds(tmp_path, KINDS, masked=False).masks is None


def test_one_defect_without_its_mask_leaves_all_masks_out(tmp_path: Path) -> None:
    """Its pixels would count as good ones."""
    bare = [*rows()]
    bare[2] = replace(bare[2], mask=None)
    scans = evaluation.Results.load(*write_category(tmp_path, tuple(bare)), CATEGORY)
    assert scans.masks is None
    assert scans.notes == (
        "1 of 3 defective test scans has no ground-truth mask: only object metrics can be "
        "computed.",
    )


def test_scans_without_truth_are_scored_apart(tmp_path: Path) -> None:
    kinds = ("good", "unknown", "cut")
    scans = of_kinds(tmp_path, kinds)
    assert scans.index == (1, 3)
    assert scans.unlabelled == (("test/unknown/002", float(maps_of(rows(kinds))[2].max())),)
    assert scans.notes == ("1 test scan has no ground truth: scored, but not evaluated.",)


@pytest.mark.parametrize(
    ("kinds", "note"),
    [
        (KINDS, None),
        ((), "There are no test scans: no metrics can be computed."),
        (("good",), "No test scan is defective: no metrics can be computed."),
        (("cut",), "No test scan is good: no object metrics can be computed."),
    ],
)
def test_what_the_test_lacks_is_noted(
    tmp_path: Path, kinds: tuple[str, ...], note: str | None
) -> None:
    assert of_kinds(tmp_path, kinds).notes == (() if note is None else (note,))


@pytest.mark.parametrize("kinds", [(), ("unknown", "unknown")])
def test_without_labelled_scans_there_are_no_metrics(
    tmp_path: Path, kinds: tuple[str, ...]
) -> None:
    metrics = of_kinds(tmp_path, kinds).rankings().metrics(OPTIONS.limits)
    assert (metrics.n_good, metrics.n_defect) == (0, 0)
    values = metrics.to_json()
    assert values.pop("defects") == {}
    assert set(values.values()) == {0, None}


def test_votes_of_another_category_are_refused(folders: tuple[Path, Path]) -> None:
    with pytest.raises(CacheError, match="category is 'rope', expected 'foam'"):
        evaluation.Results.load(*folders, "foam")


# Metrics


def test_object_metrics_are_scikit_learns(scans: evaluation.Results) -> None:
    metrics = scans.rankings().metrics(OPTIONS.limits)
    np.testing.assert_allclose(metrics.i_auroc, roc_auc_score(LABELS, scans.scores))
    np.testing.assert_allclose(metrics.i_ap, average_precision_score(LABELS, scans.scores))


def test_pixel_metrics_are_scikit_learns(scans: evaluation.Results) -> None:
    metrics, truth = scans.rankings().metrics(OPTIONS.limits), masks_of(rows())[1:].ravel()
    values = maps_of(rows())[1:].ravel()
    np.testing.assert_allclose(metrics.p_auroc, roc_auc_score(truth, values))
    np.testing.assert_allclose(metrics.p_ap, average_precision_score(truth, values))


@pytest.mark.parametrize(("name", "limit"), [("aupro_30", 0.3), ("aupro_5", 0.05)])
def test_aupro_is_that_of_its_definition(tmp_path: Path, name: str, limit: float) -> None:
    """On maps of 64 levels, so that every threshold can be tried."""
    scans = of_kinds(tmp_path, KINDS)
    levels = np.round(np.stack(list(scans.maps)) * 32) / 32
    got = evaluate(levels, scans.masks, scans.scores, scans.labels, scans.defects, OPTIONS.limits)
    np.testing.assert_allclose(
        got.aupro[name], plain_aupro(np.stack(list(scans.masks)), levels, limit)
    )


def test_metrics_of_a_kind_leave_the_others_out(scans: evaluation.Results) -> None:
    chosen = np.isin(KINDS, ["good", "hole"])
    expected = roc_auc_score(
        masks_of(rows())[1:][chosen].ravel(), maps_of(rows())[1:][chosen].ravel()
    )
    np.testing.assert_allclose(
        scans.rankings().metrics(OPTIONS.limits).defects["hole"].p_auroc, expected
    )


# What is written


@pytest.fixture
def written(tmp_path: Path, scans: evaluation.Results) -> dict:
    evaluation.write_metrics(
        tmp_path / "eval/metrics.json", scans, scans.rankings().metrics(OPTIONS.limits)
    )
    return json.loads((tmp_path / "eval/metrics.json").read_text())


def test_decisions_count_errors_at_the_threshold(written: dict, scans: evaluation.Results) -> None:
    rejected = scans.scores > THRESHOLD
    assert written["decisions"] == {
        "threshold": THRESHOLD,
        "false_alarms": int(sum(rejected[~LABELS])),
        "misses": int(sum(~rejected[LABELS])),
    }


def test_every_scan_has_its_decision(written: dict, scans: evaluation.Results) -> None:
    assert [scan["id"] for scan in written["scans"]] == list(scans.ids)
    assert [scan["score"] for scan in written["scans"]] == scans.scores.tolist()
    decisions = [scan["defective"] for scan in written["scans"]]
    assert decisions == (scans.scores > THRESHOLD).tolist()


def test_a_scan_without_truth_has_its_decision_and_no_defect(tmp_path: Path) -> None:
    scans = of_kinds(tmp_path, ("good", "unknown", "cut"))
    evaluation.write_metrics(
        tmp_path / "metrics.json", scans, scans.rankings().metrics(OPTIONS.limits)
    )
    content = json.loads((tmp_path / "metrics.json").read_text())
    (name, score), *_ = scans.unlabelled
    assert content["scans"][-1] == {
        "id": name,
        "defect": None,
        "score": score,
        "defective": score > THRESHOLD,
    }
    assert content["notes"] == list(scans.notes)


def test_a_score_at_the_threshold_is_accepted(tmp_path: Path) -> None:
    prepared, votes = write_category(tmp_path, rows())
    model = json.loads((votes / "voting.json").read_text())
    highest = float(maps_of(rows())[1:].max())
    (votes / "voting.json").write_text(json.dumps(model | {"threshold": highest}))
    write_seal(votes, VOTES, CATEGORY, {})
    scans = evaluation.Results.load(prepared, votes, CATEGORY)
    evaluation.write_metrics(
        tmp_path / "metrics.json", scans, scans.rankings().metrics(OPTIONS.limits)
    )
    made = json.loads((tmp_path / "metrics.json").read_text())["decisions"]
    assert (made["false_alarms"], made["misses"]) == (0, 3)


def test_the_same_scans_give_the_same_bytes(tmp_path: Path, scans: evaluation.Results) -> None:
    for name in "ab":
        evaluation.write_metrics(tmp_path / name, scans, scans.rankings().metrics(OPTIONS.limits))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def read_curves(folder: Path, scans: evaluation.Results) -> dict[str, list[dict]]:
    write_curves(folder, CATEGORY, scans.rankings())
    return {name: json.loads((folder / f"{name}.json").read_text()) for name in CURVES}


def test_the_object_curve_is_scikit_learns(tmp_path: Path, scans: evaluation.Results) -> None:
    found = read_curves(tmp_path, scans)["roc_object"]
    fpr, tpr, _ = roc_curve(LABELS, scans.scores, drop_intermediate=False)
    points = [[row["fpr"], row["tpr"]] for row in found]
    np.testing.assert_allclose(points, np.stack([fpr, tpr], axis=1), atol=1e-6)


def test_curves_of_a_missing_class_are_empty(tmp_path: Path) -> None:
    good = of_kinds(tmp_path / "good", ("good", "good"))
    assert read_curves(tmp_path / "curves", good) == {name: [] for name in CURVES}


def test_without_masks_only_the_object_curve_has_points(tmp_path: Path) -> None:
    bare = of_kinds(tmp_path / "bare", KINDS, masked=False)
    lengths = {name: len(rows) > 0 for name, rows in read_curves(tmp_path / "c", bare).items()}
    assert lengths == {"roc_object": True, "roc_pixel": False, "pro": False}


# Scans that are not square


def test_padding_of_scans_is_left_out_of_the_metrics_of_results(tmp_path: Path) -> None:
    """Scans of 100 x 200 pixels fill the middle 112 of 224 rows."""
    flat = tuple(replace(row, height=100, width=200) for row in rows())
    prepared, votes = write_category(tmp_path, flat)
    np.save(prepared / PUBLISHED_MASKS_FILE, np.load(prepared / MASKS_FILE))
    write_seal(prepared, PREPARED, CATEGORY, {})
    metrics = evaluation.Results.load(prepared, votes, CATEGORY).rankings().metrics()
    masks, maps = masks_of(rows())[1:, 56:168], maps_of(rows())[1:, 56:168]
    np.testing.assert_allclose(metrics.p_auroc, roc_auc_score(masks.ravel(), maps.ravel()))
    np.testing.assert_allclose(metrics.aupro["aupro_30"], plain_aupro(masks, maps, 0.3))
    whole = roc_auc_score(masks_of(rows())[1:].ravel(), maps_of(rows())[1:].ravel())
    np.testing.assert_allclose(metrics.padded["p_auroc_padded"], whole)


def test_square_scans_have_no_metrics_of_padding(scans: evaluation.Results) -> None:
    assert scans.valid is None
    assert not [n for n in scans.rankings().metrics().to_json() if n.endswith("_padded")]
