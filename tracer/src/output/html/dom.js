// Elements. Text from recordings only ever becomes text nodes and attributes that are no code.

/** An element: `el("td", {class: "number"}, "1")`. Functions in attributes are listeners: `{onclick: f}`. */
function el(tag, attributes, ...children) {
  const svg = ["svg", "line", "rect", "circle", "title"].includes(tag) && attributes && attributes.svg !== undefined;
  const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false || name === "svg") continue;
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== ""));
  return node;
}

/** A drawn element. */
const draw = (tag, attributes, ...children) => el(tag, { svg: true, ...attributes }, ...children);

/** A section with its heading. */
function section(title, ...children) {
  return el("section", { "aria-label": title }, el("h2", null, title), ...children);
}

/** Names and values. */
function facts(pairs) {
  return el("dl", null, pairs.map(([name, value]) => [el("dt", null, name), el("dd", null, value)]));
}

/** A small table: titles with `>` before them are of numbers. */
function grid(titles, rows) {
  const numbers = titles.map((title) => title.startsWith(">"));
  const cell = (tag) => (value, at) =>
    value instanceof Node && value.tagName === "TD" ? value : el(tag, { class: numbers[at] ? "number" : null }, value);
  return el("div", { class: "scroll fit" }, el("table", null,
    el("thead", null, el("tr", null, titles.map((title, at) => cell("th")(title.replace(">", ""), at)))),
    el("tbody", null, rows.map((row) => el("tr", null, row.map(cell("td")))))));
}
