"""Train the Mentor of Guidance Module (section III-D) with the frozen mentor's features."""

from pathlib import Path

from pipeline.config import Params
from pipeline.device import select_device
from pipeline.logs import Figures
from pipeline.modules import load_fusion, save_module
from pipeline.progress import progress
from pipeline.together import Places, train_together
from pipeline.training import train_guidance
from pipeline.training_data import stage_features
from stages.runner import features, mfm, mgm, prepared, run_category, staging


def train_mgm(params: Params, category: str) -> Figures:
    return train_together("train_mgm", _train, params, category, mgm(category), staging())


def _train(params: Params, category: str, out: Path, at: Places) -> Figures:
    model = params.model
    device = select_device(params.runtime)
    data, held_out = stage_features(
        params, category, prepared(category), features(category), staging(), device
    )
    trained = train_guidance(
        data,
        load_fusion(at(mfm(category)), device),
        model,
        category,
        lambda b: progress(b, f"mgm {category}", "step", model.mgm.steps),
        held_out,
    )
    save_module(out, trained.module, trained.losses, trained.held_out)
    return {"scans": len(data), **trained.figures()}


if __name__ == "__main__":
    run_category(train_mgm)
