"""Mentor3AD: multimodal (RGB + point cloud) anomaly detection from a feature cache."""

__version__ = "0.1.0"
