"""How often good scans exceed the threshold, beside what its held-out scans promise.

    python -m bench.promise PROJECT --held-out 4 --held-out 8 --draws 50

Of the good scans of a finished project that no module was trained on, so many are drawn to fit the
voting module, and the others are judged. The promise is that of decision 4. `as fitted` takes the
threshold from the scores that the fitted rule itself gives to the scans that it was fitted to.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from bench.table import table
from mentor3ad.cache.maps import SCORES, SCORES_KIND
from mentor3ad.cache.reader import Store
from mentor3ad.calibration.conformal import conformal_rank, expected_rate
from mentor3ad.dataset.manifest import Manifest, load_foreground
from mentor3ad.params.project import Project
from mentor3ad.params.schema import Params, Voting, load_params
from mentor3ad.voting.model import VotingModel, exceeds, fit_voting, object_score

TRAINING = 8  # scans that the paper rule's scale is fitted to


class Good:
    """Score maps and foregrounds of good scans: those that train, and those that do not."""

    def __init__(self, project: Project, category: str) -> None:
        manifest = Manifest.load(project.prepared(category))
        store = Store.open(project.scores(category), SCORES_KIND, category)
        foreground = load_foreground(project.prepared(category), manifest)
        rows = list(enumerate(manifest.rows))
        train = [i for i, row in rows if row.split == "train"][:TRAINING]
        self.unseen = [i for i, row in rows if row.split != "train" and row.label == 0]
        self.train = [store.read(SCORES.name, i) for i in train]
        self.maps = {i: store.read(SCORES.name, i) for i in self.unseen}
        self.foreground = {i: foreground[i] for i in self.unseen}

    def fit(self, scans: Sequence[int], options: Voting) -> VotingModel:
        return fit_voting(self.train, [self.maps[i] for i in scans], options)

    def scores(self, model: VotingModel, scans: Sequence[int]) -> list[float]:
        return [object_score(model.anomaly_map(self.maps[i]), self.foreground[i]) for i in scans]

    def rates(self, held_out: int, options: Voting, rng: np.random.Generator) -> tuple[float, ...]:
        """False-alarm rates of the threshold, and of one by scores of scans that were fitted to."""
        drawn = [int(i) for i in rng.permutation(self.unseen)]
        calibrating, judged = drawn[:held_out], drawn[held_out:]
        model = self.fit(calibrating, options)
        rank = conformal_rank(held_out, options.target_fpr)
        seen = sorted(self.scores(model, calibrating))[rank - 1]
        scores = self.scores(model, judged)
        return tuple(float(np.mean(exceeds(scores, limit))) for limit in (model.threshold, seen))


def rates(
    categories: Mapping[str, Good], held_out: int, draws: int, params: Params
) -> dict[str, object]:
    """A row of the table: means over draws, and their standard errors over the draws."""
    rng = np.random.default_rng(0)
    taken = np.array(
        [
            good.rates(held_out, params.voting, rng)
            for good in categories.values()
            for _ in range(draws)
        ]
    )
    mean, error = taken.mean(axis=0), taken.std(axis=0, ddof=1) / np.sqrt(len(taken))
    return {
        "what": f"{held_out} held-out scans",
        "promised": expected_rate(held_out, params.voting.target_fpr),
        "alarms": float(mean[0]),
        "as_fitted": float(mean[1]),
        "standard_errors": error.tolist(),
    }


def main(
    project: Path,
    held_out: Annotated[list[int], typer.Option(min=2, help="May be repeated.")],
    draws: Annotated[int, typer.Option(min=2, help="Of each category.")] = 50,
) -> None:
    """Measure the false alarms of a finished project's rule over draws of its good scans."""
    params = load_params(project / "params.yaml")
    categories = {name: Good(Project(project), name) for name in params.data.categories}
    print("\n".join(table([rates(categories, count, draws, params) for count in held_out])))


if __name__ == "__main__":
    typer.run(main)
