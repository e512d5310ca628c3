"""Where a project keeps what each stage makes; these are the paths of the outs in dvc.yaml."""

from dataclasses import dataclass
from pathlib import Path

from .schema import PARAMS_FILE


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

    def anomaly(self, category: str) -> Path:
        return self.votes(category) / "anomaly.zarr"

    def voting(self, category: str) -> Path:
        return self.votes(category) / "voting.json"

    def evaluation(self, category: str) -> Path:
        return self.data / "eval" / category
