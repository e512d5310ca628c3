// Line charts and histograms as SVG.

const WIDTH = 360, HEIGHT = 250, PAD = { left: 54, right: 12, top: 10, bottom: 36 };
const styleOf = (i) => `k${i % 5}${i >= 5 ? " dashed" : ""}`;

function scaleOf(low, high, from, to) {
  return (value) => from + ((value - low) / (high - low || 1)) * (to - from);
}

/** About five round values from low to high. */
function ticks(low, high) {
  const raw = (high - low) / 4 || 1, power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 2.5, 5, 10].find((factor) => factor * power >= raw * 0.999);
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(6)));
}

/** Axes with ticks; bounds are [x low, x high, y low, y high]. */
function axes([x0, x1, y0, y1], xName, yName) {
  const x = scaleOf(x0, x1, PAD.left, WIDTH - PAD.right);
  const y = scaleOf(y0, y1, HEIGHT - PAD.bottom, PAD.top);
  const bottom = HEIGHT - PAD.bottom, parts = [];
  for (const value of ticks(x0, x1)) {
    parts.push(drawing("line", { class: "axis", x1: x(value), x2: x(value), y1: PAD.top, y2: bottom }));
    parts.push(drawing("text", { x: x(value), y: bottom + 15, "text-anchor": "middle" }, String(value)));
  }
  for (const value of ticks(y0, y1)) {
    parts.push(drawing("line", { class: "axis", x1: PAD.left, x2: WIDTH - PAD.right, y1: y(value), y2: y(value) }));
    parts.push(drawing("text", { x: PAD.left - 5, y: y(value) + 4, "text-anchor": "end" }, String(value)));
  }
  parts.push(drawing("text", { x: (PAD.left + WIDTH) / 2, y: HEIGHT - 4, "text-anchor": "middle" }, xName));
  const turned = `translate(12 ${(PAD.top + bottom) / 2}) rotate(-90)`;
  parts.push(drawing("text", { transform: turned, "text-anchor": "middle" }, yName));
  return { x, y, parts };
}

function figure(title, summary, parts) {
  const picture = drawing("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title}. ${summary}` });
  picture.append(...parts);
  return element("figure", {}, element("figcaption", {}, title), picture);
}

/** One line a series {name, style, x, y}. */
function lineChart(title, series, xName, yName, bounds, chance = false) {
  const { x, y, parts } = axes(bounds, xName, yName);
  const path = (xs, ys) => xs.map((value, i) => `${i ? "L" : "M"}${x(value).toFixed(1)} ${y(ys[i]).toFixed(1)}`).join("");
  if (chance) parts.push(drawing("path", { class: "chance", d: path([0, 1], [0, 1]) }));
  for (const one of series) {
    parts.push(drawing("path", { class: `curve ${one.style}`, d: path(one.x, one.y) }, drawing("title", {}, one.name)));
  }
  return figure(title, `Curves of ${series.map((one) => one.name).join(", ")}.`, parts);
}

/** Good scores upwards and defective ones downwards from one line, with the threshold. */
function histogram(title, good, bad, limit) {
  const both = [...good, ...bad], bins = 24; // too many scans for the arguments of Math.max
  const high = both.reduce((a, b) => Math.max(a, b), limit) * 1.02 || 1;
  const low = both.reduce((a, b) => Math.min(a, b), Math.min(0, limit));
  const binOf = (value) => Math.min(bins - 1, Math.floor(((value - low) / (high - low)) * bins));
  const count = (values) => values.reduce((sums, value) => (sums[binOf(value)]++, sums), Array(bins).fill(0));
  const up = count(good), down = count(bad), most = Math.max(1, ...up, ...down);
  const { x, y, parts } = axes([low, high, -most, most], "object score", "scans");
  for (const text of parts) text.textContent = text.textContent.replace(/^-(?=\d)/, "");
  const bar = (i, n, name) => drawing("rect", {
    class: name, x: x(low + ((high - low) * i) / bins) + 0.5, width: (x(high) - x(low)) / bins - 1,
    y: Math.min(y(0), y(n)), height: Math.abs(y(n) - y(0)),
  });
  up.forEach((n, i) => n && parts.push(bar(i, n, "good-bar")));
  down.forEach((n, i) => n && parts.push(bar(i, -n, "bad-bar")));
  parts.push(drawing("line", { class: "limit", x1: x(limit), x2: x(limit), y1: PAD.top, y2: HEIGHT - PAD.bottom }));
  return figure(title, `${good.length} good and ${counted(bad.length, "defective scan")}, threshold ${scoreText(limit, limit)}.`, parts);
}
