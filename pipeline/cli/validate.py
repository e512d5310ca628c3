"""`mentor3ad validate`."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..plumbing.errors import ConfigError

if TYPE_CHECKING:
    from ..params.schema import Data
    from ..validation.report import DataSetReport


class Parts(StrEnum):
    largest = "largest"
    all = "all"


class UnitsOption(StrEnum):
    m = "m"
    mm = "mm"


def validate(
    root: Annotated[
        Path | None, typer.Option(help="Folder of the categories; checks all that it holds.")
    ] = None,
    categories: Annotated[str, typer.Option(help="Categories, separated by commas.")] = "",
    layout: Annotated[str | None, typer.Option(help="Instead of data.layout.")] = None,
    units: Annotated[UnitsOption | None, typer.Option(help="Instead of data.units.")] = None,
    invalid: Annotated[float | None, typer.Option(help="Instead of data.invalid.")] = None,
    bits: Annotated[int | None, typer.Option(help="Instead of data.bits.")] = None,
    camera: Annotated[str | None, typer.Option(help="Instead of data.camera.")] = None,
    light: Annotated[int | None, typer.Option(help="Instead of data.light.")] = None,
    parts: Annotated[Parts | None, typer.Option(help="Instead of data.parts.")] = None,
    test_private: Annotated[bool | None, typer.Option(help="Instead of data.test_private.")] = None,
    json: Annotated[
        Path | None, typer.Option(help="Write all as one JSON document to a file; - prints it.")
    ] = None,
    strict: Annotated[bool, typer.Option(help="Let warnings count as errors.")] = False,
    examples: Annotated[int, typer.Option(min=0, help="Problems shown of each kind.")] = 5,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Threads; else runtime.workers.")
    ] = None,
) -> None:
    """Check the data set of params.yaml, scan by scan, and tell all that is wrong with it.

    Exit code: 0 no errors, 2 errors (with --strict, warnings too), 1 it could not run.
    """
    from ..params.schema import load_params

    params = load_params()
    overrides = {
        "root": None if root is None else str(root),
        "categories": [name.strip() for name in categories.split(",") if name.strip()] or None,
        "layout": layout,
        "units": units and units.value,
        "invalid": invalid,
        "bits": bits,
        "camera": camera,
        "light": light,
        "parts": parts and parts.value,
        "test_private": test_private,
    }
    data = _chosen(params.data, root, overrides)
    report = check_data_set(data, workers or params.runtime.workers)
    _print(report, json, examples)
    raise typer.Exit(report.exit_code(strict))


def _chosen(data: "Data", root: Path | None, overrides: dict[str, Any]) -> "Data":
    """The data that is checked: that of the params, with what the command line says instead.

    Raises:
        ConfigError: it lies in a bucket.
    """
    from ..params.categories import category_folders, check_local
    from ..plumbing.logs import LOGGER

    if root is not None:
        check_local(root)
        overrides |= {
            "in_bucket": [],
            "categories": overrides["categories"] or category_folders(root),
        }
    data = _override(data, {k: v for k, v in overrides.items() if v is not None})
    if data.in_bucket:
        raise ConfigError(
            f"data.in_bucket names {data.in_bucket[0]}: validate reads folders of this machine "
            "alone; copy some of its scans and name their folder with --root; `dvc repro prepare` "
            "refuses the first scan that cannot be used"
        )
    if root is None and _hidden_from_experiments(Path(data.root)):
        LOGGER.warning(
            f"data.root = {data.root} is relative: experiments of `dvc exp run --queue` and --temp "
            "run in folders of their own, where git-ignored data is missing ([Errno 2]); write it "
            "as an absolute path, or as a symbolic link to one that git keeps"
        )
    return data


def _hidden_from_experiments(root: Path) -> bool:
    """Tell whether a folder of scans is missing where an experiment runs in a checkout of its own.

    A link is there too, since git keeps it, and leads to the same absolute place.
    """
    from ..params.project import Project

    linked = any(part.is_symlink() for part in (root, *root.parents))
    return not (root.is_absolute() or linked or root == Project().demo)


def _override(data: "Data", values: dict[str, Any]) -> "Data":
    from pydantic import ValidationError

    from ..params.schema import Data

    try:
        return Data.model_validate(data.model_dump() | values)
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0]).replace("_", "-")
        raise ConfigError(f"--{key} {first['input']}: {first['msg']}") from None


def check_data_set(data: "Data", workers: int | None) -> "DataSetReport":
    """Check all scans of a data set, with a progress bar; the paths are as `data.root` says."""
    import os
    from functools import partial

    from ..plumbing.progress import progress
    from ..validation.category import check_category
    from ..validation.report import DataSetReport, summarize

    root, options = Path(data.root), data.preparation
    checked = (
        check_category(
            root,
            category,
            data,
            options,
            workers=workers or os.cpu_count() or 1,
            bar=partial(progress, description=f"validate {category}", unit="scan"),
        )
        for category in data.categories
    )
    return DataSetReport(root, data, options, tuple(map(summarize, checked)))


def _print(report: "DataSetReport", json: Path | None, examples: int) -> None:
    from ..plumbing.files import replaced_whole
    from ..validation.text import describe

    if json == Path("-"):
        print(report.to_json(), end="")
        return
    if json is not None:
        with replaced_whole(json) as part:
            part.write_text(report.to_json(), encoding="utf-8")
    print(describe(report, examples))
