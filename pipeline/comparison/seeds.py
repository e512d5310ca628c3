"""How far metrics spread over seeds: experiments that differ in nothing else."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..params.dag import DAG_FILE, LOCK_FILE
from ..params.presets.overlay import load_yaml
from ..plumbing.documents import dump_json
from ..revisions.git import file_at
from ..revisions.settings import content_at
from ..studies.dag import Dag
from ..studies.git import blob_ids
from ..studies.identity import prepared_data
from .sides import Side, experiment_commits, results_at

SEEDS = {("model", "seed"), ("data", "shots_seed")}
UNSHOWN = {"panels", "views"}  # of `evaluate`: they change no metric


@dataclass(frozen=True)
class Spread:
    """A metric over the seeds.

    Attributes:
        mean, deviation: the sample standard deviation.
        seeds: how many there are.
    """

    mean: float
    deviation: float
    seeds: int


def repeats(sides: Sequence[Side]) -> list[list[Mapping[str, Any]]]:
    """For each side the results of itself and of all that differ from it in their seed alone."""
    code = Dag.load().code | {str(DAG_FILE)}
    keys = [_key(side.commit, side.params, code) for side in sides]
    found = [{_seed(side.params): side.results} for side in sides]
    for commit in experiment_commits().values():
        params = content_at(commit)
        key = _key(commit, params, code)
        for i, wanted in enumerate(keys):
            missing = key == wanted and _seed(params) not in found[i]
            if missing and (results := results_at(commit)) is not None:
                found[i][_seed(params)] = results
    return [list(each.values()) for each in found]


def spread(results: Sequence[Mapping[str, Any]], part: str, metric: str) -> Spread | None:
    """None where fewer than two seeds have the metric."""
    values = [each.get(part, {}).get(metric) for each in results]
    numbers = [float(value) for value in values if value is not None]
    if len(numbers) < 2:
        return None
    return Spread(statistics.fmean(numbers), statistics.stdev(numbers), len(numbers))


def _key(commit: str | None, params: Mapping[str, Any], code: frozenset[str]) -> str:
    """Equal for what differs in its seed alone; the workspace counts as of the last commit."""
    lock = load_yaml(file_at(commit or "HEAD", str(LOCK_FILE)) or "{}", LOCK_FILE)
    kept = {
        section: {
            k: v
            for k, v in values.items()
            if (section, k) not in SEEDS and not (section == "evaluate" and k in UNSHOWN)
        }
        for section, values in params.items()
        if section != "runtime"
    }
    parts = [kept, blob_ids(code, commit or "HEAD"), prepared_data(lock)]
    return dump_json(parts, sort_keys=True)


def _seed(params: Mapping[str, Any]) -> str:
    return str([params.get(section, {}).get(key) for section, key in sorted(SEEDS)])
