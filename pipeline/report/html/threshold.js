// What the decision threshold promised, and what it did on the test scans.

function showThreshold() {
  const first = report.categories[0].threshold;
  find("threshold-text").append(
    element("p", {}, `A scan whose object score is above its category's threshold is called defective. The threshold is set on held-out good scans so that at most ${percent(first.target)} of new good parts are (voting.target_fpr). With n such scans it promises that rate on average if n is at least ${first.needed}, else 1 / (n + 1). The threshold of one particular set of n scans can do worse: the bound is the rate that it stays below with ${percent(first.confidence)} confidence. Both hold for good parts like the held-out ones.`),
    element("p", {}, "The false-alarm rate on test is an estimate from few scans: its ", percent(first.confidence), " interval (Clopper–Pearson) is what these test scans can tell about it."));
  const heads = ["category", "threshold", "held-out scans", "promised", "bound", "false alarms", "rate", "interval", "misses"];
  const rows = report.categories.map(({ name, threshold: t }) => [
    name, scoreText(t.value, t.value), String(t.scans), percent(t.expected), percent(t.bound),
    countOf(t.false_alarms, t.good), t.good ? percent(t.false_alarms / t.good) : "–",
    t.good ? `${percent(t.interval[0])} to ${percent(t.interval[1])}` : "–", countOf(t.misses, t.defective),
  ]);
  find("threshold-table").append(table("By category", heads, rows));
  find("threshold-table").after(element("p", { className: "faint" }, "Object scores of the test scans: ",
    element("span", { className: "key-good" }, "good upwards"), ", ",
    element("span", { className: "key-bad" }, "defective downwards"), ", the threshold dashed."));
  find("histograms").append(...report.categories.map((one, i) => {
    const scans = report.scans.filter((scan) => scan.category === i && scan.defect !== null);
    const scores = (bad) => scans.filter((scan) => defective(scan) === bad).map((scan) => scan.score);
    return histogram(one.name, scores(false), scores(true), one.threshold.value);
  }));
}

const CURVES = [
  ["roc_object", "ROC of scans", "false-positive rate", "true-positive rate"],
  ["roc_pixel", "ROC of pixels", "false-positive rate", "true-positive rate"],
  ["pro", "PRO", "false-positive rate of pixels", "per-region overlap"],
  ["loss_mfm", "Loss of MFM", "step", "loss"],
  ["loss_mgm", "Loss of MGM", "step", "loss"],
];

function showCurves() {
  const choice = find("curve-category").value;
  const shown = report.categories.map((one, i) => ({ name: one.name, style: styleOf(i) }))
    .filter((one) => !choice || one.name === choice);
  find("legend").replaceChildren(...shown.map((one) => element("li", {},
    drawing("svg", { viewBox: "0 0 28 8", "aria-hidden": "true" }, drawing("path", { class: `curve ${one.style}`, d: "M0 4H28" })),
    one.name)));
  find("curve-charts").replaceChildren(...CURVES.flatMap(([key, title, xName, yName]) => {
    const series = shown.filter((one) => report.curves[key]?.[one.name])
      .map((one) => ({ ...one, x: report.curves[key][one.name][0], y: report.curves[key][one.name][1] }));
    if (!series.length) return []; // without masks there are no curves of pixels
    return [lineChart(title, series, xName, yName, boundsOf(key, series), key.startsWith("roc"))];
  }));
}

function boundsOf(key, series) {
  if (key.startsWith("roc")) return [0, 1, 0, 1];
  if (key === "pro") return [0, 0.3, 0, 1];
  const steps = series.flatMap((one) => one.x), losses = series.flatMap((one) => one.y);
  return [0, Math.max(...steps), Math.min(0, ...losses), Math.max(...losses)];
}

function setUpCurves() {
  find("curve-category").closest(".bar").hidden = find("legend").hidden = report.categories.length === 1;
  fillSelect(find("curve-category"), [["", "all"], ...report.categories.map((one) => [one.name, one.name])]);
  find("curve-category").addEventListener("change", showCurves);
  showCurves();
}
