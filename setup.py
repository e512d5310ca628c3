"""Which packages the wheel holds; everything else is said in pyproject.toml."""

from setuptools import find_packages, setup

rooms = [f"mentor3ad.{room}" for room in find_packages("pipeline")]
setup(packages=["mentor3ad", "mentor3ad.stages", *rooms])
