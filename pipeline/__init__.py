"""Mentor3AD: multimodal (RGB + point cloud) anomaly detection from a feature cache."""

from .plumbing.version import __version__ as __version__
