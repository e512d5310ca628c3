"""The model of a finished project, which is loaded only if all its parts are of one run."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from ..cache.maps import ANOMALY, SCORES_KIND
from ..cache.reader import Store
from ..dataset.manifest import Manifest, load_foreground
from ..extraction.identity import store_manifest
from ..extraction.scan import Backbones
from ..features.store import KIND
from ..fusion.network import Fusion
from ..guidance.network import Guidance
from ..mentor.modules import load_module
from ..params.project import Project
from ..params.schema import Params, load_params
from ..plumbing.errors import CacheError, ConfigError
from ..plumbing.files import check_inside
from ..scoring.scorer import Scorer, score_inputs
from ..seals.sealed import open_chain
from ..voting.model import object_score
from ..voting.votes import Votes
from .model import InspectionModel, Settings, configure_device
from .tested import LabelledScores

INPUTS = ("prepared", "features", "mfm", "mgm", "scores", "votes")  # of a model


@dataclass(frozen=True)
class Finished:
    """A category of a project after `dvc repro`."""

    project: Project
    params: Params
    category: str
    manifest: Manifest

    @classmethod
    def open(cls, root: Path, category: str) -> "Finished":
        """Raises ConfigError or DataError where the project does not have the category."""
        project = Project(root)
        params = load_params(project.params)
        if category not in params.data.categories:
            known = ", ".join(params.data.categories)
            raise ConfigError(
                f"category {category}: not among data.categories ({known}) of {project.params}"
            )
        return cls(project, params, category, Manifest.load(project.prepared(category)))

    @property
    def settings(self) -> Settings:
        row = self.manifest.rows[0]
        return Settings(
            layout=row.layout,
            units=row.units,
            invalid=row.invalid,
            bits=row.bits,
            own_colours=row.rgb == row.points,
            light=self.params.data.light,
            preparation=self.manifest.options,
            features=self.params.features,
            precision=self.params.model.precision,
            part_pixels=self._part_pixels(),
        )

    def _part_pixels(self) -> tuple[int, int] | None:
        good = [row.n_foreground for row in self.manifest.rows if row.split != "test"]
        return (min(good), max(good)) if good else None

    def tested(self) -> LabelledScores | None:
        """The object scores of the test scans; None: there is none with a known label."""
        rows = [
            (i, row.label)
            for i, row in enumerate(self.manifest.rows)
            if row.split == "test" and row.label is not None
        ]
        if not rows:
            return None
        maps = Votes.open(self.project.votes(self.category), self.category).maps
        foreground = load_foreground(self.project.prepared(self.category), self.manifest)
        scores: tuple[list[float], list[float]] = ([], [])
        for i, label in rows:
            scores[label].append(object_score(maps.read(ANOMALY.name, i), foreground[i]))
        return LabelledScores(good=tuple(sorted(scores[0])), defective=tuple(sorted(scores[1])))

    @property
    def camera(self) -> Path | None:
        root = self.project.root / self.params.data.root
        camera = self.manifest.rows[0].sidecars.get("camera")
        return None if camera is None else check_inside(root, root / camera)

    def check(self, backbones: Backbones) -> None:
        """Refuse outputs that were not made from the present params, or not from each other.

        Raises:
            CacheError: a store is missing or damaged, or was made from something else.
        """
        self._check(backbones.sha256(), backbones.precision)

    def check_params(self) -> None:
        """`check` without the backbones: with the weights and the precision that features name."""
        features = Store.open(self.project.features(self.category), KIND, self.category).manifest
        of = {name: features.inputs[name] for name in ("rgb", "points")}
        weights = {name: inputs.get("weights", "") for name, inputs in of.items()}
        precision = {name: inputs.get("precision", "") for name, inputs in of.items()}
        self._check(weights, precision)

    def _check(self, weights: dict[str, str], precision: dict[str, str]) -> None:
        project, category, params = self.project, self.category, self.params
        open_chain(category, project.outs(category, *INPUTS))
        if self.manifest.options != params.data.preparation:
            raise _outdated(project.prepared(category))
        features = Store.open(project.features(category), KIND, category).manifest
        if params.features.precision == "auto":  # it may mean another one elsewhere
            precision = {name: features.inputs[name].get("precision", "") for name in precision}
        made = store_manifest(self.manifest, params.features, weights, precision)
        if features.fingerprint != made.fingerprint:
            raise _outdated(project.features(category))
        scores = Store.open(project.scores(category), SCORES_KIND, category).manifest
        modules = project.mfm(category), project.mgm(category)
        _same(
            project.scores(category),
            scores.inputs,
            score_inputs(features, *modules, params.model.precision),
        )
        votes = Votes.open(project.votes(category), category)
        voting = {"scores": scores.fingerprint, "voting": params.voting.model_dump()}
        _same(project.votes(category), votes.maps.manifest.inputs, voting)

    def load(self, device: torch.device) -> InspectionModel:
        """Raises CacheError or WeightsError where a part is missing, damaged or outdated."""
        backbones = Backbones.load(self.params.features, device)
        self.check(backbones)
        fusion = load_module(Fusion, self.project.mfm(self.category), device)
        guidance = load_module(Guidance, self.project.mgm(self.category), device)
        scorer = Scorer(fusion, guidance, self.params.model.precision)
        votes = Votes.open(self.project.votes(self.category), self.category)
        return InspectionModel(
            self.category,
            self.settings,
            self.camera,
            backbones,
            scorer,
            votes.model,
            likeness=votes.likeness,
        )


def load_project(root: Path, category: str, device: str) -> InspectionModel:
    """The model of a project's category.

    Raises:
        ConfigError, DataError, CacheError, WeightsError: see `Finished`.
    """
    finished = Finished.open(root, category)
    return finished.load(configure_device(device, finished.params))


def _same(path: Path, found: Mapping[str, object], expected: Mapping[str, object]) -> None:
    if found != expected:
        raise _outdated(path)


def _outdated(path: Path) -> CacheError:
    return CacheError(
        f"{path} was made with other params, weights or inputs than there are now; run `dvc repro`"
    )
