"""All that the inspection of a category's parts needs, from a project or from a bundle."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import field_validator

from ..compute.device import select_device
from ..compute.process import configure_process
from ..dataset.grid import SIZE
from ..extraction.scan import Backbones
from ..params.runtime import own_runtime
from ..params.schema import (
    PAPER_POINTS,
    PAPER_RGB,
    Bits,
    Count,
    Features,
    Finite,
    Light,
    Params,
    Precision,
    Preparation,
    Section,
    Units,
)
from ..plumbing.errors import UnlikeTrainingError
from ..scoring.scorer import Scorer
from ..voting.likeness import Likeness
from ..voting.model import VotingModel


class Settings(Section):
    """The params that a prediction depends on."""

    layout: str
    units: Units
    invalid: Finite | None = None  # what stands for no return in the geometry
    bits: Bits | None = None  # in use of images with 16 a channel
    own_colours: bool = False  # folder: clouds that bring their colours need no image
    light: Light  # eyecandies: which of its images
    preparation: Preparation
    features: Features
    precision: Precision
    # Least and most foreground pixels at 224 x 224 of the good scans behind the model; None in
    # bundles of schema 1, which do not say.
    part_pixels: tuple[Count, Count] | None = None

    @field_validator("features", mode="before")
    @classmethod
    def _of_the_paper(cls, value: Any) -> Any:
        """A bundle from before there was a choice of backbones has the paper's."""
        if not isinstance(value, dict):
            return value
        made = dict(value)
        for name, paper in (("rgb", PAPER_RGB), ("points", PAPER_POINTS)):
            given = value.get(name, {})
            made[name] = {**paper, **given} if isinstance(given, dict) else given
        return made


FAR = 10  # times fewer or more pixels than any good scan had: no part like those, whole or not


def check_like_training(pixels: int, settings: Settings, name: str) -> None:
    """Refuse a scan that shows far less or more of a part than the good scans of the training.

    Raises:
        UnlikeTrainingError: it does.
    """
    if settings.part_pixels is None:
        return
    least, most = settings.part_pixels
    if not least / FAR <= pixels <= most * FAR:
        raise UnlikeTrainingError(
            f"{name} shows {pixels} pixels of a part at {SIZE} x {SIZE}, but the good scans of the "
            f"training {least} to {most}: it is too unlike them to be decided; scan it as those."
        )


@dataclass(frozen=True)
class InspectionModel:
    """Everything between a scan and a decision, on one device."""

    category: str
    settings: Settings
    camera: Path | None  # file of the pinhole camera, where the geometry needs one
    backbones: Backbones
    scorer: Scorer
    voting: VotingModel
    version: str | None = None  # of the bundle; None: a project's model
    likeness: Likeness | None = None  # None: a bundle of schema 1 or 2, or the check is off

    @property
    def device(self) -> torch.device:
        return self.backbones.device


def configure_device(name: str, params: Params | None = None) -> torch.device:
    """Set up this process for a model, and choose its device: auto, cpu, cuda or cuda:N.

    Args:
        params: the project's, which may name a number of threads; None: of a bundle.

    Raises:
        ConfigError: no such name, or CUDA where there is none.
    """
    runtime = own_runtime(name)
    if params is not None:
        runtime = params.runtime.model_copy(update={"device": runtime.device})
    configure_process(runtime)
    return select_device(runtime)
