"""One PNG a scan: inputs, ground truth, score maps and decision side by side.

Drawn with numpy and Pillow: a tenth of the time of a matplotlib figure, and the same bytes for the
same input. Every map has the colour scale of its category (`colour_ranges`), so that panels can be
compared by eye; background is grey, never colour-mapped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, zip_longest
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from ..dataset.scan import GOOD
from ..voting.model import exceeds

Pixels = NDArray[np.uint8]
Floats = NDArray[np.floating]
Bools = NDArray[np.bool_]
Colour = tuple[int, int, int]

INK: Colour = (25, 25, 25)
FAINT: Colour = (95, 95, 95)
PAPER: Colour = (255, 255, 255)
NEUTRAL: Colour = (205, 205, 205)
# Okabe and Ito's blue and vermilion, which people of any common colour vision tell apart.
ACCEPT: Colour = (0, 114, 178)
REJECT: Colour = (213, 94, 0)

PREDICTED: Colour = (255, 225, 77)  # of the line around what is above the threshold
STATES: dict[tuple[bool, bool], tuple[str, Colour]] = {  # by (defective, rejected), as the report
    (True, False): ("✕ missed defect", (176, 0, 64)),
    (False, True): ("! false alarm", (138, 75, 0)),
    (True, True): ("✓ caught defect", (0, 105, 75)),
    (False, False): ("○ correctly passed", (61, 90, 128)),
}

GAP, LABEL, HEADER = 8, 20, 50
DASH = 4  # pixels of a dash, and of the gap after it


@dataclass(frozen=True, eq=False)
class MapView:
    """A map with its colour scale.

    Attributes:
        name: what stands above the map, such as "S_RGB".
        values: (H, W) float32, higher means more anomalous.
        vmin: value of the lowest colour, shared by the category.
        vmax: value of the highest colour, shared by the category; above vmin.
    """

    name: str
    values: Floats
    vmin: float
    vmax: float


@dataclass(frozen=True, eq=False)
class Panel:
    """Everything that one panel shows.

    Attributes:
        category: such as "bagel".
        scan_id: the manifest's sample id.
        defect: defect kind, "good", or None where the truth is not known.
        rgb: (H, W, 3) uint8, the network's input view.
        depth: (H, W) float32 metres, 0 = background.
        foreground: (H, W) bool, pixels with a valid point.
        mask: (H, W) bool ground truth, or None without one.
        score_maps: at most three, in the order to show them.
        anomaly: the final anomaly map.
        score: object score.
        threshold: a score above it is rejected; None without a decision.
    """

    category: str
    scan_id: str
    defect: str | None
    rgb: Pixels
    depth: Floats
    foreground: Bools
    mask: Bools | None
    score_maps: tuple[MapView, ...]
    anomaly: MapView
    score: float
    threshold: float | None

    @property
    def rejected(self) -> bool | None:
        """Whether the scan is called defective; None without a threshold."""
        return None if self.threshold is None else bool(exceeds(self.score, self.threshold))

    @property
    def predicted(self) -> Bools | None:
        """(H, W) bool, the part's pixels above the threshold; None without a threshold."""
        if self.threshold is None:
            return None
        return np.asarray(exceeds(self.anomaly.values, self.threshold) & self.foreground)


def choose_scans(
    object_scores: ArrayLike, labels: ArrayLike, defects: Sequence[str], count: int
) -> list[int]:
    """Choose at most `count` scans for the gallery by index, each once, the same every time.

    First come the scans of median score among the good ones and among each defect kind, by name.
    Then defects of lowest score take turns with good scans of highest score: these are the worst
    misses and the worst false alarms. Equal scores go by index.
    """
    scores, kinds = np.asarray(object_scores, dtype=np.float64), np.asarray(defects)
    truth, order = np.asarray(labels, dtype=bool), np.argsort(scores, kind="stable")
    names = sorted(set(kinds[truth].tolist()))
    groups = [order[~truth[order]]] + [order[(kinds == k)[order] & truth[order]] for k in names]
    typical = [group[(len(group) - 1) // 2] for group in groups if len(group)]
    misses, alarms = order[truth[order]], np.argsort(-scores, kind="stable")
    alarms = alarms[~truth[alarms]]
    worst = chain.from_iterable(zip_longest(misses.tolist(), alarms.tolist()))
    wanted = dict.fromkeys([int(i) for i in [*typical, *worst] if i is not None])
    return list(wanted)[:count]


def draw_panel(path: Path, panel: Panel) -> None:
    """Write the panel of one scan as a PNG; the parent folder is made if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Pillow writes neither date nor version into a PNG, so equal panels are equal files.
    render_panel(panel).save(path, format="PNG", compress_level=6)


def render_panel(panel: Panel) -> Image.Image:
    """The panel as an RGB image: a header, then two rows of four cells."""
    height, width = panel.foreground.shape
    canvas = Image.new("RGB", (GAP + 4 * (width + GAP), HEADER + 2 * (LABEL + height + GAP)), PAPER)
    draw = ImageDraw.Draw(canvas)
    _header(draw, panel, canvas.width)
    cells = [*_input_cells(panel), *_score_cells(panel)]
    for i, (name, pixels) in enumerate(cells):
        x, y = GAP + (i % 4) * (width + GAP), HEADER + (i // 4) * (LABEL + height + GAP)
        draw.text((x, y + 2), _fit(name, 12, width), INK, _font(12))
        canvas.paste(Image.fromarray(pixels), (x, y + LABEL))
    _key(draw, panel, GAP + 3 * (width + GAP), HEADER + LABEL + height + GAP, width)
    return canvas


def _input_cells(panel: Panel) -> list[tuple[str, Pixels]]:
    photo = _coarse(panel.rgb)
    seen = overlay(panel.rgb, panel.anomaly, panel.foreground)
    truth = "not known" if panel.mask is None else "outlined" if panel.mask.any() else "no defect"
    return [
        ("RGB", photo),
        (_depth_name(panel), _relief(panel.depth, panel.foreground & (panel.depth > 0))),
        (f"Ground truth: {truth}", outlined(photo, panel.mask)),
        ("Anomaly map on RGB", dashed(outlined(seen, panel.mask), panel.predicted)),
    ]


def _coarse(rgb: Pixels) -> Pixels:
    """Keep 32 levels of each channel: else most of the file would be the sensor's noise."""
    return rgb // 8 * 8 + 4


def _score_cells(panel: Panel) -> list[tuple[str, Pixels]]:
    return [
        (f"{view.name}   {_range(view)}", _coloured(view, "viridis", panel.foreground))
        for view in panel.score_maps[:3]
    ]


def _range(view: MapView) -> str:
    return f"{view.vmin:.3g} to {view.vmax:.3g}"


def _unit(view: MapView) -> Floats:
    """The map's values scaled to [0, 1] by its colour range."""
    return np.clip((view.values - view.vmin) / max(view.vmax - view.vmin, 1e-12), 0.0, 1.0)


@cache
def _palette(name: str) -> Pixels:
    """The (256, 3) colours of a matplotlib colormap."""
    return (matplotlib.colormaps[name](np.arange(256))[:, :3] * 255 + 0.5).astype(np.uint8)


def _lookup(unit: Floats, name: str) -> Pixels:
    # 64 of the 256 colours show no steps and make the file a third smaller.
    return _palette(name)[(unit * 63 + 0.5).astype(np.uint8) * 4]


def _coloured(view: MapView, name: str, foreground: Bools) -> Pixels:
    return np.where(foreground[..., None], _lookup(_unit(view), name), np.uint8(NEUTRAL[0]))


def overlay(rgb: Pixels, anomaly: MapView, foreground: Bools) -> Pixels:
    """Lay an anomaly map over the grey image (H, W, 3); anomalous pixels are more opaque."""
    grey = rgb.mean(axis=-1, keepdims=True)  # (H, W, 1)
    unit = _unit(anomaly)
    alpha = np.where(foreground, np.minimum(1.5 * unit, 0.85), 0.0)[..., None]
    colours = _lookup(unit, "inferno") * alpha
    return _coarse((grey * (1 - alpha) + colours).astype(np.uint8))


def outlined(rgb: Pixels, mask: Bools | None) -> Pixels:
    """`rgb` with the mask's edge in white inside black, which shows on any ground."""
    if mask is None or not mask.any():
        return rgb
    out = rgb.copy()
    out[ndimage.binary_dilation(mask, iterations=2) & ~mask] = 0
    out[ndimage.binary_dilation(mask) & ~mask] = 255
    return out


def dashed(rgb: Pixels, mask: Bools | None) -> Pixels:
    """`rgb` with a dashed yellow line on black around what is above the threshold."""
    if mask is None or not mask.any():
        return rgb
    out = rgb.copy()
    out[ndimage.binary_dilation(mask, iterations=2) & ~mask] = 0
    rows, columns = np.nonzero(ndimage.binary_dilation(mask) & ~mask)
    dash = (rows + columns) // DASH % 2 == 0
    out[rows[dash], columns[dash]] = PREDICTED
    return out


def _depth_name(panel: Panel) -> str:
    values = panel.depth[panel.foreground & (panel.depth > 0)]
    if not values.size:
        return "Depth: no points"
    return f"Depth   {1000 * values.min():.1f} to {1000 * values.max():.1f} mm"


def _relief(depth: Floats, foreground: Bools) -> Pixels:
    """Depth in colour (near is bright), shaded from the upper left so that small dents show."""
    out = np.full((*depth.shape, 3), NEUTRAL[0], dtype=np.uint8)
    if not foreground.any():
        return out
    low, high = np.percentile(depth[foreground], (1, 99))
    unit = np.clip((high - depth) / max(high - low, 1e-9), 0.0, 1.0)
    shaded = _lookup(unit, "cividis") * _shade(depth, foreground)[..., None]
    out[foreground] = _coarse(np.minimum(shaded, 255).astype(np.uint8))[foreground]
    return out


def _shade(depth: Floats, foreground: Bools) -> Floats:
    """The brightness of each pixel, 0.5 to 1.3; slopes are relative to their 90th percentile."""
    inside = ndimage.binary_erosion(foreground, iterations=2)  # the reach of both filters
    dy, dx = np.gradient(ndimage.uniform_filter(depth.astype(np.float64), 3))
    slope = np.where(inside, dx + dy, 0.0)  # positive where the surface falls away from the light
    typical = np.percentile(np.abs(slope[inside]), 90) if inside.any() else 0.0
    return 0.9 - 0.4 * np.tanh(slope / max(typical, 1e-9))


@cache
def _font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)


def _fit(text: str, size: int, width: int, bold: bool = False) -> str:
    """Return `text`, cut with an ellipsis if it is wider than `width` pixels."""
    font = _font(size, bold)
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"


def verdict(panel: Panel) -> tuple[str, Colour]:
    """What became of the scan, in words and in a colour; the decision where no truth is known."""
    if panel.rejected is None:
        return "no decision", FAINT
    if panel.defect is None:
        return ("called defective", REJECT) if panel.rejected else ("called good", ACCEPT)
    return STATES[panel.defect != GOOD, panel.rejected]


def _header(draw: ImageDraw.ImageDraw, panel: Panel, width: int) -> None:
    badge, fill = verdict(panel)
    left = width - GAP - 20 - int(_font(15, True).getlength(badge))
    draw.rectangle((left, 8, width - GAP, 38), fill=fill)
    draw.text((left + 10, 14), badge, PAPER, _font(15, True))
    title = _fit(f"{panel.category}   {panel.scan_id}", 15, left - 2 * GAP, bold=True)
    limit = "none" if panel.threshold is None else f"{panel.threshold:.4g}"
    truth = "not known" if panel.defect is None else panel.defect
    facts = f"truth: {truth}    object score {panel.score:.4g}    threshold {limit}"
    draw.text((GAP, 5), title, INK, _font(15, True))
    draw.text((GAP, 27), _fit(facts, 13, left - 2 * GAP), INK, _font(13))


def _key(draw: ImageDraw.ImageDraw, panel: Panel, x: int, y: int, width: int) -> None:
    """Draw the eighth cell: the score against the threshold, and a key to colours and lines."""
    draw.text((x, y + 2), "Object score against threshold", INK, _font(12))
    _gauge(draw, panel, x, y + 30, width)
    view = panel.anomaly
    _bar(draw, "viridis", x, y + 88, width, "score maps: range above each")
    _bar(draw, "inferno", x, y + 134, width, f"anomaly map: {_range(view)}")
    for place, name in ((174, "ground truth"), (191, "above the threshold")):
        draw.rectangle((x, y + place, x + 22, y + place + 8), fill=(0, 0, 0))
        draw.text((x + 30, y + place - 3), name, INK, _font(12))
    draw.rectangle((x + 1, y + 177, x + 21, y + 179), fill=PAPER)
    for dash in range(1, 21, 2 * DASH):
        draw.rectangle((x + dash, y + 194, x + dash + DASH - 1, y + 196), fill=PREDICTED)
    draw.rectangle((x, y + 208, x + 22, y + 216), fill=NEUTRAL)
    draw.text((x + 30, y + 205), "background, not scored", INK, _font(12))
    draw.text((x, y + 226), "Scales are shared by the category.", FAINT, _font(11))


def _gauge(draw: ImageDraw.ImageDraw, panel: Panel, x: int, y: int, width: int) -> None:
    """Draw a bar with good left and defect right of the threshold, and a needle at the score."""
    middle = x + width // 2
    if panel.threshold is None:
        draw.text((x, y), "no threshold", FAINT, _font(12))
        return
    draw.rectangle((x, y + 6, middle, y + 16), fill=ACCEPT)
    draw.rectangle((middle, y + 6, x + width - 1, y + 16), fill=REJECT)
    # The ratio is squashed to the bar: half the threshold lies at a quarter of its length.
    share = panel.score / (panel.score + panel.threshold) if panel.score > 0 else 0.0
    share = share if panel.threshold > 0 else float(panel.score >= panel.threshold)
    needle = x + 3 + int(np.clip(share, 0.0, 1.0) * (width - 7))
    draw.rectangle((needle - 3, y, needle + 3, y + 22), fill=PAPER)
    draw.rectangle((needle - 1, y, needle + 1, y + 22), fill=INK)
    draw.text((x, y + 26), "good", ACCEPT, _font(12, True))
    draw.text((middle, y + 26), f"{panel.threshold:.4g}", INK, _font(12), anchor="ma")
    draw.text((x + width, y + 26), "defect", REJECT, _font(12, True), anchor="ra")


def _bar(draw: ImageDraw.ImageDraw, name: str, x: int, y: int, width: int, text: str) -> None:
    """Draw a colour bar from low to high, with a line of text below it."""
    colours = _lookup(np.linspace(0.0, 1.0, width), name)
    for i, (red, green, blue) in enumerate(colours.tolist()):
        draw.line((x + i, y, x + i, y + 12), fill=(red, green, blue))
    draw.text((x, y + 16), text, INK, _font(12))
