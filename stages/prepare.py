"""Prepare one category: list its scans, find the part in each, bring the masks to 224 x 224."""

import os
from pathlib import Path

from mentor3ad.buckets.raw import raw_scans
from mentor3ad.params.schema import Params
from mentor3ad.plumbing.logs import Figures
from mentor3ad.plumbing.progress import progress
from mentor3ad.preparation.dispatched import by_workers
from mentor3ad.preparation.prepare import prepare_category
from mentor3ad.preparation.summary import describe

from .runner import HERE, run_category, staging


def prepare(params: Params, category: str) -> Figures:
    root, each = Path(params.data.root), None
    if params.runtime.engine == "ray":
        each = by_workers(root.absolute(), category, params.runtime)
    with raw_scans(root, category, staging(), names=True) as raw:
        manifest = prepare_category(
            raw.root,
            category,
            HERE.prepared(category),
            params.data.preparation,
            params.data,
            workers=params.runtime.workers or os.cpu_count() or 1,
            note=print,
            bar=lambda scans: progress(scans, f"prepare {category}", "scan"),
            each=each,
            fetching=raw.fetching,
        )
    print(describe(manifest))
    return {"scans": len(manifest.rows)}


if __name__ == "__main__":
    run_category(prepare)
