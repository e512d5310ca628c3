"""The demo's categories: how each part is built and what can be wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..plumbing.errors import ConfigError
from . import biscuit, clutch, nectarine
from .defects import chipped_rim, cleft, fluff, foreign_object, stain, swell
from .surface import Builder, Defect

GOOD = "good"  # MVTec 3D-AD's folder of scans without a defect


@dataclass(frozen=True)
class DemoPart:
    """A category: its builder and its defects by name, in the order of their class ids."""

    build: Builder
    defects: Mapping[str, Defect]

    def class_ids(self) -> dict[str, int]:
        """The mask value of each kind as in MVTec 3D-AD: 255 and downwards, and 0 for good."""
        return {kind: 255 - i for i, kind in enumerate(self.defects)} | {GOOD: 0}


PARTS: Mapping[str, DemoPart] = {
    "biscuit": DemoPart(
        biscuit.build,
        {
            "break": chipped_rim(depth=(2.6, 4.2), radius=(9.0, 14.0), colour=(0.87, 0.74, 0.52)),
            "bump": swell(rise=(2.6, 3.9), radius=(3.8, 7.2)),
            "contamination": foreign_object(
                colours=((0.24, 0.42, 0.60), (0.72, 0.73, 0.72), (0.35, 0.52, 0.34)),
                rods=((0.60, 0.61, 0.62), (0.30, 0.33, 0.36)),
                thickness=(1.2, 2.6),
                gloss=0.4,
            ),
            "crack": cleft(
                depth=(2.0, 3.6),
                width=(0.9, 1.5),
                length=(24.0, 42.0),
                colours=((0.40, 0.26, 0.14), (0.88, 0.73, 0.50)),
                wander=0.18,
            ),
            "dent": swell(rise=(-4.2, -2.8), radius=(3.8, 7.2)),
            "stain": stain(
                ((0.20, 0.13, 0.08), (0.88, 0.82, 0.70)), radius=(5.0, 9.5), strength=(0.5, 0.8)
            ),
        },
    ),
    "clutch": DemoPart(
        clutch.build,
        {
            "broken_lining": clutch.break_lining,
            "bump": swell(rise=(2.0, 3.4), radius=(3.2, 6.5)),
            "contamination": foreign_object(
                colours=((0.62, 0.50, 0.30), (0.70, 0.24, 0.17), (0.70, 0.70, 0.66)),
                rods=((0.70, 0.71, 0.72), (0.25, 0.40, 0.56)),
                thickness=(1.2, 2.6),
                gloss=0.4,
            ),
            "crack": cleft(
                depth=(1.8, 3.2),
                width=(0.8, 1.3),
                length=(20.0, 36.0),
                colours=((0.13, 0.12, 0.11), (0.50, 0.47, 0.42)),
                wander=0.14,
            ),
            "dent": swell(rise=(-3.8, -2.1), radius=(3.8, 7.0)),
            "stain": stain(
                ((0.07, 0.06, 0.045), (0.60, 0.32, 0.14)),
                radius=(5.0, 9.5),
                strength=(0.6, 0.85),
                gloss=0.15,
            ),
        },
    ),
    "nectarine": DemoPart(
        nectarine.build,
        {
            "bruise": stain(
                ((0.36, 0.20, 0.10), (0.44, 0.29, 0.15)), radius=(5.0, 10.0), strength=(0.45, 0.75)
            ),
            "bump": swell(rise=(2.1, 3.6), radius=(4.0, 8.0)),
            "contamination": foreign_object(
                colours=((0.36, 0.45, 0.20), (0.47, 0.35, 0.22), (0.66, 0.66, 0.62)),
                rods=((0.38, 0.28, 0.18), (0.45, 0.40, 0.25)),
                thickness=(1.2, 2.6),
                gloss=0.15,
            ),
            "cut": cleft(
                depth=(2.0, 3.6),
                width=(0.8, 1.3),
                length=(20.0, 36.0),
                colours=((0.60, 0.40, 0.18), (0.92, 0.76, 0.42)),
                wander=0.02,
            ),
            "dent": swell(rise=(-4.0, -2.2), radius=(4.0, 8.0)),
            "mould": fluff((0.50, 0.535, 0.47), rise=(0.8, 1.8), radius=(4.5, 9.0)),
        },
    ),
}

CATEGORIES: tuple[str, ...] = tuple(PARTS)


def find_part(category: str) -> DemoPart:
    """The part of a name. Raises ConfigError for an unknown one."""
    if category not in PARTS:
        raise ConfigError(f"unknown demo category {category!r}; known: {', '.join(CATEGORIES)}")
    return PARTS[category]
