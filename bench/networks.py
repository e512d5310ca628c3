"""Loads the networks of a preset, with random weights, and ends.

python -m bench.networks PRESET
"""

import sys

import torch

from bench.project import params_of, settings
from mentor3ad.extraction.scan import Backbones

RANDOM = {"features.rgb.weights": "random", "features.points.weights": "random"}

if __name__ == "__main__":
    Backbones.load(params_of(settings(sys.argv[1], RANDOM)).features, torch.device("cpu"))
