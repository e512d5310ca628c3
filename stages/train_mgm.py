"""Train the Mentor of Guidance Module (section III-D) with the frozen mentor's features."""

from functools import partial
from pathlib import Path

from pipeline.config import Params
from pipeline.device import select_device
from pipeline.logs import Figures
from pipeline.modules import load_fusion, save_module
from pipeline.progress import progress
from pipeline.splits import TrainingView
from pipeline.together import Places, train_together
from pipeline.training import train_guidance
from pipeline.training_data import training_features
from stages.runner import features, mfm, mgm, prepared, run_category, staging


def train_mgm(params: Params, category: str) -> Figures:
    return train_together("train_mgm", _train, params, category, mgm(category), staging())


def _train(params: Params, category: str, out: Path, at: Places) -> Figures:
    model = params.model
    device = select_device(params.runtime)
    view = TrainingView(params.data.train_limit, params.data.shots, params.data.shots_seed)
    load = partial(
        training_features,
        prepared(category),
        features(category),
        category,
        model,
        view,
        params.runtime.memory_gb,
        staging(),
    )
    data = load(device)
    held_out = load(device, "held_out") if model.early_stop.every else None
    trained = train_guidance(
        data,
        load_fusion(at(mfm(category)), device),
        model,
        category,
        lambda b: progress(b, f"mgm {category}", "step", model.mgm.steps),
        held_out,
    )
    save_module(out, trained.module, trained.losses, trained.held_out)
    figures = {"scans": len(data), "steps": len(trained.losses), "loss": trained.losses[-1]}
    return figures | ({"held_out_loss": min(trained.held_out.values())} if held_out else {})


if __name__ == "__main__":
    run_category(train_mgm)
