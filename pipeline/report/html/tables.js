// Headline metrics and the tables of categories, defect kinds, and what made the report.

function showMetrics() {
  const names = [...new Set([...Object.keys(report.columns), ...Object.keys(report.mean)])];
  const paper = report.paper;
  find("headline").append(...Object.entries(report.columns).map(([key, name]) => {
    const theirs = paper?.values[key]?.mean;
    const beside = theirs === undefined ? "mean of the categories" : `paper: ${share(theirs)}`;
    return element("div", { className: "tile" }, name, element("b", {}, share(report.mean[key])),
      element("span", { className: "faint" }, beside), ...bestOf(key));
  }));
  const heads = ["category", ...names.map(metricName)];
  const rows = report.categories.map((one) => [one.name, ...names.map((key) => share(one.metrics[key]))]);
  rows.push(["mean", ...names.map((key) => share(report.mean[key]))]);
  find("metric-table").append(table("Ours, by category", heads, rows, true));
  if (paper) find("metric-table").after(paperTable(paper));
  find("notes").append(...report.categories.flatMap((one) => one.notes.map((text) => element("li", {}, `${one.name}: ${text}`))));
}

/** The best row of the studies on these data, if there is one. */
function bestOf(key) {
  const best = report.best[key];
  if (!best) return [];
  const spread = best.spread === null ? "" : ` ± ${share(best.spread)}`;
  const text = `best of study ${best.study}: ${share(best.mean)}${spread} (${best.row || "its one row"}, ${best.seeds === 1 ? "one seed" : `${best.seeds} seeds`})`;
  return [element("span", { className: "faint best" }, text)];
}

function paperTable(paper) {
  const keys = Object.keys(paper.values);
  const lines = [...report.categories.map((one) => [one.name, one.metrics]), ["mean", report.mean]];
  const rows = lines.map(([name, ours]) => [name, ...keys.flatMap((key) => {
    const theirs = paper.values[key][name], own = ours[`${key}_padded`] ?? ours[key]; // padding counts in the paper
    const known = theirs !== null && own !== undefined && own !== null;
    return [share(theirs), known ? (own - theirs).toFixed(3).replace("-", "−") : "–"];
  })]);
  const heads = ["category", ...keys.flatMap((key) => [`paper ${metricName(key)}`, "ours − paper"])];
  return element("div", { className: "scroll", tabIndex: 0 }, table(`Table ${paper.table} of the paper: ${paper.title}`, heads, rows, true));
}

function showDefects() {
  const rows = report.categories.flatMap((one) => Object.entries(one.defects).map(([kind, values]) => [one.name, kind, values]));
  const keys = ["i_auroc", "p_auroc", "aupro_30", "aupro_1"];
  const cells = rows.map(([name, kind, values]) => {
    const caught = report.scans.filter((scan) => categoryOf(scan).name === name && scan.defect === kind && scan.rejected);
    return [`${name}, ${kind}`, countOf(caught.length, values.n_scans), ...keys.map((key) => share(values[key]))];
  });
  const heads = ["category and kind", "found", ...keys.map(metricName)];
  find("defect-table").append(table("Each kind against all good scans; found: called a defect", heads, cells));
  find("defects").hidden = !rows.length;
}

function showMade() {
  const prints = report.categories.flatMap((one) => Object.entries(one.fingerprints).map(([what, sha]) => [`${one.name}, ${what}`, sha]));
  const settings = Object.entries(report.params).map(([key, value]) => [key, JSON.stringify(value)]);
  const parts = [
    ["Fingerprints", "sha256 of the content of the data, and of the score maps with all that made them", ["of", "sha256"], prints],
    ["Versions", "libraries that were installed when this report was written", ["name", "version"], Object.entries(report.versions)],
    ["Settings", "params.yaml without runtime", ["setting", "value"], settings],
  ];
  find("made-tables").append(...parts.map(([title, caption, heads, rows]) => {
    const made = table(caption, heads, rows);
    made.querySelectorAll("td").forEach((cell) => cell.classList.add("wrap"));
    return element("details", {}, element("summary", {}, title), element("div", { className: "scroll", tabIndex: 0 }, made));
  }));
}
