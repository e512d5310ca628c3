"""Where a project keeps what each stage makes; these are the paths of the outs in dvc.yaml.

The names of the files in an out are those of the room that writes them.
"""

from dataclasses import dataclass
from pathlib import Path

from ..plumbing.errors import ConfigError
from .dag import DAG_FILE
from .schema import INVENTORIES, PARAMS_FILE

# The losses in the folder of either module. Named here, for the report reads it without torch.
LOSS_FILE = "loss.json"


def find_project(start: Path) -> Path:
    """Return the nearest folder of a project, from a folder upwards.

    Raises:
        ConfigError: there is none.
    """
    for folder in (start, *start.parents):
        if (folder / PARAMS_FILE).is_file() and (folder / DAG_FILE).is_file():
            return folder
    raise ConfigError(
        f"neither {start} nor a folder above it is a project, which has params.yaml and dvc.yaml: "
        "change into one, or make one with `mentor3ad new DIR --from SCANS`"
    )


@dataclass(frozen=True)
class Project:
    """The folder that holds params.yaml and dvc.yaml."""

    root: Path = Path()

    @property
    def params(self) -> Path:
        return self.root / PARAMS_FILE

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def demo(self) -> Path:
        return self.data / "demo"

    def inventory(self, category: str) -> Path:
        """What there is of a category's raw scans in a bucket."""
        return self.root / INVENTORIES / category

    def prepared(self, category: str) -> Path:
        return self.data / "prepared" / category

    def features(self, category: str) -> Path:
        return self.data / "features" / f"{category}.zarr"

    def mfm(self, category: str) -> Path:
        return self.data / "mfm" / category

    def mgm(self, category: str) -> Path:
        return self.data / "mgm" / category

    def scores(self, category: str) -> Path:
        return self.data / "scores" / f"{category}.zarr"

    def votes(self, category: str) -> Path:
        return self.data / "votes" / category

    def evaluation(self, category: str) -> Path:
        return self.data / "eval" / category

    def outs(self, category: str, *kinds: str) -> dict[str, Path]:
        """The folders of a category's outs by the kinds that their seals say; all without any."""
        every = {
            "prepared": self.prepared(category),
            "features": self.features(category),
            "mfm": self.mfm(category),
            "mgm": self.mgm(category),
            "scores": self.scores(category),
            "votes": self.votes(category),
            "eval": self.evaluation(category),
        }
        return {kind: every[kind] for kind in kinds or every}

    def rivals(self, category: str) -> Path:
        """The metrics of other methods on the category."""
        return self.data / "rivals" / f"{category}.json"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def metrics(self) -> Path:
        """The headline metrics of all categories, which DVC shows and compares."""
        return self.reports / "metrics.json"

    @property
    def results(self) -> Path:
        """All metrics of all categories and of their kinds of defects."""
        return self.reports / "results.json"

    @property
    def rival_results(self) -> Path:
        """The metrics of other methods on all categories."""
        return self.reports / "rivals.json"

    @property
    def page(self) -> Path:
        return self.reports / "index.html"

    @property
    def plots(self) -> Path:
        return self.reports / "plots"

    @property
    def heatmaps(self) -> Path:
        return self.reports / "heatmaps"
