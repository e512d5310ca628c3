"""Train the Mentor of Fusion Module (section III-C) on the cached features of the good scans."""

from pathlib import Path

from pipeline.config import Params
from pipeline.device import select_device
from pipeline.logs import Figures
from pipeline.modules import save_module
from pipeline.progress import progress
from pipeline.together import Places, train_together
from pipeline.training import train_fusion
from pipeline.training_data import stage_features
from stages.runner import features, mfm, prepared, run_category, staging


def train_mfm(params: Params, category: str) -> Figures:
    return train_together("train_mfm", _train, params, category, mfm(category), staging())


def _train(params: Params, category: str, out: Path, at: Places) -> Figures:
    model = params.model
    device = select_device(params.runtime)
    data, held_out = stage_features(
        params, category, prepared(category), features(category), staging(), device
    )
    trained = train_fusion(
        data,
        model,
        category,
        lambda b: progress(b, f"mfm {category}", "step", model.mfm.steps),
        held_out,
    )
    save_module(out, trained.module, trained.losses, trained.held_out)
    return {"scans": len(data), **trained.figures()}


if __name__ == "__main__":
    run_category(train_mfm)
