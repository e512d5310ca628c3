"""Prepare one category: list its scans, find the part in each, bring the masks to 224 x 224."""

import os
from pathlib import Path

from pipeline.config import Params
from pipeline.data.options import layout_options, prepare_options
from pipeline.data.prepare import prepare_category
from pipeline.data.summary import describe
from pipeline.logs import Figures
from pipeline.progress import progress
from stages.runner import prepared, run_category


def prepare(params: Params, category: str) -> Figures:
    manifest = prepare_category(
        Path(params.data.root),
        category,
        prepared(category),
        prepare_options(params.data),
        layout_options(params.data),
        workers=params.runtime.workers or os.cpu_count() or 1,
        progress=lambda scans, desc, total: progress(scans, desc, "scan", total),
    )
    print(describe(manifest))
    return {"scans": len(manifest.rows)}


if __name__ == "__main__":
    run_category(prepare)
