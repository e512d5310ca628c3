"use strict";
// The live page: follows the service's events and shows the last scan, or one that was chosen.

const WORDS = { good: "GOOD", defective: "DEFECTIVE", "unlike training": "UNLIKE TRAINING", error: "NOT INSPECTED" };
const SIGNS = { good: "✓", defective: "✕", "unlike training": "≠", error: "?" };
const LENGTH = 50;
const by = (id) => document.getElementById(id);
const state = { last: null, chosen: null, shown: null, strip: [], events: null };

async function ask(path, options) {
  const answer = await fetch(path, options);
  if (answer.status === 401) { logIn(); throw new Error("a token is needed"); }
  if (!answer.ok) throw new Error((await answer.json()).detail);
  return answer.json();
}

function timeOf(result) {
  return new Date(result.time * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

const number = (value) => (value === null ? "–" : value.toPrecision(4));

// The scan

function show(result) {
  const status = result ? result.status : "none", inspected = result && result.score !== null;
  by("verdict").className = status;
  by("word").textContent = result ? WORDS[status] : "Waiting for a scan";
  by("sign").textContent = result ? SIGNS[status] : "";
  by("about").textContent = result ? `${result.name} · ${result.recipe} · ${timeOf(result)}` : "";
  document.title = result ? `${WORDS[status]} ${result.name}` : "Inspection";
  by("error").hidden = !result || !(result.error || result.reason);
  by("error").textContent = (result && (result.error || result.reason)) || "";
  for (const figure of document.querySelectorAll("#scan figure")) figure.hidden = !inspected;
  if (inspected && (!state.shown || state.shown.seq !== result.seq)) {
    by("image").src = result.maps.image;
    by("heatmap").src = result.maps.heatmap;
    showCloud(result.seq);
  }
  state.shown = result;
  for (const mark of ["ok", "ng"]) {
    by(mark).disabled = !result;
    by(mark).setAttribute("aria-pressed", String(Boolean(result) && result.mark === mark));
  }
  by("live").hidden = state.chosen === null;
  showDetails(result);
  for (const button of by("strip").querySelectorAll("button"))
    button.setAttribute("aria-current", String(Boolean(result) && Number(button.dataset.seq) === result.seq));
}

function showDetails(result) {
  const rows = result ? [["score", number(result.score)], ["threshold", number(result.threshold)],
    ["regions", String(result.regions.length)], ["seconds", result.seconds === null ? "–" : result.seconds.toFixed(2)],
    ["id", result.id], ["bundle", result.bundle], ["from", result.source]] : [];
  by("details").replaceChildren(...rows.map(([name, value]) => {
    const row = document.createElement("div"), term = document.createElement("dt"), text = document.createElement("dd");
    term.textContent = name;
    text.textContent = value;
    row.append(term, text);
    return row;
  }));
}

async function mark(word) {
  const shown = state.shown, mark = shown.mark === word ? null : word;
  const headers = { "Content-Type": "application/json" };
  const result = await ask(`/scans/${shown.seq}/mark`, { method: "PUT", headers, body: JSON.stringify({ mark }) });
  state.strip = state.strip.map((one) => (one.seq === result.seq ? result : one));
  if (state.last && state.last.seq === result.seq) state.last = result;
  if (state.chosen && state.chosen.seq === result.seq) state.chosen = result;
  if (state.shown && state.shown.seq === result.seq) show(result);
  drawStrip();
  count();
}

// The strip, the trend, the counts

function fits(result) {
  const recipe = by("recipe").value, only = by("only").value;
  if (recipe && result.recipe !== recipe) return false;
  return !only || result.status === only || result.mark === only || (only === "unmarked" && !result.mark);
}

function tile(result) {
  const item = document.createElement("li"), button = document.createElement("button"), text = document.createElement("span");
  button.type = "button";
  button.className = result.status;
  button.dataset.seq = result.seq;
  button.title = `${WORDS[result.status]}, ${result.name}, ${timeOf(result)}`;
  button.setAttribute("aria-current", String(Boolean(state.shown) && state.shown.seq === result.seq));
  const seen = document.createElement(result.score === null ? "div" : "img");
  if (result.score === null) { seen.className = "blank"; seen.textContent = "?"; }
  else { seen.loading = "lazy"; seen.alt = ""; seen.src = result.maps.heatmap; }
  text.textContent = `${SIGNS[result.status]} ${result.name}${result.mark ? ` · ${result.mark.toUpperCase()}` : ""}`;
  button.append(seen, text);
  button.addEventListener("click", () => { state.chosen = result; show(result); });
  item.append(button);
  return item;
}

function drawStrip() {
  by("strip").replaceChildren(...state.strip.map(tile));
  drawTrend();
}

function drawTrend() {
  const shown = state.strip.filter((one) => one.score !== null && one.threshold > 0).reverse();
  const ratios = shown.map((one) => one.score / one.threshold), top = Math.max(2, ...ratios) * 1.05;
  const x = (i) => 12 + 576 * (shown.length > 1 ? i / (shown.length - 1) : 1), y = (value) => 152 - 144 * value / top;
  const make = (name, values) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(values)) node.setAttribute(key, value);
    return node;
  };
  const path = make("polyline", { class: "path", points: ratios.map((r, i) => `${x(i)},${y(r)}`).join(" ") });
  const line = make("line", { class: "threshold", x1: 0, x2: 600, y1: y(1), y2: y(1) });
  const dots = ratios.map((r, i) => make("path", { class: `dot ${shown[i].status}`, d: `M${x(i)},${y(r)}h0.01` }));
  by("chart").replaceChildren(path, line, ...dots);
  by("scale").textContent = shown.length ? `0 to ${top.toFixed(1)}; the dashed line is the threshold` : "no scores yet";
}

function sinceTime() {
  if (by("since").value === "today") return new Date().setHours(0, 0, 0, 0) / 1000;
  return Date.now() / 1000 - 3600 * Number(by("since").value);
}

async function count() {
  const counts = await ask(`/counts?since=${sinceTime()}`);
  const shown = { good: counts.good, defective: counts.defective, unlike: counts.unlike, "not-inspected": counts.error, "marked-ok": counts.ok, "marked-ng": counts.ng };
  for (const [id, value] of Object.entries(shown)) by(id).textContent = value;
}

async function load() {
  const query = new URLSearchParams({ limit: LENGTH });
  if (by("recipe").value) query.set("recipe", by("recipe").value);
  if (by("only").value) query.set("only", by("only").value);
  state.strip = await ask(`/history?${query}`);
  if (state.last === null) {
    const [last] = by("recipe").value || by("only").value ? await ask("/history?limit=1") : state.strip;
    state.last = last || null;
    show(state.last);
  }
  drawStrip();
  await count();
  await drift();
}

// Events

function arrive(result) {
  if (state.last && result.seq <= state.last.seq) return;
  state.last = result;
  if (fits(result)) state.strip = [result, ...state.strip].slice(0, LENGTH);
  drawStrip();
  if (state.chosen === null) show(result);
  count();
  driftSoon();
}

function follow() {
  if (state.events) state.events.close();
  const events = new EventSource(`/events?after=${state.last ? state.last.seq : 0}`);
  state.events = events;
  events.addEventListener("result", (event) => arrive(JSON.parse(event.data)));
  events.addEventListener("health", (event) => health(JSON.parse(event.data)));
  events.onerror = () => {
    by("connection").textContent = "no connection: this is old";
    by("connection").className = "lost";
    if (events.readyState === EventSource.CLOSED) setTimeout(() => begin().catch(() => setTimeout(follow, 2000)), 2000);
  };
}

function health({ queue, problems }) {
  by("connection").className = "";
  by("connection").textContent = queue ? `live, ${queue} waiting` : "live";
  by("problems").hidden = !problems.length;
  by("problems").textContent = problems.join("; ");
}

// Begin

function logIn() {
  if (!by("login").open) by("login").showModal();
}

by("login").querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch("/login", { method: "POST", headers, body: JSON.stringify({ token: by("token").value }) });
  by("token").value = "";
  by("refused").textContent = answer.ok ? "" : (await answer.json()).detail;
  if (answer.ok) { by("login").close(); begin(); }
});

async function begin() {
  const ready = await (await fetch("/readyz")).json();
  const names = Object.keys(ready.recipes), known = [...by("recipe").options].map((one) => one.value);
  for (const name of names) if (!known.includes(name)) by("recipe").add(new Option(name, name));
  await load();
  follow();
}

by("ok").addEventListener("click", () => mark("ok"));
by("ng").addEventListener("click", () => mark("ng"));
by("live").addEventListener("click", () => { state.chosen = null; show(state.last); });
for (const id of ["recipe", "only"]) by(id).addEventListener("change", load);
by("since").addEventListener("change", count);
setInterval(() => { if (!by("login").open) { count().catch(() => {}); drift().catch(() => {}); } }, 30000);
document.addEventListener("keydown", (event) => {
  const steps = { ArrowLeft: -1, ArrowRight: 1 }, step = steps[event.key];
  if (!step || event.target.matches("input, select")) return;
  const at = state.strip.findIndex((one) => state.shown && one.seq === state.shown.seq);
  const next = state.strip[at + step];
  if (next) { state.chosen = next; show(next); }
});
show(null);
begin().catch(() => {});
