"""How each measure of a scan's likeness is said to a person."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """The words of a measure.

    Attributes:
        what: its name, before its value.
        high, low: what a value above or below those of the training means.
        unit: stands behind the value.
        scale: brings a value to that unit.
    """

    what: str
    high: str
    low: str
    unit: str
    scale: Callable[[float], float]

    def sentence(self, above: bool) -> str:
        return self.high if above else self.low

    def show(self, value: float) -> str:
        """A value in the measure's unit, to three digits."""
        return f"{self.scale(value) + 0.0:.3g}"


def _same(value: float) -> float:
    return value


def _percent(value: float) -> float:
    return round(100 * value, 2)


def _mm(value: float) -> float:
    return round(1000 * value, 1)


def _power(value: float) -> float:
    return float(2.0**value)


def _spread_mm(value: float) -> float:
    """From log2 of metres."""
    return float(2.0**value * 1000)


_CUT = "the part is smaller, cut or hidden"
_OTHER = "it is another part, or turned"
_MOVED = "the part lies elsewhere than in training"
_TILTED = "the part is tilted"
_TURNED = "the part is turned, cut or another one"
_COLOUR = "the part has another colour, or the light has"
_SCENES = "image and geometry do not fit: they are of different scenes, or of another part"

_WORDS = {
    "brightness": Words(
        "mean brightness",
        "the picture is too bright",
        "the picture is too dark",
        " of 255",
        lambda value: float(2.0**value - 1),
    ),
    "overexposed": Words(
        "overexposed", "the picture is overexposed", "it is less exposed", " %", _percent
    ),
    "black": Words("black", "the picture is too dark", "less of it is black", " %", _percent),
    "contrast": Words(
        "contrast",
        "the part shows more contrast",
        "the part shows less contrast",
        " of its mean",
        _power,
    ),
    "red": Words("red", _COLOUR, _COLOUR, " %", _percent),
    "blue": Words("blue", _COLOUR, _COLOUR, " %", _percent),
    "pixels": Words("its size", "the part is larger, or there are more", _CUT, " px", _power),
    "length": Words("spread along it", _OTHER, _CUT, " mm", _spread_mm),
    "width": Words("spread across it", _OTHER, _CUT, " mm", _spread_mm),
    "height": Words("spread of its height", _OTHER, _OTHER, " mm", _spread_mm),
    "x": Words("x", _MOVED, _MOVED, " mm", _mm),
    "y": Words("y", _MOVED, _MOVED, " mm", _mm),
    "z": Words("distance", "the part is farther away", "the part is nearer", " mm", _mm),
    "lean_x": Words("lean to x", _TILTED, _TILTED, "", _same),
    "lean_y": Words("lean to y", _TILTED, _TILTED, "", _same),
    "turn": Words("turn", _TURNED, _TURNED, "", _same),
    "skew": Words("skew", _TURNED, _TURNED, "", _same),
    "missing": Words(
        "missing within its outline",
        "too many of the part's points are missing",
        "fewer points are missing",
        " %",
        _percent,
    ),
    "border": Words(
        "on the border",
        "the part is cut by the picture's border",
        "less of the part is at the border",
        " %",
        _percent,
    ),
    "mismatch": Words("reconstruction error", _SCENES, "they fit better", "", _power),
}


def words_of(measure: str) -> Words:
    """The words of one of `MEASURES`."""
    return _WORDS[measure]
