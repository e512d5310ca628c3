"""`mentor3ad COMMAND`: what DVC does not do for the pipeline.

`mentor3ad --help` reads every command's signature. So a command's module imports only light things
at its top, and imports torch, numpy and the like inside the function that needs them.
"""

import os
from typing import Annotated

import typer

from ..plumbing.errors import one_sentence
from ..plumbing.logs import VARIABLE, configure_logging
from ..plumbing.output import replace_unprintable
from ..plumbing.version import __version__
from ..plumbing.waiting import wait_briefly
from . import (
    bench,
    bundle,
    compare,
    doctor,
    drift,
    feedback,
    new,
    predict,
    reproduce,
    reset,
    run,
    serve,
    store,
    study,
    sync,
    threshold,
    train,
    use,
    validate,
    verify,
    weights,
)

app = typer.Typer(
    name="mentor3ad",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Multimodal industrial anomaly detection. The pipeline itself runs with `dvc repro`.",
)
app.command("new")(new.new)
app.command("use")(use.use)
app.command("validate")(validate.validate)
app.command("train")(train.train)
app.command("predict")(predict.predict)
app.command("bundle")(bundle.bundle)
app.command("threshold")(threshold.threshold)
app.command("serve")(serve.serve)
app.command("drift")(drift.drift)
app.command("compare")(compare.compare)
app.command("verify")(verify.verify)
app.command("run")(run.run)
app.command("reproduce")(reproduce.reproduce)
app.command("reset")(reset.reset)
app.command("sync")(sync.sync)
app.command("doctor")(doctor.doctor)
app.command("bench")(bench.bench)
app.add_typer(feedback.app, name="feedback")
app.add_typer(weights.app, name="weights")
app.add_typer(store.app, name="store")
app.add_typer(study.app, name="study")


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"mentor3ad {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", is_eager=True, callback=_show_version
        ),
    ] = False,
    log_json: Annotated[
        bool, typer.Option("--log-json", help="Log lines as JSON, as MENTOR3AD_LOG=json does.")
    ] = False,
) -> None:
    if log_json:
        os.environ[VARIABLE] = "json"  # also for the stages that a command starts
    configure_logging()


def main() -> None:
    """Run the console script; an error of the user's is one sentence and exit code 1."""
    replace_unprintable()
    wait_briefly()
    with one_sentence():
        app()
