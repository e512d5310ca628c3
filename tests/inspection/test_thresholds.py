"""A bundle's threshold can be seen through and moved."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mentor3ad.cli.threshold import check_choice
from mentor3ad.inspection.bundle import check_bundle, load_bundle
from mentor3ad.inspection.inspector import Inspector
from mentor3ad.inspection.scans import find_scans
from mentor3ad.inspection.tested import LabelledScores
from mentor3ad.inspection.thresholds import (
    MOST_ROWS,
    read_thresholds,
    threshold_for,
    threshold_table,
    write_moved,
)
from mentor3ad.plumbing.errors import BundleError, ConfigError
from mentor3ad.voting.model import VotingModel
from tests.prepared import voting_model

TESTED = LabelledScores(good=(1.0, 2.5, 18.5), defective=(0.5, 15.2, 30.0))


@pytest.fixture
def voting() -> VotingModel:
    """Calibrated on 19 scans with the scores 1 to 19."""
    scores = tuple(float(n) for n in range(1, 20))
    return replace(voting_model(), calibration_scans=19, held_out_scores=scores)


def test_each_threshold_says_what_it_promises(voting: VotingModel) -> None:
    table = threshold_table(voting, TESTED)
    assert [row.threshold for row in table] == [float(n) for n in range(19, 0, -1)]
    assert [row.expected for row in table[:3]] == pytest.approx([1 / 20, 2 / 20, 3 / 20])
    assert table[0].bound == pytest.approx(1 - 0.05 ** (1 / 19))  # Beta(1, 19)
    assert [(row.false_alarms, row.misses) for row in table[:5]] == [
        (0, 2),
        (1, 2),
        (1, 2),
        (1, 2),
        (1, 1),
    ]


def test_the_table_is_bounded(voting: VotingModel) -> None:
    scores = tuple(float(n) for n in range(100))
    many = replace(voting, calibration_scans=100, held_out_scores=scores)
    assert len(threshold_table(many, None)) == MOST_ROWS


def test_the_threshold_of_a_rate(voting: VotingModel) -> None:
    assert threshold_for(voting, 0.05) == 19
    assert threshold_for(voting, 0.10) == 18
    with pytest.raises(ConfigError, match=r"0.01 takes 99 held-out .* lowest .* is 0.05"):
        threshold_for(voting, 0.01)


def test_an_old_model_kept_no_scores() -> None:
    with pytest.raises(ConfigError, match="did not keep the scores"):
        threshold_table(voting_model(), None)


def test_a_bundle_knows_its_scores(bundle: Path, inspector: Inspector) -> None:
    voting, tested = read_thresholds(bundle)
    assert len(voting.held_out_scores) == voting.calibration_scans == 2
    assert voting.threshold in voting.held_out_scores
    assert tested is not None
    assert (len(tested.good), len(tested.defective)) == (2, 3)


def test_a_bundle_with_another_threshold(
    bundle: Path, test_scans: Path, tmp_path: Path, inspector: Inspector
) -> None:
    scan = find_scans(test_scans / "good", inspector.model).scans[0]
    score = inspector.inspect_scan(scan).score
    write_moved(bundle, tmp_path / "low", score / 2, "Ada, after the lamp was changed")
    write_moved(tmp_path / "low", tmp_path / "high", score * 2, "")
    check_bundle(tmp_path / "low")
    low = load_bundle(tmp_path / "low", device="cpu")
    assert low.voting.note == "Ada, after the lamp was changed"
    assert low.version != inspector.model.version
    assert Inspector(low).inspect_scan(scan).defective
    high = Inspector.load(tmp_path / "high", device="cpu").inspect_scan(scan)
    assert not high.defective
    assert high.score == score
    assert json.loads((bundle / "voting.json").read_text())["note"] == ""


def test_it_replaces_no_other_folder(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    with pytest.raises(BundleError, match="holds something else"):
        write_moved(bundle, tmp_path / "mine", 1.0, "")


def test_damaged_test_scores_are_refused(tmp_path: Path) -> None:
    (tmp_path / "tested.json").write_text('{"good": [NaN], "defective": []}')
    with pytest.raises(BundleError, match=r"tested\.json is damaged"):
        LabelledScores.load(tmp_path / "tested.json")


def test_an_inspector_decides_by_another_threshold(inspector: Inspector, test_scans: Path) -> None:
    scan = find_scans(test_scans / "good", inspector.model).scans[0]
    score = inspector.inspect_scan(scan).score
    other = Inspector(inspector.model)
    other.move_threshold(score / 2, None)
    assert other.inspect_scan(scan).defective
    other.move_threshold(score * 2, None)
    assert not other.inspect_scan(scan).defective
    with pytest.raises(ConfigError, match="takes 99"):
        other.move_threshold(None, 0.01)


@pytest.mark.parametrize(
    ("threshold", "rate", "said"),
    [(1.0, 0.1, "--set and --target-fpr both choose"), (None, 1.0, "--target-fpr 1 must be above")],
)
def test_a_choice_that_is_none_is_refused(threshold: float | None, rate: float, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        check_choice("--set", threshold, rate)
