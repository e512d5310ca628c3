"""The learning rate of each step, and when training ends."""

import math

from ..params.schema import EarlyStop

WARM_UP = 0.05  # share of the steps in which the learning rate rises
FALL = 0.25  # with early stop: share of the steps before it that the rate takes to fall to zero


class Cosine:
    """A short rise, then half a cosine to zero at the last step."""

    def __init__(self, steps: int) -> None:
        self.end = steps  # steps to take
        self._rise = max(1, round(WARM_UP * steps))

    def rate(self, step: int) -> float:
        """Share of the learning rate at a step, counted from 0."""
        if step < self._rise:
            return (step + 1) / self._rise
        left = (step - self._rise) / max(1, self.end - self._rise)
        return (1 + math.cos(math.pi * left)) / 2


class Plateau:
    """The same rise, a steady rate until the held-out loss stalls, then a straight fall to zero.

    A cosine that is cut off ends at a high rate; here a run that stops early has cooled down too.
    Where the loss never stalls, the fall takes the last steps (warm-up, stable, decay).
    """

    def __init__(self, steps: int, early: EarlyStop) -> None:
        self._rise = max(1, round(WARM_UP * steps))
        self._patience = early.patience
        self._best, self._waited = math.inf, 0
        self._steps = self.end = steps
        self._fall = round(steps / (1 + FALL))

    def rate(self, step: int) -> float:
        """Share of the learning rate at a step, counted from 0."""
        rise = min(1.0, (step + 1) / self._rise)
        return min(rise, (self.end - step) / max(1, self.end - self._fall))

    def measured(self, step: int, loss: float) -> bool:
        """Take note of the held-out loss after so many steps; whether it is the lowest yet."""
        better = loss < self._best
        if better:
            self._best, self._waited = loss, 0
        else:
            self._waited += 1
        if self._waited >= self._patience and step < self._fall:
            self._fall = step
            self.end = min(self._steps, step + max(1, round(FALL * step)))
        return better
