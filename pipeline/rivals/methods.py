"""The rivals by name: how each is fitted to good scans, and what it then says of a scan."""

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..params.rivals import RivalName
from ..params.schema import Params
from .gaussian import fit_gaussian
from .histograms import fit_histograms
from .mapping import fit_mapping
from .nearest import fit_nearest
from .scans import Scans


class Rival(Protocol):
    """A method that was fitted to good scans and is ready to score others."""

    @property
    def maps(self) -> tuple[str, ...]:
        """The names of its score maps."""
        ...

    @property
    def join(self) -> str:
        """How they become one: see `joined_maps`."""
        ...

    @property
    def bytes(self) -> int:
        """What prediction has to keep in memory of it."""
        ...

    def scores(self, scans: Scans, scan: int) -> NDArray[np.float32]:
        """Its score maps (K, P) at the P foreground pixels of a scan, higher for more anomalous."""
        ...


FITS: Mapping[RivalName, Callable[[Scans, Params, str], Rival]] = {
    "cfm": fit_mapping,
    "nearest": fit_nearest,
    "btf": fit_histograms,
    "gaussian": fit_gaussian,
}
