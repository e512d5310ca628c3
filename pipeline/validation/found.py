"""Says for people what was found in a folder of scans, and what a model of them can promise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ..calibration.conformal import expected_rate, scans_needed
from ..dataset.scan import ScanFiles
from ..params.schema import Params
from ..plumbing.words import counted
from ..splits.good_scans import held_out_count
from .arrangement import Arrangement
from .propose import Proposal

_UNITS = {"m": "metres", "mm": "millimetres"}


def describe_proposal(proposal: Proposal) -> Iterator[str]:
    """Sentences on the layout, the unit and the crop that were found, with their params."""
    one = proposal.arrangement
    yield f"data.layout: {one.layout}{_layout_words(one)}"
    names = (f"{name} ({counted(len(files), 'scan')})" for name, files in one.scans.items())
    each = ", each with a model of its own" if len(one.scans) > 1 else ""
    yield f"data.categories: {', '.join(names)}{each}"
    if one.left_out:
        yield (
            f"left out: {', '.join(one.left_out)}, where this layout finds no good scans to learn "
            "from"
        )
    if _like_days(list(one.scans)):
        yield (
            "if these folders are days or lots of one kind of part, put their scans into one folder"
        )
    size = "" if proposal.part_m is None else f"; the part measures {_length(proposal.part_m)}"
    yield f"data.units: {proposal.units}: coordinates are in {_UNITS[proposal.units]}{size}"
    if proposal.invalid is not None:
        yield (
            f"data.invalid: {proposal.invalid:g}: so many pixels have exactly this number that it "
            "stands for no return"
        )
    yield f"data.crop: {proposal.crop}{_crop_words(proposal)}"


def describe_promises(arrangement: Arrangement, params: Params) -> Iterator[str]:
    """Sentences on what each category's scans are used for, and what too few of them mean.

    What is true of several categories is said once.
    """
    same: dict[str, list[str]] = {}
    for name, files in arrangement.scans.items():
        for sentence in _promise(files, params):
            same.setdefault(sentence, []).append(name)
    for sentence, names in same.items():
        yield f"{', '.join(names)}: {sentence}"


def _promise(files: Sequence[ScanFiles], params: Params) -> Iterator[str]:
    splits = Counter((one.split, one.label) for one in files)
    train, validation = splits["train", 0], splits["validation", 0]
    held_out = validation or held_out_count(train, params.model.holdout)
    train -= 0 if validation else held_out
    good, bad = splits["test", 0], splits["test", 1]
    yield (
        f"{counted(train, 'good scan')} to learn from, {held_out} to set the threshold, {good} "
        f"good and {bad} defective to test"
    )
    yield from _too_few(splits["train", 0], held_out, bool(validation), params)
    if not bad:
        yield (
            "no scan is known to be defective, so nobody can tell yet how many defects are "
            "missed; put defective scans into a folder with the defect's name, beside the good"
        )


def _too_few(train: int, held_out: int, validation: bool, params: Params) -> Iterator[str]:
    target, holdout = params.voting.target_fpr, params.model.holdout
    needed = scans_needed(target)
    if held_out >= needed:
        return
    remedy = f"that many in the folder validation, where there are {held_out}"
    if not validation:
        more = next(n for n in range(train, 10**9) if held_out_count(n, holdout) >= needed)
        remedy = (
            f"{more} good scans to learn from and calibrate with, where there are {train}, or "
            f"{needed} of their own in a folder validation"
        )
    yield (
        f"{counted(held_out, 'scan')} to set the threshold can promise a rate of false alarms of "
        f"{expected_rate(held_out, target):.1%} on average; voting.target_fpr, {target:.1%}, takes "
        f"{needed}: {remedy}"
    )


def _layout_words(one: Arrangement) -> str:
    if one.layout == "loose":
        return f": scans lie right in {_places(one)}, and all of these count as good"
    return f", read from {one.root}"


def _places(one: Arrangement) -> str:
    if len(one.scans) == 1:
        return str(one.root / next(iter(one.scans)))
    return f"folders of {one.root}"


def _like_days(names: Sequence[str]) -> bool:
    """Whether several folders are named by numbers, as those of days and lots are."""
    return len(names) > 1 and all(not any(map(str.isalpha, name)) for name in names)


def _crop_words(proposal: Proposal) -> str:
    if proposal.part_share is None:
        return ": no part was found in the scans that were looked at"
    covers = f": the part covers {proposal.part_share:.0%} of the picture"
    if proposal.crop == "none":
        return covers
    return f"{covers}, so the networks are shown the square around it"


def _length(metres: float) -> str:
    return f"{metres * 1000:.3g} mm" if metres < 1 else f"{metres:.3g} m"
