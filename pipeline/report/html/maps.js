// Maps and pictures on canvases: the panel of a scan, and the small picture of its card.

const SIDE = 224; // pixels of a panel's picture

/** RGBA of a layer at the maps' size; background stays transparent. */
function layerPixels(view, layer) {
  const { side } = view, image = new ImageData(side, side), table = palettes[layer.palette];
  const values = view.maps[layer.map];
  for (let i = 0; i < side * side; i++) {
    if (!view.foreground[i]) continue;
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = table[3 * values[i] + c];
    image.data[4 * i + 3] = 255;
  }
  return image;
}

/** The anomaly map over the grey picture; the more anomalous, the more opaque. */
function overlayPixels(view) {
  const { side } = view, image = new ImageData(side, side), table = palettes.inferno;
  for (let i = 0; i < side * side; i++) {
    const value = view.maps[3][i];
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = table[3 * value + c];
    image.data[4 * i + 3] = view.foreground[i] ? Math.min(1.5 * value, 217) : 0;
  }
  return image;
}

function paint(context, image, x = 0, width = SIDE) {
  const sheet = canvas(image.width, image.height);
  sheet.getContext("2d").putImageData(image, 0, 0);
  context.drawImage(sheet, x, 0, width, width);
}

function paintOverlay(context, view, x, width) {
  context.filter = "grayscale(1)";
  paint(context, view.rgb, x, width);
  context.filter = "none";
  paint(context, overlayPixels(view), x, width);
  strokeOutline(context, view, "truth", x, width);
  strokeOutline(context, view, "predicted", x, width);
}

/** The card's picture: the scan, and its anomaly map with both outlines. */
function paintCard(target, view) {
  const context = target.getContext("2d");
  paint(context, view.rgb, 0, target.height);
  paintOverlay(context, view, target.width - target.height, target.height);
}

/** The six maps of a panel: {name, caption, layer, draw}; `draw` takes a context and a width. */
function panelMaps(view, scan) {
  const { ranges, threshold } = categoryOf(scan);
  const truth = view.truth === null ? "not known" : view.truth.includes(1) ? "outlined" : "no defect";
  const limit = `threshold ${scoreText(threshold.value, threshold.value)}`;
  const anomaly = LAYERS.find((layer) => layer.key === "anomaly");
  return [
    { name: "RGB", caption: "", draw: (context, width) => paint(context, view.rgb, 0, width) },
    {
      name: `Ground truth: ${truth}`, caption: "",
      draw: (context, width) => {
        paint(context, view.rgb, 0, width);
        strokeOutline(context, view, "truth", 0, width);
      },
    },
    {
      name: "Anomaly map on RGB", caption: `, ${rangeText(ranges.anomaly)}, ${limit}`, layer: anomaly,
      draw: (context, width) => paintOverlay(context, view, 0, width),
    },
    ...LAYERS.filter((one) => one.map < 3).map((layer) => ({
      name: layer.name, caption: `, ${rangeText(ranges[layer.key])}`, layer,
      draw: (context, width) => paint(context, layerPixels(view, layer), 0, width),
    })),
  ];
}

/** A figure for each map, with a button that enlarges it. */
function panelFigures(maps, enlarge) {
  return maps.map(({ name, caption, draw }, place) => {
    const sheet = canvas(2 * SIDE, 2 * SIDE);
    draw(sheet.getContext("2d"), 2 * SIDE);
    sheet.setAttribute("aria-hidden", "true");
    const button = element("button", { type: "button", className: "zoom", "aria-label": `Enlarge: ${name}` }, sheet);
    button.addEventListener("click", () => enlarge(place));
    return element("figure", {}, button, element("figcaption", {}, name + caption));
  });
}

/** The colours of a map from low to high; the anomaly map's with a mark at the threshold. */
function scaleStrip(layer, scan) {
  const { ranges, threshold } = categoryOf(scan), [low, high] = ranges[layer.key];
  const strip = canvas(256, 1), image = new ImageData(256, 1);
  for (let i = 0; i < 256; i++) image.data.set([...mapColour(layer, i, 120), 255], 4 * i);
  strip.getContext("2d").putImageData(image, 0, 0);
  strip.setAttribute("aria-hidden", "true");
  const box = element("div", { className: "strip" }, strip);
  const parts = [short(low), box, short(high)];
  if (layer.key !== "anomaly") return parts;
  const limit = threshold.value, text = `threshold ${scoreText(limit, limit)}`;
  if (limit > high) return [...parts, element("span", { className: "limit-text" }, `${text}, above the scale`)];
  const mark = element("span", { className: "mark", "aria-hidden": "true" });
  mark.style.left = `${(100 * (limit - low)) / (high - low)}%`;
  box.append(mark);
  return [...parts, element("span", { className: "limit-text" }, `▲ ${text}`)];
}

const rangeText = ([low, high]) => `${short(low)} to ${short(high)}`;
