"""From params.yaml to the options of the data: for the stages and for prediction alike."""

from pipeline.config import Data
from pipeline.data.foreground import PrepareOptions
from pipeline.data.layouts import LayoutOptions


def layout_options(data: Data) -> LayoutOptions:
    return LayoutOptions(
        layout=data.layout,
        light=data.light,
        test_private=data.test_private,
        units=data.units,
        camera=data.camera,
        test_share=data.test_share,
    )


def prepare_options(data: Data) -> PrepareOptions:
    return PrepareOptions(plane_removal=data.plane_removal, **data.foreground.model_dump())
