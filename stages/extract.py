"""Extract the frozen backbones' features of one category into its store, once."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from mentor3ad.buckets.raw import raw_scans
from mentor3ad.compute.device import select_device
from mentor3ad.compute.process import configure_process
from mentor3ad.extraction.category import extract_category
from mentor3ad.extraction.dispatched import extract_on_cluster
from mentor3ad.params.schema import Params
from mentor3ad.plumbing.logs import Figures
from mentor3ad.plumbing.progress import progress

from .runner import HERE, run_category, staging


def extract(params: Params, category: str) -> Figures:
    def bar(shards: Sequence[int]) -> Iterator[int]:
        return progress(shards, f"extract {category}", "scan", scale=params.features.shard)

    prepared, root, out = HERE.prepared(category), Path(params.data.root), HERE.features(category)
    rest = out, params.features, staging()
    if params.runtime.engine == "ray":  # whose workers fetch what they read themselves
        done = extract_on_cluster(prepared, root, *rest, params.runtime, bar)
    else:
        device, store = select_device(params.runtime), params.runtime.store
        with raw_scans(root, category, staging()) as raw:
            where = prepared, raw.root, *rest
            done = extract_category(*where, device, bar, bucket=store, fetching=raw.fetching)
    print(f"extract {category}: {done}")
    return asdict(done)


if __name__ == "__main__":
    run_category(extract, configure_process)
