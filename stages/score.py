"""Score every scan of one category: S_RGB, S_XYZ and S_Mtr (eq. 5) from the cached features."""

from contextlib import AbstractContextManager
from functools import partial

import torch

from mentor3ad.cache.maps import SCORES_KIND, maps_manifest, scores_spec
from mentor3ad.compute.device import select_device
from mentor3ad.compute.process import configure_process
from mentor3ad.dataset.manifest import Manifest
from mentor3ad.features.store import FeatureCache
from mentor3ad.params.schema import Params
from mentor3ad.plumbing.logs import Figures
from mentor3ad.plumbing.progress import progress
from mentor3ad.publishing.writer import Elsewhere, write_store
from mentor3ad.scoring.scorer import score_inputs
from mentor3ad.scoring.shards import Scoring, Shards, score_on_cluster, score_shards
from mentor3ad.seals.sealed import open_chain

from .runner import HERE, run_category, staging


def score(params: Params, category: str) -> Figures:
    made_from = open_chain(category, HERE.outs(category, "prepared", "features", "mfm", "mgm"))
    places = HERE.features(category), HERE.mfm(category), HERE.mgm(category)
    features, mfm, mgm = (place.absolute() for place in places)
    work = Scoring(category, features, mfm, mgm, params.model.precision, params.runtime)
    on_cluster = params.runtime.engine == "ray"
    device = torch.device("cpu") if on_cluster else select_device(params.runtime)
    cache = FeatureCache.open(HERE.features(category), category)
    scorer = work.scorer(device)
    inputs = score_inputs(cache.store.manifest, mfm, mgm, params.model.precision)
    spec = scores_spec(len(scorer.maps))
    manifest = maps_manifest(SCORES_KIND, spec, Manifest.load(HERE.prepared(category)), inputs)
    bar = partial(
        progress, description=f"score {category}", unit="scan", total=None, scale=manifest.shard
    )
    way: AbstractContextManager[Elsewhere] | AbstractContextManager[Shards]
    way = score_on_cluster(work, manifest) if on_cluster else score_shards(cache, scorer, device)
    with way as compute:
        out = HERE.scores(category)
        write_store(out, manifest, compute, staging(), bar, made_from=made_from.digests)
    return {"scans": len(manifest.samples)}


if __name__ == "__main__":
    run_category(score, configure_process)
