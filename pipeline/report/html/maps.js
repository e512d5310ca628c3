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

/** White on black lines around the defects, at twice the maps' size. */
function outlinePixels(view) {
  const { side, truth } = view, size = 2 * side, image = new ImageData(size, size);
  const pixels = new Uint32Array(image.data.buffer);
  const fill = (reach, colour) => truth.forEach((bit, i) => {
    if (!bit) return;
    const left = 2 * (i % side) - reach, top = 2 * Math.floor(i / side) - reach, width = 2 + 2 * reach;
    for (let y = Math.max(0, top); y < Math.min(size, top + width); y++) {
      pixels.fill(colour, y * size + Math.max(0, left), y * size + Math.min(size, left + width));
    }
  });
  fill(2, 0xff000000);
  fill(1, 0xffffffff);
  fill(0, 0);
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
  if (view.truth?.includes(1)) paint(context, outlinePixels(view), x, width);
}

/** The card's picture: the scan, and its anomaly map with the truth's outline. */
function paintCard(target, view) {
  const context = target.getContext("2d");
  paint(context, view.rgb, 0, target.height);
  paintOverlay(context, view, target.width - target.height, target.height);
}

/** Six figures: picture, truth, anomaly map over the picture, then the score maps. */
function panelFigures(view, ranges) {
  const figures = [];
  const add = (name, draw) => {
    const sheet = canvas(SIDE, SIDE);
    draw(sheet.getContext("2d"));
    sheet.setAttribute("role", "img");
    sheet.setAttribute("aria-label", name);
    figures.push(element("figure", {}, sheet, element("figcaption", {}, name)));
  };
  const truth = view.truth === null ? "not known" : view.truth.includes(1) ? "outlined" : "no defect";
  add("RGB", (context) => paint(context, view.rgb));
  add(`Ground truth: ${truth}`, (context) => {
    paint(context, view.rgb);
    if (view.truth?.includes(1)) paint(context, outlinePixels(view));
  });
  add(`Anomaly map on RGB, ${rangeText(ranges.anomaly)}`, (context) => paintOverlay(context, view, 0, SIDE));
  for (const layer of LAYERS.filter((one) => one.map < 3)) {
    add(`${layer.name}, ${rangeText(ranges[layer.key])}`, (context) => paint(context, layerPixels(view, layer)));
  }
  return figures;
}

const rangeText = ([low, high]) => `${short(low)} to ${short(high)}`;
