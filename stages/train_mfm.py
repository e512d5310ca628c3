"""Train the Mentor of Fusion Module (section III-C) on the cached features of the good scans."""

from mentor3ad.compute.device import select_device
from mentor3ad.compute.process import configure_process
from mentor3ad.fusion.training import train_fusion
from mentor3ad.mentor.modules import save_module
from mentor3ad.params.schema import Params
from mentor3ad.plumbing.files import folder_replaced_whole
from mentor3ad.plumbing.logs import Figures
from mentor3ad.plumbing.progress import progress
from mentor3ad.seals.sealed import open_chain
from mentor3ad.training.data import stage_features
from mentor3ad.training.remote import train_on_cluster

from .runner import HERE, run_category, staging


def train_mfm(params: Params, category: str) -> Figures:
    if params.runtime.engine == "ray":
        return train_on_cluster(params, category, f"{__package__}.train_mfm")
    device = select_device(params.runtime)
    inputs = open_chain(category, HERE.outs(category, "prepared", "features"))
    data, held_out = stage_features(
        params, category, HERE.prepared(category), HERE.features(category), staging(), device
    )
    trained = train_fusion(
        data,
        params.model,
        category,
        lambda steps: progress(steps, f"mfm {category}", "step", params.model.mfm.steps),
        held_out,
    )
    with folder_replaced_whole(HERE.mfm(category)) as out:
        save_module(out, trained.module, trained.losses, trained.held_out)
        inputs.seal(out, "mfm")
    return {"scans": len(data), **trained.figures()}


if __name__ == "__main__":
    run_category(train_mfm, configure_process)
