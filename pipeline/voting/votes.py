"""The out of the vote: a category's anomaly maps and the model that made them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..cache.maps import ANOMALY_FILE, ANOMALY_KIND
from ..cache.reader import Store
from ..seals.seal import SEAL_FILE
from ..seals.sealed import Sealed
from .likeness import LIKENESS_FILE, UNLIKE_FILE, Likeness
from .model import VOTING_FILE, VotingModel

VOTES = "votes"  # the kind of the out


@dataclass(frozen=True)
class Votes:
    """The votes of a category, which belong together.

    Attributes:
        maps: the store of the anomaly maps.
        likeness: None where the check is off.
        unlike: why scans are unlike the training, by id.
    """

    sealed: Sealed
    model: VotingModel
    maps: Store
    likeness: Likeness | None
    unlike: Mapping[str, str]

    @classmethod
    def open(cls, folder: Path, category: str) -> Votes:
        """Raises CacheError where a part is missing, damaged, or of another vote."""
        sealed = Sealed.open(folder, VOTES, category)
        model = VotingModel.parse(sealed.read(VOTING_FILE), folder / VOTING_FILE)
        sealed.read(f"{ANOMALY_FILE}/{SEAL_FILE}")
        maps = Store.open(folder / ANOMALY_FILE, ANOMALY_KIND, category)
        if LIKENESS_FILE not in sealed.seal.files:
            return cls(sealed, model, maps, None, {})
        likeness = Likeness.parse(sealed.read(LIKENESS_FILE), folder / LIKENESS_FILE)
        return cls(sealed, model, maps, likeness, sealed.read_json(UNLIKE_FILE))
