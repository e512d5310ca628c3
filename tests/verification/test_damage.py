"""Every file of every out of a finished project: damaged, cut, gone, older or another category's.

What reads it next refuses it by one sentence, and so does `mentor3ad verify`.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mentor3ad.cache.maps import SCORES_KIND
from mentor3ad.cache.reader import Store
from mentor3ad.dataset.manifest import (
    Manifest,
    load_foreground,
    load_masks,
    load_published_masks,
    load_whole_masks,
)
from mentor3ad.dataset.traits import load_traits
from mentor3ad.evaluation.views import CategoryViews
from mentor3ad.exhibits.store import Exhibits
from mentor3ad.features.store import KIND, FeatureCache
from mentor3ad.fusion.network import Fusion
from mentor3ad.guidance.network import Guidance
from mentor3ad.mentor.modules import load_module
from mentor3ad.params.project import LOSS_FILE, Project
from mentor3ad.plumbing.errors import Mentor3ADError
from mentor3ad.seals.document import read_document
from mentor3ad.seals.seal import SEAL_FILE, read_seal, write_seal
from mentor3ad.seals.sealed import Sealed, check_chain
from mentor3ad.verification.verify import verify
from mentor3ad.voting.votes import Votes
from testbed.clone import CATEGORY
from testbed.stores import verify as read_all

OUTS = ("prepared", "features", "mfm", "mgm", "scores", "votes", "eval")
FEW = 6  # bits of each file


def read_prepared(folder: Path) -> None:
    manifest = Manifest.load(folder)
    for load in (load_foreground, load_masks, load_whole_masks, load_published_masks):
        load(folder, manifest)
    Exhibits.load(folder, manifest)
    load_traits(folder, manifest)


def read_module(kind: type, folder: Path) -> None:
    import torch

    load_module(kind, folder, torch.device("cpu"))
    Sealed.open(folder, kind.OUT, CATEGORY).read_json(LOSS_FILE)


def read_votes(folder: Path) -> None:
    read_all(Votes.open(folder, CATEGORY).maps)


def read_evaluation(folder: Path) -> None:
    sealed = Sealed.open(folder, "eval", CATEGORY)
    CategoryViews.load(sealed)
    for name in sealed.seal.files:
        sealed.read(name)


READERS: dict[str, Callable[[Path], None]] = {
    "prepared": read_prepared,
    "features": lambda folder: read_all(FeatureCache.open(folder, CATEGORY).store),
    "mfm": lambda folder: read_module(Fusion, folder),
    "mgm": lambda folder: read_module(Guidance, folder),
    "scores": lambda folder: read_all(Store.open(folder, SCORES_KIND, CATEGORY)),
    "votes": read_votes,
    "eval": read_evaluation,
    "rivals": lambda path: (read_document(path, "rivals", CATEGORY), None)[1],
}


@pytest.fixture(scope="module")
def project(tiny_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy to damage."""
    root = tmp_path_factory.mktemp("damage") / "project"
    shutil.copytree(tiny_project, root, ignore=shutil.ignore_patterns("demo", ".staging"))
    return Project(root)


def out_of(project: Project, kind: str) -> Path:
    return project.rivals(CATEGORY) if kind == "rivals" else project.outs(CATEGORY, kind)[kind]


def files_of(out: Path) -> list[Path]:
    return [out] if out.is_file() else sorted(p for p in out.rglob("*") if p.is_file())


def damages(path: Path, others: list[Path]) -> Iterator[tuple[str, bytes | None]]:
    """Names of damages and what they leave of a file; None: nothing."""
    whole = path.read_bytes()
    yield "gone", None
    yield "empty", b""
    yield "cut", whole[: len(whole) // 2]
    yield "longer", whole + b"\n"
    for n in range(FEW):
        position = (n * len(whole)) // FEW + n % 3
        flipped = bytearray(whole)
        flipped[min(position, len(whole) - 1)] ^= 1 << (n + position) % 8
        yield f"bit {n}", bytes(flipped)
    for other in others:
        if (content := other.read_bytes()) != whole:
            yield f"swapped for {other.name}", content


def refused(read: Callable[[], object]) -> bool:
    """Whether reading ends in one sentence of ours; any other error fails the test."""
    try:
        read()
    except Mentor3ADError as error:
        return "\n" not in str(error)
    return False


@pytest.mark.parametrize("kind", [*OUTS, "rivals"])
def test_no_damage_is_read_in_silence(project: Project, kind: str) -> None:
    out, silent = out_of(project, kind), []
    assert not refused(lambda: READERS[kind](out))
    files = files_of(out)
    for number, path in enumerate(files):
        whole = path.read_bytes()
        neighbours = [files[number - 1], files[(number + 1) % len(files)]]
        for name, content in damages(path, neighbours):
            path.unlink()
            if content is not None:
                path.write_bytes(content)
            if not refused(lambda: READERS[kind](out)):
                silent.append(f"{path.relative_to(project.root)}: {name}")
            path.write_bytes(whole)
    assert silent == []


@pytest.mark.parametrize("kind", [*OUTS, "rivals"])
def test_verify_names_each_file_that_is_wrong(project: Project, kind: str) -> None:
    out = out_of(project, kind)
    assert verify(out).findings == []
    for path in files_of(out):
        whole = path.read_bytes()
        path.write_bytes(whole[:-1])
        said = str(verify(out))
        assert "damaged: " in said, path
        assert path.name in said or out.name in said
        path.write_bytes(whole)


@pytest.mark.parametrize("kind", [*OUTS, "rivals"])
def test_another_categorys_out_is_refused_though_it_is_whole(project: Project, kind: str) -> None:
    if kind == "rivals":
        place = project.rivals("foam")
        shutil.copyfile(out_of(project, kind), place)
        assert refused(lambda: read_document(place, kind, "foam"))
    else:
        place = project.outs("foam", kind)[kind]
        shutil.copytree(out_of(project, kind), place)
        assert refused(lambda: Sealed.open(place, kind, "foam"))


def test_an_older_file_in_each_out_is_refused(project: Project, tmp_path: Path) -> None:
    """The seal of another run is no help: it lists other files."""
    folder = project.mfm(CATEGORY)
    older = tmp_path / "older"
    shutil.copytree(folder, older)
    (older / LOSS_FILE).write_text("[]\n")
    whole = (folder / LOSS_FILE).read_bytes()
    shutil.copyfile(older / LOSS_FILE, folder / LOSS_FILE)
    assert refused(lambda: READERS["mfm"](folder))
    (folder / LOSS_FILE).write_bytes(whole)


@pytest.mark.parametrize("kind", OUTS[:-1])
def test_outs_of_different_runs_do_not_fit(project: Project, kind: str) -> None:
    """An out is whole and of this category, but what came after was made from another one."""
    folder = project.outs(CATEGORY, kind)[kind]
    whole, seal = (folder / SEAL_FILE).read_bytes(), read_seal(folder)
    marks = seal.files
    (folder / "extra").write_bytes(b"of another run")
    write_seal(
        folder,
        kind,
        CATEGORY,
        seal.made_from,
        mark=lambda path: (
            marks.get(path.relative_to(folder).as_posix()) or next(iter(marks.values()))
        ),
    )
    outs = [Sealed.open(out, name, CATEGORY) for name, out in project.outs(CATEGORY).items()]
    assert refused(lambda: check_chain(outs))
    (folder / "extra").unlink()
    (folder / SEAL_FILE).write_bytes(whole)


def test_kinds_are_those_of_the_stores() -> None:
    assert {KIND, SCORES_KIND} < set(OUTS)
