// Elements without markup: text only ever becomes text nodes.

const find = (id) => document.getElementById(id);

/** An element with properties and children; a string child is text. */
function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

function drawing(name, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function canvas(width, height) {
  return element("canvas", { width, height });
}

/** Fill a select with [value, text] pairs. */
function fillSelect(select, options) {
  select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
}

/** A table: heads are column names, rows are lists whose first cell heads its line. */
function table(caption, heads, rows, lastIsTotal = false) {
  const head = element("tr", {}, ...heads.map((text) => element("th", { scope: "col" }, text)));
  const body = rows.map(([first, ...cells], i) => {
    const line = element("tr", {}, element("th", { scope: "row" }, first));
    line.append(...cells.map((text) => element("td", {}, text)));
    if (lastIsTotal && i === rows.length - 1) line.className = "total";
    return line;
  });
  return element("table", {},
    element("caption", {}, caption),
    element("thead", {}, head),
    element("tbody", {}, ...body));
}
