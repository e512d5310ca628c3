"""Score every scan of one category: S_RGB, S_XYZ and S_Mtr (eq. 5) from the cached features."""

from functools import partial

import numpy as np

from pipeline.cache.features import FeatureCache
from pipeline.cache.maps import SCORES, SCORES_KIND, maps_manifest
from pipeline.cache.writer import write_store
from pipeline.config import Params
from pipeline.data.manifest import Manifest
from pipeline.device import scan_threads, select_device
from pipeline.logs import Figures
from pipeline.modules import load_fusion, load_guidance
from pipeline.pixels import PixelFeatures
from pipeline.progress import progress
from pipeline.scoring import Scorer, score_inputs
from stages.runner import features, mfm, mgm, prepared, run_category, scores, staging


def score(params: Params, category: str) -> Figures:
    device = select_device(params.runtime)
    cache = FeatureCache.open(features(category), category)
    fusion = load_fusion(mfm(category), device)
    guidance = load_guidance(mgm(category), device)
    scorer = Scorer(fusion, guidance, params.model.precision)
    inputs = score_inputs(
        cache.store.manifest, mfm(category), mgm(category), params.model.precision
    )
    manifest = maps_manifest(SCORES_KIND, SCORES, Manifest.load(prepared(category)), inputs)

    def score_scan(sample: int) -> np.ndarray:
        return scorer.score_maps(PixelFeatures([cache.scan(sample)], device), 0)

    bar = partial(
        progress, description=f"score {category}", unit="scan", total=None, scale=manifest.shard
    )
    with scan_threads(device) as pool:

        def score_shard(samples: range) -> dict[str, np.ndarray]:
            return {SCORES.name: np.stack(list(pool.map(score_scan, samples)))}

        write_store(scores(category), manifest, score_shard, staging(), bar)
    return {"scans": len(manifest.samples)}


if __name__ == "__main__":
    run_category(score)
