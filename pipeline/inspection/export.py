"""Writes the model of a finished category into a bundle."""

import shutil
from pathlib import Path

import torch

from ..extraction.scan import Backbones
from ..mentor.modules import MODULE_FILE
from ..plumbing.errors import BundleError
from ..plumbing.files import folder_replaced_whole
from ..seals.sealed import Sealed
from ..voting.likeness import LIKENESS_FILE
from ..voting.model import VOTING_FILE
from ..voting.votes import Votes
from ..weights.download import file_sha256
from .bundle import (
    BACKBONES,
    BUNDLE_FILE,
    FUSION,
    GUIDANCE,
    SCHEMA,
    BundleManifest,
    sealed_text,
)
from .finished import Finished
from .tested import TESTED_FILE


def write_bundle(root: Path, category: str, out: Path, with_backbones: bool = False) -> None:
    """Bundle a category of the finished project at `root`; `out` appears whole or not at all.

    Args:
        root: folder of params.yaml.
        with_backbones: put the backbones' weights in (of the paper's 430 MB), so that another
            machine needs nothing else.

    Raises:
        BundleError: `out` holds something else than a bundle.
        ConfigError, DataError, CacheError, WeightsError: the project is not finished.
    """
    if out.exists() and not (out / BUNDLE_FILE).is_file() and not _is_empty_folder(out):
        raise BundleError(f"{out} holds something else than a bundle: name another folder")
    finished = Finished.open(root, category)
    backbones = Backbones.load(finished.params.features, torch.device("cpu"))
    finished.check(backbones)
    with folder_replaced_whole(out) as folder:
        _copy_parts(finished, folder)
        if with_backbones:
            _save_backbones(backbones, folder)
        manifest = BundleManifest.model_validate(
            {
                "schema_version": SCHEMA,
                "category": category,
                "settings": finished.settings,
                "backbones": backbones.sha256(),
                "files": {path.name: file_sha256(path) for path in sorted(folder.iterdir())},
            }
        )
        text = sealed_text(manifest.model_dump(mode="json", exclude={"sha256"}))
        (folder / BUNDLE_FILE).write_text(text, encoding="utf-8")


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _copy_parts(finished: Finished, folder: Path) -> None:
    project, category = finished.project, finished.category
    for kind, name in (("mfm", FUSION), ("mgm", GUIDANCE)):
        module = Sealed.open(project.outs(category, kind)[kind], kind, category)
        (folder / name).write_bytes(module.read(MODULE_FILE))
    votes = Votes.open(project.votes(category), category)
    votes.model.save(folder / VOTING_FILE)
    if votes.likeness is not None:
        votes.likeness.save(folder / LIKENESS_FILE)
    if tested := finished.tested():
        tested.save(folder / TESTED_FILE)
    if finished.camera is not None:
        shutil.copyfile(finished.camera, folder / f"camera{finished.camera.suffix.lower()}")


def _save_backbones(backbones: Backbones, folder: Path) -> None:
    from safetensors.torch import save_file

    for network, name in ((backbones.rgb, "rgb"), (backbones.points, "points")):
        state = {key: tensor.contiguous() for key, tensor in network.state_dict().items()}
        save_file(state, folder / BACKBONES[name])
