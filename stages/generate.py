"""Generate one category of the demo data set, in MVTec 3D-AD's layout."""

from mentor3ad.demo.generate import generate_category
from mentor3ad.params.schema import Params

from .runner import HERE, run_category


def generate(params: Params, category: str) -> None:
    generate_category(HERE.demo, category, params.demo, workers=params.runtime.workers)


if __name__ == "__main__":
    run_category(generate)
