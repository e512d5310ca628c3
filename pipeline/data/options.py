"""What params.yaml's data section says to listing and preparation."""

from __future__ import annotations

from pipeline.config import Data
from pipeline.data.foreground import PrepareOptions
from pipeline.data.layouts.options import LayoutOptions


def layout_options(data: Data) -> LayoutOptions:
    """How the data set is laid out."""
    return LayoutOptions(
        layout=data.layout,
        light=data.light,
        test_private=data.test_private,
        units=data.units,
        camera=data.camera,
        test_share=data.test_share,
    )


def prepare_options(data: Data) -> PrepareOptions:
    """What makes a point part of the foreground."""
    return PrepareOptions(plane_removal=data.plane_removal, **data.foreground.model_dump())
