"use strict";
// The control charts of drift: one a measure, the farthest from its middle first, and alarms in words.

const MOST_CHARTS = 6; // that are shown before the others are asked for
const WIDTH = 160, HEIGHT = 56, POINTS = 120, TOP = 1.5; // of a chart; levels are over their limit

function svg(name, values) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(values)) node.setAttribute(key, value);
  return node;
}

function controlChart(chart) {
  const y = (level) => HEIGHT / 2 - (HEIGHT / 2 - 3) * Math.max(-TOP, Math.min(TOP, level)) / TOP;
  const x = (at) => WIDTH * (at + POINTS - chart.trend.length) / (POINTS - 1);
  const drawn = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  for (const level of [-1, 0, 1])
    drawn.append(svg("line", { class: level ? "limit" : "middle", x1: 0, x2: WIDTH, y1: y(level), y2: y(level) }));
  drawn.append(svg("polyline", { class: "level", points: chart.trend.map((level, at) => `${x(at)},${y(level)}`).join(" ") }));
  return drawn;
}

function chartItem(chart) {
  const item = document.createElement("li"), title = document.createElement("strong"), word = document.createElement("span");
  const drifted = chart.state === "drift", sign = chart.level > 0 ? "▲" : "▼";
  item.className = drifted ? "drifted" : "";
  item.title = chart.text;
  title.textContent = chart.title;
  word.textContent = drifted ? `${sign} drift` : chart.state === "in control" ? `${Math.round(100 * chart.level)} % of its limit` : chart.state;
  item.append(title, controlChart(chart), word);
  return item;
}

function sinceWords(time) {
  return new Date(time * 1000).toLocaleString([], { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
}

function drawDrift(states) {
  const charts = states.flatMap((state) => state.charts.map((chart) => ({ ...chart, recipe: state.recipe })));
  const name = (one) => (states.length > 1 ? `${one.recipe}: ` : "");
  const alarms = charts.filter((chart) => chart.state === "drift");
  const problems = states.filter((state) => state.problem).map((state) => `${name(state)}${state.problem}`);
  by("drift-word").textContent = alarms.length ? "" : problems.join("; ") || (charts.length ? "No chart has drifted." : "No scan yet.");
  by("drift-alarms").replaceChildren(...alarms.map((alarm) => {
    const item = document.createElement("li");
    item.textContent = `${name(alarm)}${alarm.text}, since ${sinceWords(alarm.since)}`;
    return item;
  }));
  const far = (chart) => Math.abs(chart.level) + (chart.state === "drift" ? 100 : 0);
  const sorted = charts.sort((one, other) => far(other) - far(one))
    .map((chart) => ({ ...chart, title: `${name(chart)}${chart.title}` }));
  by("charts").replaceChildren(...sorted.slice(0, MOST_CHARTS).map(chartItem));
  by("other-charts").replaceChildren(...sorted.slice(MOST_CHARTS).map(chartItem));
  by("more-charts").hidden = sorted.length <= MOST_CHARTS;
}

let driftAsked = 0;

async function drift() {
  driftAsked = Date.now();
  const recipe = by("recipe").value, states = await ask("/drift");
  drawDrift(states.filter((state) => !recipe || state.recipe === recipe));
}

// After a scan, though not after each of many.
function driftSoon() {
  if (Date.now() - driftAsked < 2000) return;
  driftAsked = Date.now();
  setTimeout(() => drift().catch(() => {}), 1000);
}
