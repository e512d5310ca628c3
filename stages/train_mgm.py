"""Train the Mentor of Guidance Module (section III-D) with the frozen mentor's features."""

from pipeline.config import Params
from pipeline.device import select_device
from pipeline.logs import Figures
from pipeline.modules import load_fusion, save_module
from pipeline.progress import progress
from pipeline.splits import TrainingView
from pipeline.training import train_guidance
from pipeline.training_data import training_features
from stages.runner import features, mfm, mgm, prepared, run_category


def train_mgm(params: Params, category: str) -> Figures:
    model = params.model
    device = select_device(params.runtime)
    view = TrainingView(params.data.train_limit, params.data.shots, params.data.shots_seed)
    data = training_features(
        prepared(category), features(category), category, model.holdout, view, device
    )
    trained = train_guidance(
        data,
        load_fusion(mfm(category), device),
        model,
        category,
        lambda b: progress(b, f"mgm {category}", "step", model.mgm.steps),
    )
    save_module(mgm(category), trained.module, trained.losses)
    return {"scans": len(data), "steps": len(trained.losses), "loss": trained.losses[-1]}


if __name__ == "__main__":
    run_category(train_mgm)
