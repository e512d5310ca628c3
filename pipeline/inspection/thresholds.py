"""The threshold of a bundle: what each promises, and how it is moved."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..calibration.conformal import expected_rate, rate_bound, scans_needed
from ..plumbing.documents import parse_json
from ..plumbing.errors import BundleError, ConfigError
from ..plumbing.files import folder_replaced_whole
from ..voting.model import VOTING_FILE, VotingModel, decision_threshold, exceeds
from ..weights.download import file_sha256
from .bundle import BUNDLE_FILE, SCHEMA, TESTED_FILE, read_manifest, sealed_text
from .tested import LabelledScores

MOST_ROWS = 20  # of the table


@dataclass(frozen=True)
class ThresholdRow:
    """What one threshold promises.

    Attributes:
        expected: the rate of false alarms on average over draws of the calibration scans.
        bound: the rate that it stays below with 95 % confidence (Beta).
        false_alarms, misses: of the test scans; None: the bundle knows of none.
    """

    threshold: float
    expected: float
    bound: float
    false_alarms: int | None
    misses: int | None


def threshold_table(voting: VotingModel, tested: LabelledScores | None) -> list[ThresholdRow]:
    """The thresholds that the calibration scans can promise something of, the highest first.

    Raises:
        ConfigError: the bundle is of a release that kept no scores.
    """
    scores = _held_out(voting)
    n = len(scores)
    rows = []
    for above in range(min(n, MOST_ROWS)):  # how many calibration scans are above it
        target = (above + 1) / (n + 1)
        threshold = scores[n - 1 - above]
        rows.append(
            ThresholdRow(
                threshold,
                expected_rate(n, target),
                rate_bound(n, target),
                None if tested is None else _above(tested.good, threshold),
                None if tested is None else _not_above(tested.defective, threshold),
            )
        )
    return rows


def threshold_for(voting: VotingModel, target_fpr: float) -> float:
    """The threshold that calls at most `target_fpr` of good parts defective, on average.

    Raises:
        ConfigError: the calibration scans are too few to promise that, or were not kept.
    """
    scores = _held_out(voting)
    needed = scans_needed(target_fpr)
    if len(scores) < needed:
        raise ConfigError(
            f"a false-alarm rate of {target_fpr:g} takes {needed} held-out good scans to promise, "
            f"and this model was calibrated on {len(scores)}: the lowest rate that they can "
            f"promise is {1 / (len(scores) + 1):.3g}; add good scans to validation, or raise the "
            "rate"
        )
    return decision_threshold(scores, target_fpr)


def moved(voting: VotingModel, threshold: float | None, target_fpr: float | None) -> VotingModel:
    """The voting model with a threshold of one's own, or that of a target; neither: as it is."""
    if threshold is None and target_fpr is not None:
        threshold = threshold_for(voting, target_fpr)
    return voting if threshold is None else replace(voting, threshold=threshold)


def read_thresholds(bundle: Path) -> tuple[VotingModel, LabelledScores | None]:
    """The voting model of a bundle, and the scores of its test scans, where it has them.

    Raises:
        BundleError, CacheError: there is no bundle, or it is damaged.
    """
    manifest = read_manifest(bundle)
    voting = VotingModel.load(bundle / VOTING_FILE)
    tested = LabelledScores.load(bundle / TESTED_FILE) if TESTED_FILE in manifest.files else None
    return voting, tested


def write_moved(bundle: Path, out: Path, threshold: float, note: str) -> None:
    """Write a bundle that differs from another one in its threshold; `out` appears whole.

    Args:
        note: who set it, and why; kept in the bundle.

    Raises:
        BundleError: `out` is there and is no bundle, or `bundle` is none or damaged.
    """
    voting, _ = read_thresholds(bundle)
    if out.exists() and not (out / BUNDLE_FILE).is_file():
        raise BundleError(f"{out} holds something else than a bundle: name another folder")
    with folder_replaced_whole(out) as folder:
        for path in sorted(bundle.iterdir()):
            shutil.copyfile(path, folder / path.name)
        replace(voting, threshold=threshold, note=note).save(folder / VOTING_FILE)
        content = parse_json((bundle / BUNDLE_FILE).read_text(encoding="utf-8"))
        content.pop("sha256", None)
        content["files"][VOTING_FILE] = file_sha256(folder / VOTING_FILE)
        text = sealed_text(content | {"schema_version": SCHEMA})
        (folder / BUNDLE_FILE).write_text(text, encoding="utf-8")


def _held_out(voting: VotingModel) -> tuple[float, ...]:
    if not voting.held_out_scores:
        raise ConfigError(
            "this model is of a release that did not keep the scores of its calibration scans; "
            "write the bundle again with `mentor3ad bundle` after `dvc repro`"
        )
    return voting.held_out_scores


def _above(scores: Sequence[float], threshold: float) -> int:
    return int(exceeds(scores, threshold).sum())


def _not_above(scores: Sequence[float], threshold: float) -> int:
    return len(scores) - _above(scores, threshold)
