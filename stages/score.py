"""Score every scan of one category: S_RGB, S_XYZ and S_Mtr (eq. 5) from the cached features."""

from functools import partial

import numpy as np

from mentor3ad.cache.maps import SCORES, SCORES_KIND, maps_manifest, scores_spec
from mentor3ad.compute.device import scan_threads, select_device
from mentor3ad.compute.process import configure_process
from mentor3ad.dataset.manifest import Manifest
from mentor3ad.features.pixels import PixelFeatures
from mentor3ad.features.store import FeatureCache
from mentor3ad.fusion.network import Fusion
from mentor3ad.guidance.network import Guidance
from mentor3ad.mentor.modules import load_module
from mentor3ad.params.schema import Params
from mentor3ad.plumbing.logs import Figures
from mentor3ad.plumbing.progress import progress
from mentor3ad.publishing.writer import write_store
from mentor3ad.scoring.scorer import Scorer, score_inputs
from mentor3ad.seals.sealed import open_chain

from .runner import HERE, run_category, staging


def score(params: Params, category: str) -> Figures:
    device = select_device(params.runtime)
    made_from = open_chain(category, HERE.outs(category, "prepared", "features", "mfm", "mgm"))
    cache = FeatureCache.open(HERE.features(category), category)
    fusion = load_module(Fusion, HERE.mfm(category), device)
    guidance = load_module(Guidance, HERE.mgm(category), device)
    scorer = Scorer(fusion, guidance, params.model.precision)
    inputs = score_inputs(
        cache.store.manifest, HERE.mfm(category), HERE.mgm(category), params.model.precision
    )
    spec = scores_spec(len(scorer.maps))
    manifest = maps_manifest(SCORES_KIND, spec, Manifest.load(HERE.prepared(category)), inputs)

    def score_scan(position: int) -> np.ndarray:
        return scorer.score_maps(PixelFeatures([cache.scan(position)], device), 0)

    bar = partial(
        progress, description=f"score {category}", unit="scan", total=None, scale=manifest.shard
    )
    with scan_threads(device) as pool:

        def score_shard(samples: range) -> dict[str, np.ndarray]:
            if device.type != "cpu":
                features = PixelFeatures(list(pool.map(cache.scan, samples)), device)
                return {SCORES.name: scorer.score_together(features)}
            return {SCORES.name: np.stack(list(pool.map(score_scan, samples)))}

        out = HERE.scores(category)
        write_store(out, manifest, score_shard, staging(), bar, made_from=made_from.digests)
    return {"scans": len(manifest.samples)}


if __name__ == "__main__":
    run_category(score, configure_process)
