"""Generate one category of the demo data set, in MVTec 3D-AD's layout."""

from mentor3ad.demo import DemoOptions, generate_category
from mentor3ad.params.schema import Params

from .runner import HERE, run_category


def generate(params: Params, category: str) -> None:
    options = DemoOptions(**params.demo.model_dump(exclude={"categories"}))
    generate_category(HERE.demo, category, options, workers=params.runtime.workers)


if __name__ == "__main__":
    run_category(generate)
