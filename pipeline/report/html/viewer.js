// One scan: its panel of maps and its cloud, in a dialog.

const viewer = { place: 0, view: null, scan: null, layer: LAYERS[0], waiting: false };

function setUpViewer() {
  find("colouring").append(...LAYERS.map((layer, i) => {
    const input = element("input", { type: "radio", name: "colouring", value: layer.key, checked: i === 0 });
    input.addEventListener("change", () => {
      viewer.layer = layer;
      showCloud();
    });
    return element("label", {}, input, layer.name);
  }));
  setUpOrbit(find("cloud"), redraw);
  find("previous").addEventListener("click", () => openViewer(viewer.place - 1));
  find("next").addEventListener("click", () => openViewer(viewer.place + 1));
  find("close").addEventListener("click", () => find("viewer").close());
  find("viewer").addEventListener("close", () => {
    noteAddress(null);
    find("cards").children[viewer.place]?.firstChild.focus();
  });
  find("outlines").append(...outlineLegend());
  find("viewer").addEventListener("keydown", (event) => {
    if (event.target.type === "radio") return; // its arrows choose the colouring
    if (event.key === "ArrowLeft") openViewer(viewer.place - 1);
    if (event.key === "ArrowRight") openViewer(viewer.place + 1);
  });
  window.addEventListener("resize", () => find("viewer").open && redraw());
}

/** Show the scan at a place of the gallery's order. */
async function openViewer(place) {
  const scan = gallery.scans[place];
  if (!scan) return;
  while (gallery.shown <= place) showMore();
  Object.assign(viewer, { place, scan });
  showFacts(scan);
  showAlarm(scan);
  noteAddress(scan);
  if (!find("viewer").open) find("viewer").showModal();
  const view = await viewOf(scan);
  view.cloud ??= await view.decodeCloud();
  if (viewer.scan !== scan) return; // another one was asked for meanwhile
  viewer.view = view;
  large.maps = panelMaps(view, scan);
  find("panels").replaceChildren(...panelFigures(large.maps, showLarge));
  showCloud();
}

function showFacts(scan) {
  const category = categoryOf(scan), limit = category.threshold.value;
  find("viewer-title").textContent = `${category.name} ${scan.id}`;
  find("viewer-badge").textContent = verdict(scan);
  find("viewer-badge").className = badgeClass(scan);
  find("viewer-facts").textContent = `truth: ${truthName(scan)}, object score ${scoreText(scan.score, limit)}, threshold ${scoreText(limit, limit)}, ${countOf(viewer.place + 1, gallery.scans.length)}`;
  find("previous").disabled = viewer.place === 0;
  find("next").disabled = viewer.place === gallery.scans.length - 1;
}

function showCloud() {
  const { view, layer, scan } = viewer;
  viewer.colours = cloudColours(view, layer);
  showScale(layer, scan);
  find("cloud").setAttribute("aria-label", `Point cloud of ${scan.id}, ${view.cloud.count} points coloured by ${layer.name}; arrow keys turn it, plus and minus zoom, 0 resets`);
  redraw();
}

function showScale(layer, scan) {
  const truth = viewer.view.truth === null ? "The ground truth is not known." : "Defects are orange.";
  const text = layer.key === "truth" ? truth : "Colours of the picture, shaded.";
  find("scale").replaceChildren(...(layer.palette ? scaleStrip(layer, scan) : [text]));
}

/** Draw the cloud before the next frame, once however often it is asked for. */
function redraw() {
  if (viewer.waiting || !viewer.view) return;
  viewer.waiting = true;
  requestAnimationFrame(() => {
    viewer.waiting = false;
    const target = find("cloud");
    const side = Math.round(target.clientWidth * Math.min(2, window.devicePixelRatio));
    if (!side) return;
    if (target.width !== side) target.width = target.height = side;
    const contrast = viewer.layer.palette ? 0.35 : 0.6;
    drawCloud(target.getContext("2d"), viewer.view.cloud, viewer.colours, camera, cssRgb("--panel"), contrast);
  });
}
