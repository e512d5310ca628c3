"""The shapes of the backbones' features, wherever they are stored or read.

A store says its shapes itself; those here are of the paper's backbones, DINO and Point-MAE.
"""

from dataclasses import dataclass

RGB_CHANNELS = 768  # of DINO's ViT-B
POINT_CHANNELS = 1152  # of Point-MAE: three blocks' outputs of 384, one after the other
RGB_SIDE = 28  # cells along a side of DINO's grid, its patches of 8 x 8 pixels


@dataclass(frozen=True)
class Grid:
    """Features of square cells that cover the picture; a pixel's are bilinear between cells."""

    side: int  # cells along a side, at least 2
    channels: int

    @property
    def cells(self) -> int:
        return self.side * self.side


@dataclass(frozen=True)
class Tokens:
    """Features of groups of points; a pixel's are interpolated between its three nearest."""

    count: int  # groups of a scan
    channels: int


@dataclass(frozen=True)
class Shapes:
    """The shapes of the tables that the pixels of a feature store are summed from.

    Attributes:
        rgb: the grid of F_RGB.
        xyz_channels: of F_XYZ.
        xyz_side: cells along a side where F_XYZ lies on a grid; None: each pixel of a scan has
            three indices and weights of its own.
    """

    rgb: Grid
    xyz_channels: int
    xyz_side: int | None = None

    @property
    def channels(self) -> tuple[int, int]:
        """Channels of F_RGB and F_XYZ."""
        return self.rgb.channels, self.xyz_channels


PUBLISHED = Shapes(Grid(RGB_SIDE, RGB_CHANNELS), POINT_CHANNELS)
