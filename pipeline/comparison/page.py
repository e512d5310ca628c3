"""The page of a comparison: one HTML file that loads nothing and runs no script."""

import io
from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..drawing.panels import outlined
from ..report.summary import COLUMNS, EACH, MEAN
from ..revisions.settings import differences
from .scans import KINDS, Changed, View
from .seeds import spread
from .sides import Side

MOST = 40  # scans shown of each pair of sides
LIMIT = 2.0  # of the colour scale, in thresholds
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem;
  color: #1a1a1a; background: #fff; }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; }
th, td { padding: .25rem .75rem; border-bottom: 1px solid #ddd; text-align: left; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
small { color: #555; }
figure { margin: 0 0 1.5rem; } figure div { display: flex; gap: .5rem; flex-wrap: wrap; }
img { width: 224px; height: 224px; display: block; }
"""
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src
 'unsafe-inline'">
<title>Mentor3AD: {title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""

Results = Sequence[Any]  # results.json of a side, and of the experiments that repeat it


def render(
    sides: Sequence[Side],
    repeated: Sequence[Results],
    changed: Sequence[tuple[Side, Sequence[Changed], Sequence[str]]],
) -> str:
    """The text of the HTML file.

    Args:
        repeated: for each side its results over the seeds (`repeats`).
        changed: for each side but the first: the scans that it decides otherwise than the first,
            and sentences on what could not be compared.
    """
    title = " beside ".join(side.name for side in sides)
    body = [f"<h1>{escape(title)}</h1>", "<h2>Params that differ</h2>", _params(sides)]
    body += ["<h2>Metrics</h2>", _metrics(sides, repeated), "<h2>Decisions</h2>", _decisions(sides)]
    for side, scans, notes in changed:
        body += [_scans(sides[0], side, scans), *(f"<p>{escape(note)}</p>" for note in notes)]
    return PAGE.format(title=escape(title), style=STYLE, body="\n".join(body))


def changed_params(sides: Sequence[Side]) -> dict[str, list[str]]:
    """The values of each param that differs between any two sides, in the sides' order."""
    pairs = [differences(sides[0].params, side.params) for side in sides[1:]]
    found: dict[str, list[str]] = {}
    for n, pair in enumerate(pairs, start=1):
        for one in pair:
            values = found.setdefault(one.key, [one.text(one.before)] * len(sides))
            values[n] = one.text(one.after)
    return found


def _params(sides: Sequence[Side]) -> str:
    rows = [(key, *values) for key, values in changed_params(sides).items()]
    if not rows:
        return "<p>None.</p>"
    return _table(("param", *(side.name for side in sides)), rows)


def _metrics(sides: Sequence[Side], repeated: Sequence[Results]) -> str:
    names = [(MEAN, metric) for metric in COLUMNS]
    names += [(c, metric) for c in sides[0].categories for metric in EACH]
    rows = []
    for part, metric in names:
        cells = [_value(s, r, part, metric) for s, r in zip(sides, repeated, strict=True)]
        rows.append((f"{part}, {COLUMNS[metric]}", *cells))
    note = "<p><small>± is the sample standard deviation over seeds, where experiments that differ "
    note += "in their seed alone are finished; then the number before it is their mean.</small></p>"
    return _table(("metric", *(side.name for side in sides)), rows, numbers=True) + note


def _value(side: Side, repeated: Results, part: str, metric: str) -> str:
    over = spread(repeated, part, metric)
    if over is not None:
        return f"{over.mean:.3f} ± {over.deviation:.3f} ({over.seeds} seeds)"
    value = side.results.get(part, {}).get(metric)
    return "-" if value is None else f"{value:.3f}"


def _decisions(sides: Sequence[Side]) -> str:
    rows = [
        (category, *(_counts(side.results.get(category, {})) for side in sides))
        for category in sides[0].categories
    ]
    return _table(("false alarms, misses", *(side.name for side in sides)), rows)


def _counts(results: Any) -> str:
    made = results.get("decisions")
    if made is None:
        return "-"
    alarms = f"{made['false_alarms']} of {results['n_good']}"
    return f"{alarms}, {made['misses']} of {results['n_defect']}"


def _scans(first: Side, side: Side, scans: Sequence[Changed]) -> str:
    counts = {kind: sum(one.kind == kind for one in scans) for kind in KINDS.values()}
    said = ", ".join(f"{kind}: {count}" for kind, count in counts.items())
    parts = [
        f"<h2>{escape(side.name)} against {escape(first.name)}: scans that changed sides</h2>",
        f"<p>{said}. Each row has the picture with the true defect outlined, then the anomaly maps "
        f"of {escape(first.name)} and of {escape(side.name)}, over their thresholds from 0 to "
        f"{LIMIT:g}.</p>",
        *(_scan(first, side, one) for one in scans[:MOST]),
    ]
    if len(scans) > MOST:
        parts.append(f"<p>{len(scans) - MOST} more are not shown.</p>")
    return "\n".join(parts)


def _scan(first: Side, side: Side, one: Changed) -> str:
    before, after = one.views
    pictures = [
        (outlined(one.picture, one.mask), f"{one.id}: picture"),
        (_colours(before), f"{one.id}: anomaly map of {first.name}"),
        (_colours(after), f"{one.id}: anomaly map of {side.name}"),
    ]
    scores = f"{before.score:.4g} / {before.threshold:.4g}, then "
    scores += f"{after.score:.4g} / {after.threshold:.4g} (score / threshold)"
    caption = f"<b>{one.kind}</b>: {escape(one.category)}, {escape(one.id)}, {scores}"
    images = "".join(_image(*picture) for picture in pictures)
    return f"<figure><figcaption>{caption}</figcaption><div>{images}</div></figure>"


def _colours(view: View) -> NDArray[np.uint8]:
    unit = np.clip(view.anomaly / LIMIT, 0, 1)
    colours = matplotlib.colormaps["inferno"](unit)[..., :3]
    return (colours * 255 + 0.5).astype(np.uint8)


def _image(pixels: NDArray[np.uint8], name: str) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", quality=80)
    data = b64encode(file.getvalue()).decode("ascii")
    return f'<img alt="{escape(name)}" src="data:image/webp;base64,{data}">'


def _table(head: Iterable[str], rows: Iterable[Sequence[str]], numbers: bool = False) -> str:
    kind = ' class="number"' if numbers else ""
    lines = ["<table>", "<tr>" + "".join(f"<th>{escape(one)}</th>" for one in head) + "</tr>"]
    for first, *cells in rows:
        columns = "".join(f"<td{kind}>{escape(cell)}</td>" for cell in cells)
        lines.append(f"<tr><th>{escape(first)}</th>{columns}</tr>")
    return "\n".join([*lines, "</table>"])
