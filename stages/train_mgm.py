"""Train the Mentor of Guidance Module (section III-D) with the frozen mentor's features."""

from mentor3ad.compute.device import select_device
from mentor3ad.compute.process import configure_process
from mentor3ad.fusion.network import Fusion
from mentor3ad.guidance.training import train_guidance
from mentor3ad.mentor.modules import load_module, save_module
from mentor3ad.params.schema import Params
from mentor3ad.plumbing.files import folder_replaced_whole
from mentor3ad.plumbing.logs import Figures
from mentor3ad.plumbing.progress import progress
from mentor3ad.seals.sealed import open_chain
from mentor3ad.training.data import stage_features
from mentor3ad.training.remote import train_on_cluster

from .runner import HERE, run_category, staging


def train_mgm(params: Params, category: str) -> Figures:
    if params.runtime.engine == "ray":
        return train_on_cluster(params, category, f"{__package__}.train_mgm")
    device = select_device(params.runtime)
    inputs = open_chain(category, HERE.outs(category, "prepared", "features", "mfm"))
    data, held_out = stage_features(
        params, category, HERE.prepared(category), HERE.features(category), staging(), device
    )
    trained = train_guidance(
        data,
        load_module(Fusion, HERE.mfm(category), device),
        params.model,
        category,
        lambda steps: progress(steps, f"mgm {category}", "step", params.model.mgm.steps),
        held_out,
    )
    with folder_replaced_whole(HERE.mgm(category)) as out:
        save_module(out, trained.module, trained.losses, trained.held_out)
        inputs.seal(out, "mgm")
    return {"scans": len(data), **trained.figures()}


if __name__ == "__main__":
    run_category(train_mgm, configure_process)
