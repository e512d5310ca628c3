// Colour maps and the names of what can be shown.

const LAYERS = [
  { key: "picture", name: "RGB" },
  { key: "rgb", name: "S_RGB", map: 0, palette: "viridis" },
  { key: "xyz", name: "S_XYZ", map: 1, palette: "viridis" },
  { key: "mtr", name: "S_Mtr", map: 2, palette: "viridis" },
  { key: "anomaly", name: "Anomaly map", map: 3, palette: "inferno" },
  { key: "truth", name: "Ground truth" },
];
const TRUTH_COLOUR = [230, 80, 0];

const palettes = Object.fromEntries(
  Object.entries(report.palettes).map(([name, text]) => [
    name, Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16)),
  ]),
);

const cssColour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** A custom property of the form #rrggbb as three numbers. */
function cssRgb(name) {
  const text = cssColour(name);
  return [1, 3, 5].map((i) => parseInt(text.slice(i, i + 2), 16));
}
