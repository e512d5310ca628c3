"""VM, the Voting Module (section III-E): three score maps into one anomaly map and a decision."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import ConfigDict, Field, TypeAdapter

from ..cache.maps import MAPS, NEAR_MAPS
from ..calibration.conformal import conformal_rank
from ..params.schema import BoxSide, Exponent, MapName, Rule, Share, Svm, Voting
from ..params.section import Count, Positive
from ..plumbing.documents import dump_json, read_bytes
from ..plumbing.errors import CacheError, ConfigError, NoDecisionError, TrainingError
from ..plumbing.words import are, counted
from .each import Each
from .left_out import Score, left_out_scores
from .pooled import Pooled, picked
from .smoothing import Floats, box_means
from .trust import NO_SPREAD, Mask, Trust, fit_trust

VOTING_FILE = "voting.json"  # among a category's votes
SVM_PIXELS = 100_000  # at most so many foreground pixels train the one-class SVM
SVM_SEED = 42  # the published code's

NotNegative = Annotated[float, Field(ge=0)]
Threshold = Annotated[float, Field(ge=0, le=float(np.finfo(np.float32).max))]  # a map is float32

ALL_MAPS = MAPS + NEAR_MAPS  # in the order of a scan's score maps


@dataclass(frozen=True)
class VotingModel:
    """Everything that turns score maps into an anomaly map, an object score and a decision."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    rule: Rule
    maps: tuple[MapName, ...]  # that the calibrated and the trusted rule join
    levels: tuple[tuple[Exponent, Exponent, Exponent], ...]  # of the paper rule
    smoothing: tuple[BoxSide, ...]
    centre: tuple[NotNegative, ...]  # of each factor: what good foreground pixels show; paper: 0
    scale: tuple[
        Positive, ...
    ]  # of what exceeds the centre; the calibrated rule's, over its weight
    ocsvm: Svm
    coefficients: tuple[NotNegative, ...]  # of the one-class SVM; empty without one
    threshold: Threshold  # see `exceeds`
    target_fpr: Share
    calibration_scans: Count  # held-out good scans behind threshold; all but paper: and the scale
    trust: Trust | None = None  # of the trusted rule
    held_out_scores: tuple[
        NotNegative, ...
    ] = ()  # sorted, of the calibration scans; () before 0020
    note: str = ""  # where a person has set the threshold: their words

    @property
    def members(self) -> int:
        """How many factors the rule joins."""
        if self.rule == "paper":
            return len(self.levels)
        return len(self.maps) + (self.rule == "trusted")

    def check(self) -> None:
        """Raises ValueError where its parts do not fit each other."""
        svm = {"none": 0, "product": 1, "maps": self.members}[self.ocsvm]
        for name, wanted in (
            ("centre", self.members),
            ("scale", self.members),
            ("coefficients", svm),
        ):
            if len(getattr(self, name)) != wanted:
                raise ValueError(f"{name} has {len(getattr(self, name))} numbers, not {wanted}")
        if (self.trust is None) == (self.rule == "trusted"):
            raise ValueError("trust is there with the rule trusted, and with no other")
        if self.trust is not None:
            self.trust.check(len(self.maps))
        if len(self.held_out_scores) not in (0, self.calibration_scans):
            raise ValueError("held_out_scores are not those of calibration_scans")

    def anomaly_map(self, score_maps: np.ndarray) -> np.ndarray:
        """The anomaly map S'_All of one scan.

        Args:
            score_maps: (K, 224, 224) S_RGB, S_XYZ, S_Mtr, and those of a memory; 0 on the
                background.

        Returns:
            (224, 224) float32, at least 0. As in the published code, f spreads scores up to 19
            pixels past the foreground: over pixels where a crack or a wall returned no point.

        Raises:
            NoDecisionError: a number is not finite, so that nothing can be said of the scan.
        """
        return self.vote(score_maps)[0]

    def vote(self, score_maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The anomaly map of one scan, and the factors (K, 224, 224) that it was joined from."""
        _check_finite(score_maps, "its score maps")
        with np.errstate(over="ignore", invalid="ignore"):  # the check says it in a sentence
            factors = self._standardised(score_maps)
            combined = self._combine(factors).astype(np.float32)
        _check_finite(combined, "its anomaly map")
        return combined, factors

    def part_factors(self, score_maps: np.ndarray) -> Floats:
        """The factors (K, P) of the foreground pixels of one scan, before their scale."""
        return self._factors(score_maps)[:, _foreground(score_maps)]

    def _factors(self, score_maps: np.ndarray) -> Floats:
        """The factors (K, 224, 224): f of each level's product (eq. 6), or of each map alone."""
        if self.trust is not None:
            chosen, part = _chosen(score_maps, self.maps), _foreground(score_maps)
            return self.trust.members(chosen, part, self.smoothing)
        if self.rule == "calibrated":
            return box_means(_chosen(score_maps, self.maps), self.smoothing)
        positive = np.maximum(score_maps[: len(MAPS)].astype(np.float64), 0)  # or -1e-7 by rounding
        products = np.stack([_level_product(positive, level) for level in self.levels])
        return box_means(products, self.smoothing)

    def _standardised(self, score_maps: np.ndarray) -> np.ndarray:
        """The factors (K, 224, 224), at least 0, over their scale on good parts."""
        return _over_scale(self._factors(score_maps), self.centre, self.scale)

    def _combine(self, factors: np.ndarray) -> np.ndarray:
        if self.ocsvm == "maps":
            return np.tensordot(self.coefficients, factors, axes=1)
        if self.rule == "paper":
            combined = factors.prod(axis=0)
        else:
            combined = np.sqrt(np.square(factors).sum(axis=0))
        return combined * self.coefficients[0] if self.ocsvm == "product" else combined

    def shares(self, factors: np.ndarray, foreground: np.ndarray) -> dict[str, float]:
        """What each score map brings to the object score, as shares of 1, by the map's name.

        They are those of the squares that the calibrated and the trusted rule sum at the pixel with
        the highest score; the latter's product of maps is named so. The paper's product of factors
        has no shares: the result is empty.

        Args:
            factors: (K, 224, 224) of `vote`.
            foreground: (224, 224) bool.
        """
        if self.rule == "paper" or self.ocsvm == "maps":
            return {}
        squares = np.square(factors[:, foreground].astype(np.float64))
        total = squares.sum(axis=0)
        worst = int(total.argmax())
        if not total[worst] > 0:
            return {}
        names = [*self.maps, "product"][: len(squares)]
        return dict(zip(names, (squares[:, worst] / total[worst]).tolist(), strict=True))

    def save(self, path: Path) -> None:
        content = asdict(self)
        if self.trust is None:
            del content["trust"]
        path.write_text(dump_json(content, indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> "VotingModel":
        """Raises CacheError where the file is missing or not a voting model of sane numbers."""
        try:
            content = read_bytes(path)
        except (OSError, ValueError) as error:
            raise CacheError(f"{path}: no voting model ({error}); `dvc repro` makes it") from None
        return cls.parse(content, path)

    @classmethod
    def parse(cls, content: bytes, path: Path) -> "VotingModel":
        """The model in the content of the file at a path; raises as `load`."""
        try:
            model = TypeAdapter(cls).validate_json(content)
            model.check()
        except ValueError as error:  # a ValidationError is a ValueError
            reason = " ".join(str(error).split())
            raise CacheError(f"{path}: no voting model ({reason}); `dvc repro` makes it") from None
        return model


def _check_finite(values: np.ndarray, what: str) -> None:
    wrong = values.size - int(np.count_nonzero(np.isfinite(values)))
    if wrong:
        raise NoDecisionError(
            f"no decision: {counted(wrong, 'value')} of {what} {are(wrong)} NaN or infinite; "
            "the model or its weights are damaged, make or copy them again"
        )


def object_score(anomaly_map: np.ndarray, foreground: np.ndarray) -> float:
    """Max(S'_All) over the foreground (section III-E), of (224, 224) float32 and bool."""
    return float(anomaly_map[foreground].max())


def exceeds(scores: ArrayLike, threshold: float) -> NDArray[np.bool_]:
    """The decision: which object scores call their scans defective, and which pixels are above.

    Both sides are compared as float64: a float32 map against a plain float would round the latter.
    What cannot be compared, as NaN, is not good.
    """
    return np.asarray(~(np.asarray(scores) <= np.float64(threshold)))


def fit_voting(
    train: Sequence[np.ndarray], held_out: Sequence[np.ndarray], options: Voting
) -> VotingModel:
    """Fit the voting module on good scans' score maps.

    The paper rule takes the scale of its factors, their mean, and its SVM from the training
    scans, as published. The calibrated rule takes them from held-out scans, on which MGM's errors
    are those of new parts, and its scale is how far the worst pixel of a typical one exceeds the
    mean, over the map's weight (docs/decisions/0009). The trusted rule joins the same maps and
    their product, each to a power that held-out scans tell (docs/decisions/0015). The threshold
    comes from the held-out scans in all three, each scored by a rule that was fitted without it
    (docs/decisions/0004).

    No more than one scan is held at a time. Scans are gone through a few times instead, so a
    sequence may read each one when it is asked for; `Pooled` says how the statistics stay exact.

    Args:
        train, held_out: (K, 224, 224) score maps of each scan.

    Raises:
        TrainingError: no held-out scan, or scores without any spread.
        ConfigError: `voting.maps` names a map that the scans do not have.
    """
    if not held_out:
        raise TrainingError("no held-out good scan to calibrate on; add a validation split")
    _check_maps(options, len(held_out[0]))
    model, good, count = _fit(train, held_out, options)
    if options.ocsvm != "none":
        model = _with_svm(model, good, count, options)

    def fit_to(scans: Sequence[np.ndarray]) -> Score:
        rule = _fit(train, scans, options)[0]
        svm = replace(rule, ocsvm=model.ocsvm, coefficients=model.coefficients)
        return partial(_score, svm)

    fitted_to = [] if options.rule == "paper" else held_out  # the paper's sees training scans alone
    scores = left_out_scores(held_out, fitted_to, partial(_score, model), fit_to)
    threshold = decision_threshold(scores, options.target_fpr)
    return replace(model, threshold=threshold, held_out_scores=tuple(sorted(scores)))


def _score(model: VotingModel, score_maps: np.ndarray) -> float:
    return object_score(model.anomaly_map(score_maps), (score_maps != 0).any(axis=0))


def _fit(
    train: Sequence[np.ndarray], held_out: Sequence[np.ndarray], options: Voting
) -> tuple[VotingModel, Sequence[Floats], int]:
    """The module without SVM and threshold; the factors of good parts, and of how many pixels."""
    paper = options.rule == "paper"
    levels = tuple((float(a), float(b), float(c)) for a, b, c in options.levels)
    model = VotingModel(
        rule=options.rule,
        maps=tuple(options.maps),
        levels=levels,
        smoothing=tuple(options.smoothing),
        centre=(),
        scale=(),
        ocsvm="none",
        coefficients=(),
        threshold=0.0,
        target_fpr=options.target_fpr,
        calibration_scans=len(held_out),
        trust=_trust(held_out, options) if options.rule == "trusted" else None,
    )
    good = Each(train if paper else held_out, model.part_factors)
    pool = Pooled.of(good)
    centre, scale = _mean_scale(pool) if paper else _worst_pixel_scale(pool)
    if not paper:
        scale /= _weights(options)
    if not (scale > 0).all() or not pool.has_spread:
        raise TrainingError(NO_SPREAD)
    model = replace(model, centre=tuple(centre.tolist()), scale=tuple(scale.tolist()))
    return model, good, pool.count


def _trust(held_out: Sequence[np.ndarray], options: Voting) -> Trust:
    chosen = Each(held_out, lambda maps: _chosen(maps, options.maps))
    return fit_trust(chosen, Each(held_out, _foreground), options.smoothing)


def _check_maps(options: Voting, count: int) -> None:
    """Raise ConfigError where a rule joins a map of a memory that scans of `count` maps lack."""
    used = () if options.rule == "paper" else options.maps
    for name in used:
        if ALL_MAPS.index(name) >= count:
            raise ConfigError(
                f"voting.maps names {name}, but the scans have no such score map: set "
                f"model.memory.{'rgb' if name == 'near_rgb' else 'rows'}, or take it out"
            )


def _weights(options: Voting) -> list[float]:
    """The weight of each member of a rule; those of a memory and the product weigh 1."""
    known = dict(zip(MAPS, options.weights, strict=True))
    weights = [known.get(name, 1.0) for name in options.maps]
    return [*weights, 1.0] if options.rule == "trusted" else weights


def _chosen(score_maps: np.ndarray, names: Sequence[str]) -> np.ndarray:
    return np.stack([score_maps[ALL_MAPS.index(name)] for name in names])


def _foreground(score_maps: np.ndarray) -> Mask:
    """(224, 224), True where any of the maps (K, 224, 224) has a score."""
    return np.asarray(score_maps.any(axis=0))


def _mean_scale(pool: Pooled) -> tuple[Floats, Floats]:
    """The paper's centre and scale (K,) of pooled factors: 0, and their mean."""
    scale = pool.mean
    return np.zeros_like(scale), scale


def _worst_pixel_scale(pool: Pooled) -> tuple[Floats, Floats]:
    """The mean (K,) of pooled factors, and the median of what scans' maxima exceed it by."""
    centre = pool.mean
    return centre, pool.typical_worst - centre


def decision_threshold(good_scores: Sequence[float], target_fpr: float) -> float:
    """The split-conformal quantile of held-out good scans' object scores.

    The ceil((n + 1)(1 - target))-th smallest of n scores: a new good part exceeds it with
    probability at most `target_fpr`. With too few scans to promise that (n + 1 < 1 / target) it
    is the largest score, exceeded with probability 1 / (n + 1).
    """
    scores = np.sort(np.asarray(good_scores, dtype=np.float64))
    return float(scores[conformal_rank(len(scores), target_fpr) - 1])


def fit_ocsvm(values: np.ndarray, nu: float) -> np.ndarray:
    """Weights (K,) of scikit-learn's linear one-class SVM on rows (P, K), as M3DM fits it.

    `values @ weights` is then larger for the more anomalous: it leaves the offset out, like
    `score_samples`.
    """
    from sklearn.linear_model import SGDOneClassSVM

    svm = SGDOneClassSVM(random_state=SVM_SEED, nu=nu, max_iter=1000)
    return svm.fit(np.asarray(values, dtype=np.float64)).coef_


def _with_svm(
    model: VotingModel, good: Iterable[Floats], count: int, options: Voting
) -> VotingModel:
    """The model with the one-class SVM of some of the `count` pixels of scans' factors (K, P)."""
    places = np.arange(count)
    if count > SVM_PIXELS:
        places = np.random.default_rng(SVM_SEED).choice(count, SVM_PIXELS, replace=False)
    factors = _over_scale(picked(good, places), model.centre, model.scale)
    rows = factors.T if options.ocsvm == "maps" else model._combine(factors)[:, None]
    coefficients = fit_ocsvm(rows, options.nu)
    if not (coefficients > 0).any():
        raise TrainingError(
            f"voting.ocsvm = {options.ocsvm!r}: the one-class SVM found no direction in which "
            "scores grow; set voting.ocsvm to none"
        )
    coefficients = np.maximum(coefficients, 0)  # a score map may not vote for being good
    return replace(model, ocsvm=options.ocsvm, coefficients=tuple(coefficients.tolist()))


def _over_scale(factors: np.ndarray, centre: Sequence[float], scale: Sequence[float]) -> np.ndarray:
    """What of factors (K, ...) exceeds the centre, over the scale; 0 where nothing does."""
    shape = (-1,) + (1,) * (factors.ndim - 1)
    return np.maximum((factors - np.reshape(centre, shape)) / np.reshape(scale, shape), 0)


def _level_product(maps: np.ndarray, level: tuple[float, float, float]) -> np.ndarray:
    powers = [m**exponent for m, exponent in zip(maps, level, strict=True) if exponent]
    return np.prod(powers, axis=0)
