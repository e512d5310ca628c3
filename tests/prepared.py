"""A tiny prepared category with its anomaly maps and voting model, without any backbone."""

import hashlib
from pathlib import Path

import numpy as np

from mentor3ad.cache.maps import ANOMALY, ANOMALY_KIND, maps_manifest
from mentor3ad.dataset.bitmaps import pack_bits
from mentor3ad.dataset.grid import SIZE
from mentor3ad.dataset.manifest import (
    FOREGROUND_FILE,
    MASKS_FILE,
    SCHEMA,
    Manifest,
    ManifestRow,
    seal_prepared,
    write_manifest,
)
from mentor3ad.publishing.writer import write_store
from mentor3ad.seals.seal import write_seal
from mentor3ad.voting.model import VotingModel
from mentor3ad.voting.votes import VOTES
from tests.options import preparation

CATEGORY = "rope"
KINDS = ("good", "cut", "hole", "good", "cut")  # of the test scans
THRESHOLD = 2.0


def rows(kinds: tuple[str, ...] = KINDS, masked: bool = True) -> tuple[ManifestRow, ...]:
    """One training scan, then test scans of these kinds; "unknown" ones have no label."""
    places = [("train", "good"), *(("test", kind) for kind in kinds)]
    return tuple(
        ManifestRow(
            id=(name := f"{split}/{kind}/{i:03d}"),
            split=split,
            label=None if kind == "unknown" else int(kind != "good"),
            defect=kind,
            rgb=f"{name}.png",
            points=f"{name}.tiff",
            mask=f"{name}.png" if masked and kind not in ("good", "unknown") else None,
            sha256=hashlib.sha256(name.encode()).hexdigest(),
            prepared_sha256=hashlib.sha256(name.encode()).hexdigest(),
            height=SIZE,
            width=SIZE,
            n_foreground=SIZE * SIZE,
        )
        for i, (split, kind) in enumerate(places)
    )


def masks_of(scans: tuple[ManifestRow, ...]) -> np.ndarray:
    """(N, 224, 224) bool: a square on every scan that has a mask."""
    masks = np.zeros((len(scans), SIZE, SIZE), bool)
    for i, row in enumerate(scans):
        masks[i, 60 : 70 + 4 * i, 80:100] = row.mask is not None
    return masks


def maps_of(scans: tuple[ManifestRow, ...]) -> np.ndarray:
    """(N, 224, 224) float32 at least 0: noise of few levels, higher where the mask is."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 64, (len(scans), SIZE, SIZE)) / 32  # ties, as real maps have on 0
    lift = rng.uniform(0, 1, (len(scans), 1, 1))
    return (noise + lift * masks_of(scans)).astype(np.float32)


def write_category(folder: Path, scans: tuple[ManifestRow, ...]) -> tuple[Path, Path]:
    """Folders of the preparation and of the votes."""
    prepared, votes = folder / "prepared", folder / "votes"
    prepared.mkdir(parents=True)
    manifest = Manifest(SCHEMA, CATEGORY, preparation(), scans)
    write_manifest(prepared, CATEGORY, manifest.options, scans)
    np.save(prepared / MASKS_FILE, np.stack([pack_bits(m) for m in masks_of(scans)]))
    whole = np.ones((SIZE, SIZE), bool)
    np.save(prepared / FOREGROUND_FILE, np.stack([pack_bits(whole)] * len(scans)))
    seal_prepared(prepared, CATEGORY)
    maps = maps_of(scans)
    write_store(
        votes / "anomaly.zarr",
        maps_manifest(ANOMALY_KIND, ANOMALY, manifest, {}),
        lambda samples: {ANOMALY.name: maps[samples.start : samples.stop]},
        folder / "staging",
    )
    voting_model().save(votes / "voting.json")
    write_seal(votes, VOTES, CATEGORY, {})
    return prepared, votes


def voting_model() -> VotingModel:
    return VotingModel(
        rule="calibrated",
        maps=("rgb",),
        levels=((1.0, 0.0, 0.0),),
        smoothing=(),
        centre=(0.0,),
        scale=(1.0,),
        ocsvm="none",
        coefficients=(),
        threshold=THRESHOLD,
        target_fpr=0.05,
        calibration_scans=1,
    )
