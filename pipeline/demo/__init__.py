"""A generated RGB + point-map data set in MVTec 3D-AD's layout; the pipeline runs offline on it."""

from .generate import DemoOptions, generate, generate_category
from .parts import CATEGORIES
from .scan import Scan, render_scan

__all__ = ["CATEGORIES", "DemoOptions", "Scan", "generate", "generate_category", "render_scan"]
