"""Size and speed of each codec on extracted features."""

import time
from dataclasses import replace
from typing import get_args

from bench.figures import Row
from bench.harness import Bench
from mentor3ad.cache.reader import Store
from mentor3ad.features.store import KIND
from mentor3ad.params.project import Project
from mentor3ad.params.schema import Codec
from mentor3ad.publishing.writer import write_store
from testbed.stores import verify


def codecs(bench: Bench) -> list[Row]:
    """The demo category's store, written again with every codec and read back from the page
    cache; bytes are those of the arrays."""
    category = bench.demo.params.data.categories[0]
    source = Store.open(Project(bench.demo.root).features(category), KIND, category)
    arrays = {spec.name: source.read_samples(spec.name) for spec in source.manifest.arrays}
    megabytes = sum(array.nbytes for array in arrays.values()) / 1e6
    rows = []
    for codec in get_args(Codec):
        out = bench.folder / "codecs" / codec
        manifest = replace(source.manifest, codec=codec)
        start = time.perf_counter()
        write_store(
            out,
            manifest,
            lambda r: {k: v[r.start : r.stop] for k, v in arrays.items()},
            bench.folder / "codecs" / "staging",
        )
        written = time.perf_counter() - start
        store = Store.open(out, KIND, category)
        start = time.perf_counter()
        verify(store)
        read = time.perf_counter() - start
        size = sum(f.stat().st_size for f in out.rglob("*") if f.is_file()) / 1e6
        speed = {"write_mb_per_s": megabytes / written, "read_mb_per_s": megabytes / read}
        rows.append(Row(codec, {"mb": size, "share_of_raw": size / megabytes, **speed}))
    return rows
