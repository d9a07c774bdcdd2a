// The keyboard, and the help that tells of it.

const KEYS = [
  ["j  k", "next and previous row"],
  ["Enter", "open or close the row"],
  ["/", "filter"],
  ["Esc", "leave the filter, close the help"],
  ["t", "light or dark"],
  ["?", "this help"],
];

const help = el("dialog", { "aria-label": "Keyboard" }, el("h3", null, "Keyboard"),
  facts(KEYS.map(([keys, what]) => [el("span", null, keys.split("  ").flatMap((key) => [el("kbd", null, key), " "])), what])),
  el("form", { method: "dialog" }, el("button", null, "Close")));

/** The buttons at the head of every page. */
function tools() {
  document.body.append(help);
  return el("div", { class: "tools" },
    el("button", { type: "button", onclick: Theme.toggle, "aria-label": "Light or dark" }, "\u25d0"),
    el("button", { type: "button", onclick: () => help.showModal(), "aria-label": "Keyboard help" }, "?"));
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
  const typing = event.target.closest("input, select, textarea");
  const table = Tables.at || Tables.all[0];
  if (typing) {
    if (event.key === "Escape" || (event.key === "Enter" && typing.type === "search")) { typing.blur(); }
    return;
  }
  const keys = {
    j: () => table && table.move(1),
    k: () => table && table.move(-1),
    Enter: () => event.target.closest("button, a, summary") ? false : table && table.toggle(),
    "/": () => table && table.search.focus(),
    t: Theme.toggle,
    "?": () => help.showModal(),
  };
  if (keys[event.key] && keys[event.key]() !== false) event.preventDefault();
});
