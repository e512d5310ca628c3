"""Fit the Voting Module (section III-E) on good scans; write every scan's anomaly map."""

from functools import partial

import numpy as np

from mentor3ad.cache.maps import (
    ANOMALY,
    ANOMALY_FILE,
    ANOMALY_KIND,
    SCORES,
    SCORES_KIND,
    maps_manifest,
)
from mentor3ad.cache.reader import Store
from mentor3ad.calibration.conformal import scans_needed
from mentor3ad.dataset.manifest import Manifest
from mentor3ad.dataset.traits import load_traits
from mentor3ad.params.schema import Params
from mentor3ad.plumbing.files import folder_replaced_whole
from mentor3ad.plumbing.logs import Figures
from mentor3ad.publishing.writer import write_store
from mentor3ad.seals.sealed import open_chain
from mentor3ad.splits.good_scans import good_scans
from mentor3ad.voting.each import Each
from mentor3ad.voting.likeness import (
    LIKENESS_FILE,
    UNLIKE_FILE,
    learn_likeness,
    save_unlike,
)
from mentor3ad.voting.model import VOTING_FILE, fit_voting

from .runner import HERE, run_category, staging


def vote(params: Params, category: str) -> Figures:
    made_from = open_chain(category, HERE.outs(category, "prepared", "scores"))
    manifest = Manifest.load(HERE.prepared(category))
    store = Store.open(HERE.scores(category), SCORES_KIND, category)
    split = good_scans(manifest.rows, params)
    score_maps = partial(store.read, SCORES.name)  # each time that a scan is asked for
    train, held_out = Each(split.train, score_maps), Each(split.held_out, score_maps)
    model = fit_voting(train, held_out, params.voting)
    traits = load_traits(HERE.prepared(category), manifest)
    likeness = learn_likeness(
        traits, split.train, split.held_out, score_maps, params.voting.unlike_fpr
    )
    unlike = likeness.unlike(manifest, traits, score_maps) if likeness else {}

    def anomaly_maps(samples: range) -> dict[str, np.ndarray]:
        maps = [model.anomaly_map(score_maps(i)) for i in samples]
        return {ANOMALY.name: np.stack(maps)}

    inputs = {"scores": store.manifest.fingerprint, "voting": params.voting.model_dump()}
    store_manifest = maps_manifest(ANOMALY_KIND, ANOMALY, manifest, inputs)
    digests = made_from.digests
    with folder_replaced_whole(HERE.votes(category)) as out:
        write_store(out / ANOMALY_FILE, store_manifest, anomaly_maps, staging(), made_from=digests)
        model.save(out / VOTING_FILE)
        if likeness:
            likeness.save(out / LIKENESS_FILE)
            save_unlike(out / UNLIKE_FILE, unlike)
        made_from.seal(out, "votes")
    needed = scans_needed(params.voting.target_fpr)
    if len(split.held_out) < needed:
        print(
            f"vote {category}: {len(split.held_out)} held-out good scans cannot promise "
            f"voting.target_fpr = {params.voting.target_fpr:g}, which takes {needed}; they promise "
            f"{1 / (len(split.held_out) + 1):.1%} on average"
        )
    return {"scans": len(manifest.rows), "threshold": model.threshold, "unlike": len(unlike)}


if __name__ == "__main__":
    run_category(vote)
