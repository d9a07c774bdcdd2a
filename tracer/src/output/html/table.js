// A table that sorts, filters, and opens rows; the keyboard moves in the one that was used last.

const Tables = { all: [], at: null };

/**
 * `columns`: {title, cell(row), sort(row), number, spare}. `detail(row)` gives what opens below a row. `text(row)` is
 * what the filter looks through. Answers {node, refresh(keep)}: `keep(row)` says which rows stay.
 */
function sortable(title, { columns, rows, detail, text, order }) {
  const state = { by: order || [0, 1], keep: () => true, words: [], at: -1, open: new Map(), shown: [] };
  const head = el("tr"), body = el("tbody");
  const said = el("span", { class: "quiet", role: "status" });
  const search = el("input", {
    type: "search", placeholder: "Filter by call or path  ( / )", "aria-label": `Filter ${title}`,
    oninput: () => { state.words = search.value.toLowerCase().split(/\s+/).filter(Boolean); fill(); },
    onfocus: () => { Tables.at = self; },
  });
  const node = el("div", null, el("div", { class: "filters" }, search, said),
    el("div", { class: "scroll" }, el("table", { "aria-label": title }, el("thead", null, head), body)));

  function titles() {
    head.replaceChildren(...columns.map((column, at) => {
      const [by, way] = state.by;
      const sorted = by === at ? (way > 0 ? "ascending" : "descending") : null;
      const arrow = sorted ? (way > 0 ? " \u2191" : " \u2193") : "";
      const name = typeof column.title === "function" ? column.title() : column.title;
      const press = column.sort && el("button", { type: "button", onclick: () => { state.by = [at, by === at ? -way : column.number ? -1 : 1]; titles(); fill(); } }, name + arrow);
      return el("th", { "aria-sort": sorted, scope: "col", class: classes(column) }, press || name);
    }));
  }
  const classes = (column) => [column.number && "number", column.spare && "spare", column.name && "name"].filter(Boolean).join(" ") || null;

  function fill() {
    const [by, way] = state.by;
    const key = columns[by].sort;
    const has = (row) => { const all = text(row).toLowerCase(); return state.words.every((word) => all.includes(word)); };
    state.shown = rows.filter((row) => state.keep(row) && has(row)).sort((a, b) => {
      const x = key(a), y = key(b);
      // What has no value comes last, whichever way.
      if (!known(x) && typeof x !== "string") return !known(y) && typeof y !== "string" ? 0 : 1;
      if (!known(y) && typeof y !== "string") return -1;
      return (x < y ? -1 : x > y ? 1 : 0) * way;
    });
    state.at = -1;
    const lines = state.shown.flatMap((row, at) => {
      const line = el("tr", { class: "row", tabindex: 0, "aria-expanded": String(state.open.has(row)), onclick: (event) => { if (!event.target.closest("button, a, select")) { go(at); toggle(row); } }, onfocus: () => go(at) },
        columns.map((column) => el("td", { class: classes(column) }, column.cell(row))));
      return state.open.has(row) ? [line, below(row)] : [line];
    });
    body.replaceChildren(...lines);
    if (!lines.length) body.append(el("tr", null, el("td", { class: "empty", colspan: columns.length }, "No row matches.")));
    said.textContent = `${count(state.shown.length)} of ${count(rows.length)}`;
  }
  function below(row) {
    if (!state.open.get(row)) state.open.set(row, el("tr", { class: "detail" }, el("td", { colspan: columns.length }, detail(row))));
    return state.open.get(row);
  }
  const line = (at) => body.querySelectorAll("tr.row")[at];
  function go(at) {
    Tables.at = self;
    document.querySelectorAll("tr.row.at").forEach((one) => one.classList.remove("at"));
    state.at = Math.max(0, Math.min(at, state.shown.length - 1));
    const one = line(state.at);
    if (one) one.classList.add("at");
    return one;
  }
  function toggle(row = state.shown[state.at]) {
    if (!row) return;
    const one = line(state.shown.indexOf(row));
    if (state.open.has(row)) { state.open.get(row).remove(); state.open.delete(row); }
    else { state.open.set(row, null); one.after(below(row)); }
    one.setAttribute("aria-expanded", String(state.open.has(row)));
  }
  const self = {
    node,
    search,
    toggle,
    /** Moves the mark by some rows. */
    move(by) { const one = go(state.at + by); if (one) { one.focus({ preventScroll: true }); one.scrollIntoView({ block: "nearest" }); } },
    /** Takes another rule of what stays, or other values of the same rows. */
    refresh(keep) { if (keep) state.keep = keep; titles(); fill(); },
    rebuild() { state.open.clear(); titles(); fill(); },
  };
  Tables.all.push(self);
  titles();
  fill();
  return self;
}
