"""Prepare one category: list its scans, find the part in each, bring the masks to 224 x 224."""

import os
from pathlib import Path

from mentor3ad.params.schema import Params
from mentor3ad.plumbing.logs import Figures
from mentor3ad.plumbing.progress import progress
from mentor3ad.preparation.prepare import prepare_category
from mentor3ad.preparation.summary import describe

from .runner import HERE, run_category


def prepare(params: Params, category: str) -> Figures:
    manifest = prepare_category(
        Path(params.data.root),
        category,
        HERE.prepared(category),
        params.data.preparation,
        params.data,
        workers=params.runtime.workers or os.cpu_count() or 1,
        note=print,
        bar=lambda scans: progress(scans, f"prepare {category}", "scan"),
    )
    print(describe(manifest))
    return {"scans": len(manifest.rows)}


if __name__ == "__main__":
    run_category(prepare)
