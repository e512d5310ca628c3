"""The out of the vote: a category's anomaly maps and the model that made them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..cache.maps import ANOMALY_FILE, ANOMALY_KIND
from ..cache.reader import Store
from ..seals.seal import SEAL_FILE
from ..seals.sealed import Sealed
from .model import VOTING_FILE, VotingModel

VOTES = "votes"  # the kind of the out


@dataclass(frozen=True)
class Votes:
    """The votes of a category, which belong together.

    Attributes:
        maps: the store of the anomaly maps.
    """

    sealed: Sealed
    model: VotingModel
    maps: Store

    @classmethod
    def open(cls, folder: Path, category: str) -> Votes:
        """Raises CacheError where a part is missing, damaged, or of another vote."""
        sealed = Sealed.open(folder, VOTES, category)
        model = VotingModel.parse(sealed.read(VOTING_FILE), folder / VOTING_FILE)
        sealed.read(f"{ANOMALY_FILE}/{SEAL_FILE}")
        return cls(sealed, model, Store.open(folder / ANOMALY_FILE, ANOMALY_KIND, category))
