// Outlines of masks: lines along the edges of pixels, in one style for each meaning.

const OUTLINES = {
  truth: { name: "ground truth, a solid line", colour: "#ffffff", dash: [] },
  predicted: { name: "above the threshold, a dashed line", colour: "#ffe14d", dash: [4, 3] },
};

/** Closed lines around the 1s of a square mask: lists of corners, each y * (side + 1) + x. */
function contours(mask, side) {
  const edges = new Map(); // from a corner to the corners that edges lead to, the 1s on their right
  const corner = (x, y) => y * (side + 1) + x;
  const add = (from, to) => {
    if (!edges.has(from)) edges.set(from, []);
    edges.get(from).push(to);
  };
  const at = (x, y) => x >= 0 && y >= 0 && x < side && y < side && mask[y * side + x];
  mask.forEach((bit, i) => {
    if (!bit) return;
    const x = i % side, y = Math.floor(i / side);
    if (!at(x, y - 1)) add(corner(x, y), corner(x + 1, y));
    if (!at(x + 1, y)) add(corner(x + 1, y), corner(x + 1, y + 1));
    if (!at(x, y + 1)) add(corner(x + 1, y + 1), corner(x, y + 1));
    if (!at(x - 1, y)) add(corner(x, y + 1), corner(x, y));
  });
  const lines = [];
  for (const [start, ends] of edges) {
    while (ends.length) { // as many edges lead to a corner as leave it, so each walk ends at its start
      const line = [start];
      for (let place = ends.pop(); place !== start; place = edges.get(place).pop()) line.push(place);
      lines.push(line);
    }
  }
  return lines;
}

/** Draw one of `OUTLINES` of a view over a picture at x that is `width` pixels wide. */
function strokeOutline(context, view, kind, x, width) {
  const mask = view[kind], { side } = view, { colour, dash } = OUTLINES[kind];
  if (!mask?.includes(1)) return;
  const path = new Path2D(), scale = width / side, line = Math.min(2.5, Math.max(1, width / SIDE));
  for (const corners of contours(mask, side)) {
    corners.forEach((place, i) => {
      const to = [x + scale * (place % (side + 1)), scale * Math.floor(place / (side + 1))];
      if (i) path.lineTo(...to);
      else path.moveTo(...to);
    });
    path.closePath();
  }
  context.save();
  context.strokeStyle = "#000000";
  context.lineWidth = 3 * line;
  context.stroke(path);
  context.setLineDash(dash.map((length) => length * line));
  context.strokeStyle = colour;
  context.lineWidth = 1.5 * line;
  context.stroke(path);
  context.restore();
}

/** What the two lines mean. */
function outlineLegend() {
  return Object.entries(OUTLINES).map(([kind, { name }]) => element("li", {},
    drawing("svg", { viewBox: "0 0 28 8", "aria-hidden": "true" },
      drawing("path", { class: "outline-under", d: "M0 4H28" }),
      drawing("path", { class: `outline-${kind}`, d: "M0 4H28" })),
    name));
}
