"""The choice of the good scans that train, and of those that are held out to calibrate on."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from ..dataset.manifest import ManifestRow
from ..params.schema import Data, Params
from ..plumbing.errors import TrainingError
from ..plumbing.words import are, counted


@dataclass(frozen=True)
class TrainingSplit:
    """The positions in the manifest of the scans that train and of those that are held out."""

    train: tuple[int, ...]
    held_out: tuple[int, ...]


def good_scans(rows: Sequence[ManifestRow], params: Params) -> TrainingSplit:
    """`split_good_scans` as the params say."""
    model = params.model
    return split_good_scans(rows, model.holdout, params.data, model.min_held_out)


def split_good_scans(
    rows: Sequence[ManifestRow], holdout: float, data: Data, min_held_out: int = 0
) -> TrainingSplit:
    """Train on the training scans that `data` lets a run use; calibrate on the validation ones.

    `data.train_limit` takes the first so many in the data set's own order, and `data.shots` so many
    of those, in `shot_order`. The test split is always whole.

    A data set without a validation split gives up a share of its visible training scans instead,
    at least one and never all: MGM's errors on scans that it was trained on say little about new
    ones. Both parts only grow with the number of shots (docs/decisions/0008).

    A validation split of fewer than `min_held_out` scans is joined by every fourth visible training
    scan until there are as many (docs/decisions/0019).

    Raises:
        TrainingError: no scan to train on or none to calibrate on, or fewer scans than shots.
    """
    order = _visible(rows, data)
    held_out = [i for i, row in enumerate(rows) if row.split == "validation" and not row.label]
    taken = [i for n, i in enumerate(order) if n % 4 == 3][: max(0, min_held_out - len(held_out))]
    if not held_out:
        taken = [i for n, i in enumerate(order) if _grows(n, holdout)]
    held_out += taken
    away = set(taken)
    train = [i for i in order if i not in away]
    if not train or not held_out:
        raise TrainingError(
            f"{len(train)} training and {len(held_out)} held-out good scans; at least one of each "
            "is needed: add good scans, or raise data.shots and data.train_limit where they are set"
        )
    return TrainingSplit(tuple(sorted(train)), tuple(sorted(held_out)))


def shot_order(rows: Sequence[ManifestRow], seed: int) -> list[int]:
    """Positions of rows in the order in which few-shot training takes them.

    They are ordered by a hash of the seed and of the scan's content. So neither names, nor the
    order of the rows, nor other scans have a say in which of two comes first.
    """
    keys = [hashlib.sha256(f"{seed} {row.sha256}".encode()).digest() for row in rows]
    return sorted(range(len(rows)), key=keys.__getitem__)


def _visible(rows: Sequence[ManifestRow], data: Data) -> list[int]:
    """Positions of the training scans that a run may use, in the order of the shots."""
    train = [i for i, row in enumerate(rows) if row.split == "train"][: data.train_limit]
    if data.shots is not None and data.shots > len(train):
        limit = "" if data.train_limit is None else f" within data.train_limit = {data.train_limit}"
        raise TrainingError(
            f"data.shots = {data.shots}, but there {are(len(train))} "
            f"{counted(len(train), 'training scan')}{limit}; "
            "lower it, or set it to null to train on all"
        )
    order = shot_order([rows[i] for i in train], data.shots_seed)
    return [train[n] for n in order[: data.shots]]


def _grows(n: int, holdout: float) -> bool:
    """Whether the scan after n others is held out, because the share of n + 1 is one scan more.

    The first scan trains and the second is held out, whatever the share.
    """
    return held_out_count(n + 1, holdout) > held_out_count(n, holdout)


def held_out_count(scans: int, holdout: float) -> int:
    """The number of so many training scans that calibrate, where no validation split does."""
    return max(0, min(max(1, round(holdout * scans)), scans - 1))
