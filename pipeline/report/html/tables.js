// Headline metrics and the tables of categories, defect kinds, and what made the report.

function showMetrics() {
  const paper = report.paper, several = report.categories.length > 1;
  const names = Object.keys(report.columns);
  find("headline").append(...Object.entries(report.columns).map(([key, name]) => {
    const theirs = paper?.values[key]?.mean;
    const whose = several ? "mean of the categories" : report.categories[0].name;
    const beside = theirs === undefined ? whose : `paper: ${share(theirs)}`;
    return element("div", { className: "tile" }, name, element("b", {}, share(report.mean[key])),
      element("span", { className: "faint" }, beside), ...bestOf(key));
  }));
  const heads = ["category", ...names.map(metricName), "missed", "false alarms"];
  const rows = report.categories.map((one) => [one.name, ...names.map((key) => share(one.metrics[key])),
    countOf(one.threshold.misses, one.threshold.defective), countOf(one.threshold.false_alarms, one.threshold.good)]);
  const total = (key) => report.categories.reduce((sum, one) => sum + one.threshold[key], 0);
  const sums = [["misses", "defective"], ["false_alarms", "good"]].map(([part, whole]) => countOf(total(part), total(whole)));
  if (several) rows.push(["mean, and sums", ...names.map((key) => share(report.mean[key])), ...sums]);
  find("metric-table").append(table("Ours, by category", heads, rows, several));
  if (paper) find("metric-table").after(paperTable(paper));
  showOtherMetrics(names, several);
  find("notes").append(...report.categories.flatMap((one) => one.notes.map((text) => element("li", {}, `${one.name}: ${text}`))));
}

/** The metrics beside the headline, a line for each, so that the table stays narrow. */
function showOtherMetrics(headline, several) {
  const keys = Object.keys(report.mean).filter((key) => !headline.includes(key));
  const columns = [...report.categories.map((one) => [one.name, one.metrics]), ...(several ? [["mean", report.mean]] : [])];
  const rows = keys.map((key) => [metricName(key), ...columns.map(([, values]) => share(values[key]))]);
  find("other-table").append(table("Further metrics", ["metric", ...columns.map(([name]) => name)], rows));
  find("others").hidden = !keys.length;
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

/** Ours, then each rival, followed by its single maps; the best of each column is marked. */
function rivalTable(part, ours, caption) {
  const keys = Object.keys(report.columns);
  const lines = [["Mentor3AD (ours)", ours, true], ...report.rivals.map((row) => [row.name, row.metrics[part] ?? {}, row.whole])];
  const rows = lines.map(([name, values]) => [name, ...keys.map((key) => share(values[key]))]);
  const made = table(caption, ["method", ...keys.map(metricName)], rows);
  made.querySelectorAll("tbody tr").forEach((line, i) => {
    line.classList.toggle("ours", i === 0);
    line.classList.toggle("part", !lines[i][2]);
  });
  keys.forEach((key, column) => {
    const best = Math.max(...lines.map(([, values]) => values[key] ?? -1).map((value) => Number(value.toFixed(3))));
    lines.forEach(([, values], i) => {
      if (Number((values[key] ?? -2).toFixed(3)) === best) made.tBodies[0].rows[i].cells[column + 1].classList.add("top");
    });
  });
  return made;
}

function showRivals() {
  find("rivals").hidden = !report.rivals.length;
  if (!report.rivals.length) return;
  const caption = "Mean of the categories; the same features, scans, smoothing and metrics; the highest of a column is bold";
  find("rival-table").append(rivalTable("mean", report.mean, caption));
  find("rival-categories").append(...report.categories.map((one) => rivalTable(one.name, one.metrics, one.name)));
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

/** The commit, the experiment and the data, under the page's title. */
function showOrigin() {
  const { origin } = report, facts = [];
  if (origin) {
    facts.push(["Commit", `${origin.commit} of ${origin.date}${origin.changed ? ", with changes on top" : ""}`]);
    facts.push(["Experiment", origin.experiment ?? "none, the workspace"]);
  }
  facts.push(["Data", report.data.slice(0, 12)]);
  find("origin").append(...facts.map(([name, text]) => element("div", {}, element("dt", {}, name), element("dd", {}, text))));
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
