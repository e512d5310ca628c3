"""Which good scans train and which are held out, to calibrate on."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.data.manifest import ManifestRow
from pipeline.errors import TrainingError


@dataclass(frozen=True)
class Split:
    """Positions in the manifest."""

    train: tuple[int, ...]
    held_out: tuple[int, ...]


def split_good_scans(rows: Sequence[ManifestRow], holdout: float) -> Split:
    """Train on the training scans and calibrate on the validation ones.

    A data set without a validation split gives up a share of its training scans instead, chosen
    by content hash: MGM's errors on scans that it was trained on say little about new ones.

    Raises:
        TrainingError: fewer than two good scans in all.
    """
    train = [i for i, row in enumerate(rows) if row.split == "train"]
    held_out = [i for i, row in enumerate(rows) if row.split == "validation" and not row.label]
    if not held_out and len(train) > 1:
        count = min(max(1, round(holdout * len(train))), len(train) - 1)
        held_out = sorted(sorted(train, key=lambda i: rows[i].sha256)[:count])
        train = [i for i in train if i not in held_out]
    if not train or not held_out:
        raise TrainingError(
            f"{len(train)} training and {len(held_out)} held-out good scans; at least one of each "
            "is needed"
        )
    return Split(tuple(train), tuple(held_out))
