// The gallery: sorted and filtered cards, drawn when they come near the screen.

const PAGE = 48; // cards at a time
const gallery = { scans: [], shown: 0 };

const ORDERS = {
  worst: ["worst errors first", (a, b) => wrong(b) - wrong(a) || (wrong(a) ? 1 : -1) * (Math.abs(margin(b)) - Math.abs(margin(a)))],
  high: ["highest score first", (a, b) => margin(b) - margin(a)],
  low: ["lowest score first", (a, b) => margin(a) - margin(b)],
  name: ["by name", (a, b) => a.category - b.category || a.view - b.view],
};

const VERDICTS = {
  "": ["all", () => true],
  wrong: ["errors", wrong],
  ...Object.fromEntries(["missed", "alarm", "caught", "passed"].map((state) => [state, [STATES[state].word, (scan) => stateOf(scan) === state]])),
  rejected: ["called defective", (scan) => scan.rejected],
  accepted: ["called good", (scan) => !scan.rejected],
};
const FILTERS = ["filter-category", "filter-defect", "filter-verdict", "filter-low", "filter-high"];

const shownScans = report.scans.filter((scan) => scan.view !== null);
const truthName = (scan) => (scan.defect === null ? "not known" : scan.defect);

function setUpGallery() {
  const kinds = [...new Set(report.scans.map(truthName))].sort();
  const pairs = (choices) => Object.entries(choices).map(([value, [text]]) => [value, text]);
  fillSelect(find("order"), pairs(ORDERS));
  fillSelect(find("filter-category"), [["", "all"], ...report.categories.map((one, i) => [String(i), one.name])]);
  fillSelect(find("filter-defect"), [["", "all"], ["*", "any defect"], ...kinds.map((kind) => [`=${kind}`, kind])]);
  fillSelect(find("filter-verdict"), pairs(VERDICTS));
  for (const id of ["order", ...FILTERS]) find(id).addEventListener("change", showGallery);
  find("clear").addEventListener("click", clearFilters);
  find("more").addEventListener("click", () => {
    const next = gallery.shown;
    showMore();
    find("cards").children[next]?.firstChild.focus();
  });
  showLeftOut();
  showGallery();
}

/** Say how many scans the page does not show, and how those that it shows were chosen. */
function showLeftOut() {
  if (shownScans.length === report.scans.length) return;
  const of = (scans, i) => scans.filter((scan) => scan.category === i).length;
  const parts = report.categories.flatMap((one, i) => {
    const all = of(report.scans, i), shown = of(shownScans, i);
    return shown < all ? [`${all - shown} of ${counted(all, "test scan")} of ${one.name}`] : [];
  });
  find("scans-title").after(element("p", { id: "left-out" }, `Not shown here: ${parts.join(", ")}. Shown are, in turns, the worst errors, the scans nearest to the threshold and the clearest ones, of good and of defective scans alike (evaluate.most_views). All numbers and charts are of all scans.`));
}

function clearFilters() {
  for (const id of FILTERS) find(id).value = "";
  showGallery();
}

/** Whether a score lies in the range that the two fields give; an empty field is no limit. */
function inRange(score) {
  const [low, high] = ["filter-low", "filter-high"].map((id) => find(id).valueAsNumber);
  return !(score < low) && !(score > high);
}

function showGallery() {
  const category = find("filter-category").value, kind = find("filter-defect").value;
  const [, decided] = VERDICTS[find("filter-verdict").value];
  const hasTruth = (scan) => !kind || (kind === "*" ? defective(scan) : `=${truthName(scan)}` === kind);
  gallery.scans = shownScans
    .filter((scan) => (!category || scan.category === Number(category)) && hasTruth(scan) && decided(scan) && inRange(scan.score))
    .sort(ORDERS[find("order").value][1]);
  const errors = gallery.scans.filter(wrong).length;
  find("count").textContent = `${gallery.scans.length} of ${counted(shownScans.length, "scan")}, ${errors} of them decided wrongly`;
  gallery.shown = 0;
  find("cards").replaceChildren();
  showMore();
}

function showMore() {
  const added = gallery.scans.slice(gallery.shown, gallery.shown + PAGE);
  find("cards").append(...added.map((scan, i) => card(scan, gallery.shown + i)));
  gallery.shown += added.length;
  find("more").hidden = gallery.shown >= gallery.scans.length;
}

function card(scan, place) {
  const picture = canvas(2 * SIDE + 8, SIDE);
  picture.setAttribute("aria-hidden", "true");
  const limit = categoryOf(scan).threshold.value;
  const button = element("button", { type: "button", className: `card ${stateOf(scan)}` }, picture,
    element("span", { className: badgeClass(scan) }, verdict(scan)),
    element("span", { className: "name" }, `${categoryOf(scan).name} ${scan.id}`),
    element("span", { className: "facts" }, `score ${scoreText(scan.score, limit)}, threshold ${scoreText(limit, limit)}`));
  button.addEventListener("click", () => openViewer(place));
  onSight.observe(button);
  button.scan = scan;
  return element("li", {}, button);
}

const onSight = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    onSight.unobserve(target);
    viewOf(target.scan).then((view) => paintCard(target.firstChild, view));
  }
}, { rootMargin: "300px" });
