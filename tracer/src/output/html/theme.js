// Light and dark: as the system says, until the reader chooses.

const Theme = {
  /** Called after every change: plots on a canvas take their colours anew. */
  listeners: [],
  dark() {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  },
  toggle() {
    document.documentElement.dataset.theme = Theme.dark() ? "light" : "dark";
    Theme.changed();
  },
  changed() { Theme.listeners.forEach((listener) => listener()); },
  /** A colour of the style sheet as the canvas takes it. */
  colour(name) {
    const probe = document.body.appendChild(el("i"));
    probe.style.color = `var(--${name})`;
    const colour = getComputedStyle(probe).color;
    probe.remove();
    return colour;
  },
};
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", Theme.changed);
