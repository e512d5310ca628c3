"""Size and speed of each codec on the features that are in data/features.

    python -m bench.codecs bagel

Writes the category's store again with every codec, in a temporary folder, and reads it back.
"""

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from pipeline.cache.features import KIND
from pipeline.cache.reader import Store
from pipeline.cache.schema import CODECS
from pipeline.cache.writer import write_store
from stages.runner import features


def main(category: str) -> None:
    source = Store.open(features(category), KIND, category)
    arrays = {spec.name: source.read_samples(spec.name) for spec in source.manifest.arrays}
    megabytes = sum(array.nbytes for array in arrays.values()) / 1e6
    print("| codec | size, raw = 1 | write MB/s | read MB/s |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        for codec in CODECS:
            out = Path(name) / codec
            manifest = replace(source.manifest, codec=codec)
            start = time.perf_counter()
            write_store(
                out,
                manifest,
                lambda r: {k: v[r.start : r.stop] for k, v in arrays.items()},
                Path(name),
            )
            written = time.perf_counter() - start
            start = time.perf_counter()
            Store.open(out, KIND, category).verify()
            read = time.perf_counter() - start
            size = sum(f.stat().st_size for f in out.rglob("*") if f.is_file()) / 1e6
            print(
                f"| {codec} | {size / megabytes:.2f} | {megabytes / written:.0f} "
                f"| {megabytes / read:.0f} |"
            )


if __name__ == "__main__":
    main(sys.argv[1])
