"""What n held-out good scans can promise about false alarms (docs/decisions/0004)."""

import math

CONFIDENCE = 0.95  # of intervals and bounds


def conformal_rank(scans: int, target_fpr: float) -> int:
    """The rank, from 1, of the object score that is the threshold among n sorted ones."""
    # less a little, since 9 * (1 - 1 / 3) is above 6 in floats
    return min(math.ceil((scans + 1) * (1 - target_fpr) - 1e-9), scans)


def expected_rate(scans: int, target_fpr: float) -> float:
    """The false-alarm rate that the threshold promises on average over draws of the n scans.

    It is at most the target where n is large enough (n + 1 >= 1 / target), else 1 / (n + 1).
    """
    return (scans + 1 - conformal_rank(scans, target_fpr)) / (scans + 1)


def rate_bound(scans: int, target_fpr: float, confidence: float = CONFIDENCE) -> float:
    """The rate that the threshold of these very n scans stays below, with `confidence`.

    Over draws of n scans with continuous scores the threshold's true rate is Beta(n + 1 - r, r)
    distributed, r being its rank.
    """
    rank = conformal_rank(scans, target_fpr)
    return _beta_quantile(confidence, scans + 1 - rank, rank)


def scans_needed(target_fpr: float) -> int:
    """The fewest held-out scans with which the target can be promised on average."""
    return max(1, math.ceil(1 / target_fpr - 1e-9) - 1)


def clopper_pearson(
    events: int, trials: int, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """The exact two-sided interval of a rate, where `events` were seen in so many `trials`.

    Without trials it is (0, 1).
    """
    tail = (1 - confidence) / 2
    low = _beta_quantile(tail, events, trials - events + 1) if events else 0.0
    high = _beta_quantile(1 - tail, events + 1, trials - events) if events < trials else 1.0
    return low, high


def _beta_quantile(probability: float, a: int, b: int) -> float:
    """The same as `scipy.stats.beta.ppf`, without the second that importing scipy.stats takes."""
    from scipy.special import betaincinv

    return float(betaincinv(a, b, probability))
