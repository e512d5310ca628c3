"""Extract the frozen backbones' features of one category into its store, once."""

from dataclasses import asdict
from pathlib import Path

from mentor3ad.compute.device import select_device
from mentor3ad.compute.process import configure_process
from mentor3ad.extraction.category import extract_category
from mentor3ad.params.schema import Params
from mentor3ad.plumbing.logs import Figures
from mentor3ad.plumbing.progress import progress

from .runner import HERE, run_category, staging


def extract(params: Params, category: str) -> Figures:
    done = extract_category(
        HERE.prepared(category),
        Path(params.data.root),
        HERE.features(category),
        params.features,
        staging(),
        select_device(params.runtime),
        lambda shards: progress(shards, f"extract {category}", "scan", scale=params.features.shard),
    )
    print(f"extract {category}: {done}")
    return asdict(done)


if __name__ == "__main__":
    run_category(extract, configure_process)
