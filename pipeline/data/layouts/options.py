"""What a user says of a data set's layout."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.data.scan import Layout, Units
from pipeline.errors import ConfigError

LIGHTS = range(6)  # of Eyecandies


@dataclass(frozen=True)
class LayoutOptions:
    """How the files of a data set are arranged; docs/data-layouts.md draws each layout.

    Attributes:
        layout: mvtec3d, eyecandies or folder.
        light: eyecandies: which of its six images to use, 0 to 5; published 3-D code uses 4.
        test_private: eyecandies: list the test scans that have no masks, too.
        units: folder: unit of the geometry's coordinates; the other layouts fix it.
        camera: folder: file of the pinhole camera, relative to the category's folder or to the
            root; None looks for camera.json, .yaml or .yml there.
        test_share: folder without splits: share of the good scans that is kept for the test.
    """

    layout: Layout = "mvtec3d"
    light: int = 4
    test_private: bool = False
    units: Units = "m"
    camera: str | None = None
    test_share: float = 0.2

    def __post_init__(self) -> None:
        if self.light not in LIGHTS:
            raise ConfigError(f"data.light is {self.light}: Eyecandies has the lights 0 to 5.")
        if not 0 < self.test_share < 1:
            raise ConfigError(f"data.test_share is {self.test_share}: set it between 0 and 1.")
