"""All that the inspection of a category's parts needs, from a project or from a bundle."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from pydantic import ValidationError

from ..compute.device import select_device
from ..dataset.scan import Layout, Units
from ..extraction.scan import Backbones
from ..params.schema import Features, Params, Preparation, Runtime, Section
from ..plumbing.errors import ConfigError
from ..scoring.scorer import Scorer
from ..voting.model import VotingModel


class Settings(Section):
    """What of the params a prediction depends on."""

    layout: Layout
    units: Units
    own_colours: bool = False  # folder: clouds that bring their colours need no image
    light: int  # eyecandies: which of its images
    preparation: Preparation
    features: Features
    precision: Literal["auto", "float32", "bfloat16"]


@dataclass(frozen=True)
class Model:
    """Everything between a scan and a decision, on one device."""

    category: str
    settings: Settings
    camera: Path | None  # file of the pinhole camera, where the geometry needs one
    backbones: Backbones
    scorer: Scorer
    voting: VotingModel

    @property
    def device(self) -> torch.device:
        return self.backbones.device


def device_of(name: str, params: Params | None = None) -> torch.device:
    """The device called auto, cpu, cuda or cuda:N, set up as a project's params say, if any.

    Raises:
        ConfigError: no such name, or CUDA where there is none.
    """
    none = dict.fromkeys(Runtime.model_fields)
    given = none if params is None else params.runtime.model_dump()
    try:
        return select_device(Runtime(**(given | {"device": name})))
    except ValidationError:
        raise ConfigError(f"device {name!r}: give auto, cpu, cuda or cuda:N") from None
