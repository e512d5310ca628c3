"""What makes F_XYZ of a scan's points. A kind is a module here, and its line in `KINDS`."""

from ...params.schema import PointFeatures
from . import normals, point_mae
from .kind import PointGeometry, PointKind

KINDS: dict[str, PointKind] = {"point_mae": point_mae.KIND, "normals": normals.KIND}

__all__ = ["KINDS", "PointGeometry", "PointKind", "point_kind"]


def point_kind(options: PointFeatures) -> PointKind:
    """The kind that the params name."""
    return KINDS[options.model]
