"""Rate other methods on the same features, splits and metrics: `rivals.methods` of params.yaml."""

from functools import partial

from mentor3ad.params.schema import Params
from mentor3ad.plumbing.logs import Figure, Figures
from mentor3ad.plumbing.progress import progress
from mentor3ad.seals.document import write_document
from mentor3ad.seals.sealed import Inputs, open_chain

from .runner import HERE, run_category, staging

RIVALS = "rivals"  # the kind of the out


def rivals(params: Params, category: str) -> Figures:
    rated: dict[str, dict[str, object]] = {}
    figures: dict[str, Figure] = {}
    made_from = Inputs(category, {})
    if params.rivals.methods:
        made_from = open_chain(category, HERE.outs(category, "prepared", "features"))
        from mentor3ad.compute.device import select_device
        from mentor3ad.compute.process import configure_process
        from mentor3ad.rivals.compare import Comparison

        configure_process(params.runtime)
        comparison = Comparison(
            params,
            category,
            HERE.prepared(category),
            HERE.features(category),
            staging(),
            select_device(params.runtime),
        )
    for name in params.rivals.methods:
        bar = partial(progress, description=f"{name} {category}", unit="scan", total=None)
        found = comparison.rate(name, bar)
        rated[name] = found.content
        figures |= {f"{name}_fit_s": found.fit_seconds, f"{name}_scan_ms": found.scan_ms}
    write_document(HERE.rivals(category), RIVALS, made_from, rated)
    return {"rivals": len(rated), **figures}


if __name__ == "__main__":
    run_category(rivals)
