"""Checks a project, a bundle, an out or a store: `mentor3ad verify`."""

from __future__ import annotations

from pathlib import Path

from ..inspection.bundle import BUNDLE_FILE, check_bundle
from ..inspection.finished import Finished
from ..params.project import Project
from ..params.schema import PARAMS_FILE, load_params
from ..plumbing.errors import ConfigError
from ..seals.seal import SEAL_FILE
from ..seals.sealed import Sealed, check_chain
from .findings import Report
from .outs import STORE_FILE, check_document, check_out, strangers

RIVALS, REPORTS, EVALUATION = "rivals", "reports", "eval"  # kinds of outs


def verify(path: Path) -> Report:
    """Check all that lies at a path, and say what is wrong; nothing is written.

    Args:
        path: of a project (a folder with params.yaml), a bundle, an out of a stage, or a store.

    Raises:
        ConfigError: it is none of these, or the params are wrong.
    """
    report = Report()
    if (path / PARAMS_FILE).is_file():
        _check_project(Project(path), report)
    elif (path / BUNDLE_FILE).exists():
        _check_bundle(path, report)
    elif (path / SEAL_FILE).exists() or (path / STORE_FILE).exists() or _is_pointer(path):
        _check_out(path, report)
    elif path.suffix == ".json" and path.is_file():
        check_document(path, report, RIVALS, path.stem)
    else:
        raise ConfigError(
            f"{path} is no project (it has no {PARAMS_FILE}), no bundle and no out of a stage: "
            "name one of them"
        )
    return report


def _is_pointer(path: Path) -> bool:
    """Whether a store in a bucket is meant."""
    return path.suffix == ".zarr" and path.is_file()


def _check_bundle(folder: Path, report: Report) -> None:
    report.outs += 1
    with report.noting("damaged", folder):
        listed = {BUNDLE_FILE, *check_bundle(folder).files}
        report.files += len(listed)
        for path in sorted(folder.iterdir()):
            if path.name not in listed:
                report.add("foreign", f"{path} is no file of the bundle; move it elsewhere")


def _check_project(project: Project, report: Report) -> None:
    outs: list[Sealed] = []
    for category in load_params(project.params).data.categories:
        outs += _check_category(project, category, report)
    reports = check_out(project.reports, report, REPORTS)
    for one in outs if reports else []:
        name = f"{one.seal.kind} {one.seal.category}"
        known = reports.seal.made_from.get(name) if reports else None
        if one.seal.kind in (EVALUATION, RIVALS) and known != one.seal.digest:
            report.add(
                "out of date",
                f"{project.reports} was made from another version of {one.folder}; run `dvc repro`",
            )


def _check_category(project: Project, category: str, report: Report) -> list[Sealed]:
    """Note what is wrong with a category's outs, alone and with each other; return the whole."""
    before = len(report.findings)
    found = [
        _check_out(out, report, kind, category) for kind, out in project.outs(category).items()
    ]
    found.append(check_document(project.rivals(category), report, RIVALS, category))
    outs = [out for out in found if out]
    with report.noting("out of date", project.data):
        check_chain(outs)
    if len(report.findings) == before:  # all of it is there, whole, and of one run
        with report.noting("out of date", project.data):
            Finished.open(project.root, category).check_params()
    return outs


def _check_out(
    folder: Path, report: Report, kind: str | None = None, category: str | None = None
) -> Sealed | None:
    """`check_out`, and note the files that are none of the out's."""
    out = check_out(folder, report, kind, category)
    for path in strangers(out) if out else []:
        report.add("foreign", f"{path} is no file of {folder}; move it elsewhere")
    return out
