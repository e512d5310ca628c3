"""`mentor3ad predict`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from ..plumbing.errors import ConfigError, NoDecisionError
from .threshold import check_choice

BUCKET = "s3://"

Scans = Annotated[
    list[str],
    typer.Argument(
        metavar="SCAN...",
        help="IMAGE,GEOMETRY, a cloud with colours, a folder, or s3://BUCKET/PREFIX.",
    ),
]
Category = Annotated[str | None, typer.Option(help="The category; may be left out with --bundle.")]
Bundle = Annotated[
    Path | None, typer.Option(help="A model bundle; else the project in this folder is used.")
]
Out = Annotated[str | None, typer.Option(help="Folder for the results; also on standard output.")]
Interval = Annotated[
    float, typer.Option(min=0.01, help="Seconds between looks into a watched folder.")
]
Batch = Annotated[
    int | None,
    typer.Option(min=1, help="Scans that a GPU takes together; else as many as features.shard."),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Heatmap = Annotated[
    bool, typer.Option("--heatmap", help="Write OUT/heatmap/ID.png, the map on the image.")
]
Map = Annotated[
    bool, typer.Option("--map", help="Write OUT/map/ID.tiff, the anomaly map in floats.")
]
Ply = Annotated[
    bool, typer.Option("--ply", help="Write OUT/ply/ID.ply, the part's points in colour.")
]
Watch = Annotated[
    bool, typer.Option("--watch", help="Go on and inspect what arrives in the one folder.")
]
Parquet = Annotated[
    bool,
    typer.Option(
        "--parquet",
        help="Write Parquet parts to OUT, a folder or s3://BUCKET/PREFIX, in place of lines; a run "
        "that was interrupted goes on. What comes from a bucket or goes to one is always so.",
    ),
]
Cluster = Annotated[
    str | None,
    typer.Option(metavar="auto|HOST:PORT", help="With --parquet: the Ray cluster that works."),
]
Threshold = Annotated[float | None, typer.Option(min=0, help="Instead of the model's own.")]
TargetFpr = Annotated[
    float | None, typer.Option(help="Take the threshold for this rate of false alarms.")
]


def predict(
    scans: Scans,
    category: Category = None,
    bundle: Bundle = None,
    out: Out = None,
    csv: Annotated[bool, typer.Option("--csv", help="CSV instead of JSON Lines.")] = False,
    heatmap: Heatmap = False,
    map_: Map = False,
    ply: Ply = False,
    watch: Watch = False,
    interval: Interval = 1.0,
    device: Device = "auto",
    batch: Batch = None,
    parquet: Parquet = False,
    cluster: Cluster = None,
    threshold: Threshold = None,
    target_fpr: TargetFpr = None,
) -> None:
    """Inspect scans: one line each, with its score and whether the part is defective.

    Exit code 0: all are good. 3: at least one is defective. 6: none is known to be, but at least
    one is unlike the scans of the training. 4: likewise, but it could not be inspected. 5: of at
    least one the model made a number that is not finite, so the model is damaged. 1: an error, 2: a
    wrong command line. With 5, 1 and 2 look at no result. With --watch it is 0 once SIGINT or
    SIGTERM has ended it.
    """
    wanted = {"heatmap": heatmap, "map": map_, "ply": ply}
    pictures = [f"--{kind}" for kind, yes in wanted.items() if yes]
    if parquet or any(place.startswith(BUCKET) for place in (*scans, out or "")):
        options = [*pictures, *(["--csv"] if csv else []), *(["--watch"] if watch else [])]
        options += [] if threshold is None and target_fpr is None else ["--threshold, --target-fpr"]
        raise typer.Exit(_parquet(scans, category, bundle, out, device, batch, cluster, options))
    if cluster is not None:
        raise ConfigError("--cluster is for --parquet")
    folder = None if out is None else Path(out)
    _check(scans, folder, watch, batch, pictures)
    check_choice("--threshold", threshold, target_fpr)

    from ..inspection.inspector import Inspector
    from ..inspection.run import Output, predict_scans
    from ..inspection.run import watch as watch_folder

    inspector = Inspector.load(bundle or Path(), category, device)
    inspector.move_threshold(threshold, target_fpr)
    kinds = [kind for kind, yes in wanted.items() if yes]
    output = Output(folder, "csv" if csv else "jsonl", kinds)  # type: ignore[arg-type]
    if not watch:
        raise typer.Exit(predict_scans(inspector, scans, output, batch))
    watch_folder(inspector, Path(scans[0]), output, interval)


def _check(
    scans: list[str], out: Path | None, watch: bool, batch: int | None, pictures: list[str]
) -> None:
    """Refuse what can be refused before the model is loaded."""
    if out is None and (pictures or watch):
        option = "--watch" if watch else pictures[0]
        raise ConfigError(f"{option} needs --out, a folder to write to")
    if watch and (len(scans) > 1 or not Path(scans[0]).is_dir()):
        raise ConfigError("--watch needs one folder, which must be there")
    if watch and batch is not None:
        raise ConfigError("--watch inspects each scan as it comes: leave --batch out")
    for name in scans:
        if "," not in name and not Path(name).exists():
            raise ConfigError(f"{name} is neither a folder of scans nor a scan as IMAGE,GEOMETRY")


def _parquet(
    scans: list[str],
    category: str | None,
    bundle: Path | None,
    out: str | None,
    device: str,
    batch: int | None,
    cluster: str | None,
    others: list[str],
) -> int:
    if others:
        raise ConfigError(f"Parquet parts are written alone: leave {others[0]} out")
    there = scans[0].startswith(BUCKET) or Path(scans[0]).is_dir()
    if bundle is None or out is None or len(scans) != 1 or not there:
        raise ConfigError(
            "Parquet parts need one folder of scans, or one place of them in a bucket, --bundle "
            "and --out"
        )

    from ..inspection.bulk import UNIT, predict_parts
    from ..inspection.inspector import Inspector
    from ..inspection.run import ExitCode
    from ..params.runtime import own_runtime
    from ..plumbing.progress import progress

    runtime = None if cluster is None else own_runtime(device, cluster)
    inspector = Inspector.load(bundle, category, device if cluster is None else "cpu")
    try:
        counts = predict_parts(
            *(inspector, bundle, scans[0], out, batch, runtime),
            bar=lambda units: progress(units, f"predict {inspector.category}", "scan", scale=UNIT),
        )
    except NoDecisionError as error:
        print(f"error: {error}", file=sys.stderr)
        return ExitCode.NO_DECISION
    print(
        f"{counts.scans} scans: {counts.defective} defective, {counts.unlike} unlike those of the "
        f"training, {counts.errors} not inspected"
    )
    if counts.defective:
        return ExitCode.DEFECTIVE
    if counts.unlike:
        return ExitCode.UNLIKE_TRAINING
    return ExitCode.NOT_INSPECTED if counts.errors else ExitCode.GOOD
