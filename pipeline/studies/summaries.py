"""What a finished project's models were made from, promise and reach, in a line a category."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..calibration.conformal import expected_rate
from ..dataset.manifest import Manifest
from ..params.project import Project
from ..params.schema import load_params
from ..plumbing.documents import LARGE, DocumentError, read_json
from ..plumbing.errors import CacheError
from ..splits.good_scans import good_scans
from ..voting.model import VOTING_FILE, VotingModel


@dataclass(frozen=True)
class ModelSummary:
    """What there is to say of the model of a category.

    Attributes:
        learned_from, calibrated_on: numbers of good scans.
        threshold: of the object score.
        promised, wanted: the rate of false alarms that the threshold promises on average, and
            voting.target_fpr.
        i_auroc, aupro_30: of the test scans; None: they do not tell.
        false_alarms, good, misses, defective: counts of test scans.
    """

    category: str
    learned_from: int
    calibrated_on: int
    threshold: float
    promised: float
    wanted: float
    i_auroc: float | None
    aupro_30: float | None
    false_alarms: int
    good: int
    misses: int
    defective: int


def model_summaries(root: Path) -> Iterator[ModelSummary]:
    """Yield what there is to say of each category of a project after `dvc repro`.

    Raises:
        ConfigError, DataError, CacheError: a file of a stage is missing or damaged.
    """
    project = Project(root)
    params = load_params(project.params)
    results = _results(project.results)
    for category in params.data.categories:
        rows = Manifest.load(project.prepared(category)).rows
        split = good_scans(rows, params)
        voting = VotingModel.load(project.votes(category) / VOTING_FILE)
        values = results[category]
        yield ModelSummary(
            category,
            learned_from=len(split.train),
            calibrated_on=len(split.held_out),
            threshold=voting.threshold,
            promised=expected_rate(voting.calibration_scans, voting.target_fpr),
            wanted=voting.target_fpr,
            i_auroc=values.get("i_auroc"),
            aupro_30=values.get("aupro_30"),
            false_alarms=int(values["decisions"].get("false_alarms", 0)),
            good=int(values["n_good"]),
            misses=int(values["decisions"].get("misses", 0)),
            defective=int(values["n_defect"]),
        )


def _results(path: Path) -> Any:
    try:
        return read_json(path, LARGE)
    except (OSError, DocumentError) as error:
        raise CacheError(f"{path} cannot be read ({error}): run `mentor3ad train` again") from None
