// What pages have in common.

const PATHS = ["sysret", "sysret-fast", "iret", "sysretl", "eretu", "xenpv"];
const pathClass = (path) => `path-${Math.max(0, PATHS.indexOf(path))}`;

/** The head of a page. */
function top(title, subtitle) {
  return el("header", { class: "top" }, el("div", null, el("h1", null, title), el("div", { class: "quiet" }, subtitle)), tools());
}

const note = (text, alarm) => el("p", { class: alarm ? "note alarm" : "note", role: alarm ? "alert" : null }, text);

function card(number, text, kind) {
  return el("div", { class: `card ${kind || ""}` }, el("b", null, number), el("span", null, text));
}

/** Bars of shares: `bars` are [name, {path: share}]. */
function mixBars(bars) {
  const parts = (shares) => Object.entries(shares).map(([path, share]) => {
    const part = el("i", { class: pathClass(path), title: `${path} ${percent(share)}` });
    part.style.width = `${share * 100}%`;
    return part;
  });
  const say = (shares) => Object.entries(shares).map(([path, share]) => `${path} ${percent(share)}`).join(", ");
  return el("div", { class: "bars" }, bars.map(([name, shares]) => [
    el("span", null, name), el("div", { class: "bar", role: "img", "aria-label": say(shares) }, parts(shares)),
  ]));
}

const pathKey = (path) => el("span", { class: "path" }, el("i", { class: `key ${pathClass(path)}` }), path);

/** Named counts in words: `EAGAIN 3, EINTR 1`. */
const named = (counts) => counts.map(([name, number]) => `${name} ${count(number)}`).join(", ") || "none";

/** Builds the page from its data; what fails is said in the page, not only in the console. */
function begin(build) {
  const data = JSON.parse(document.getElementById("data").textContent);
  const main = document.getElementById("page");
  build(data, main);
  document.documentElement.dataset.ready = "yes";
}
