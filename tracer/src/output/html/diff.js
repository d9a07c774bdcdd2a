// The page of a comparison.

const VERDICTS = ["slower", "faster", "equivalent", "inconclusive"];
const SIGNS = { slower: "\u25b2", faster: "\u25bc", equivalent: "=", inconclusive: "?" };
// A change in the data: metric, base, new, then triples of difference and ratio, p, q, resolution, below, verdict.
const change = ([metric, base, fresh, d, dl, dh, r, rl, rh, p, q, resolution, below, verdict]) =>
  ({ metric, base, fresh, difference: [d, dl, dh], ratio: [r, rl, rh], p, q, resolution, below, verdict });

const verdictOf = (verdict, because) =>
  el("span", { class: `verdict ${verdict}` }, `${SIGNS[verdict] || ""} ${verdict}`.trim(), because ? el("small", null, because) : "");
const both = ([value, interval]) => [value, el("small", null, interval)];

/** Every metric of a row, and its plots. */
function details(row, data) {
  const titles = ["metric", ">base", ">new", ">difference", `>${data.confidence} interval`, ">ratio", `>${data.confidence} interval`, ">resolution", ">p", ">q", "verdict"];
  const lines = row.changes.map((one) => [
    one.metric, level(one.metric, one.base), level(one.metric, one.fresh),
    ...differenceSpan(one.metric, one.difference), ...ratioSpan(one.ratio),
    one.resolution === null ? "exact" : time(one.resolution), probability(one.p), probability(one.q),
    el("span", { class: one.verdict }, one.verdict, one.below ? " (below resolution)" : ""),
  ]);
  const counts = `n ${count(row.n[0])} base, ${count(row.n[1])} new; runs ${row.runs.join(" and ")}; failed calls ${count(row.errors[0])} and ${count(row.errors[1])}`;
  const parts = [el("p", { class: "quiet" }, counts)];
  if (lines.length) parts.push(grid(titles, lines));
  if (row.curve) {
    const [at, base, fresh, ...shift] = row.curve;
    const quantiles = data.quantiles[at];
    parts.push(el("div", { class: "plots" }, ecdfPlot(quantiles, base, fresh), shiftPlot(quantiles, shift, base, data.floor, data.confidence)));
  }
  if (!row.curve) parts.push(el("p", { class: "quiet" }, "No plots: too few calls, or one side only."));
  return el("div", null, parts);
}

/** A table of rows, with the choice of a metric and of verdicts. */
function rowsSection({ title, rows, metric }, data) {
  const metrics = ["mean", "p5", "p50", "p90", "p99", "p99.9", "rate", "errors"].filter((name) => rows.some((row) => row.changes.some((one) => one.metric === name)));
  let chosen = metrics.includes(metric) ? metric : metrics[0];
  const of = (row) => row.changes.find((one) => one.metric === chosen);
  const number = (pick) => (row) => { const one = of(row); return one ? pick(one) : undefined; };
  const cell = (show) => (row) => { const one = of(row); return one ? show(one) : "-"; };
  const reach = () => {
    const all = rows.map(number((one) => Math.abs(one.ratio[0] - 1))).filter(known).sort((a, b) => a - b);
    return Math.min(1, Math.max(0.02, 2 * data.floor.ratio, 1.15 * (all[Math.floor(all.length * 0.95)] || all[all.length - 1] || 0)));
  };
  const columns = [
    { title: "call", name: true, cell: (row) => [row.call, el("small", { class: "phone" }, `${row.path}, n ${row.n.map(count).join(" / ")}`)], sort: (row) => row.call },
    { title: "path", spare: true, cell: (row) => pathKey(row.path), sort: (row) => row.path },
    { title: "verdict", cell: (row) => verdictOf(row.verdict, row.because), sort: (row) => String(VERDICTS.indexOf(row.verdict)) },
    { title: "n base, new", number: true, spare: true, cell: (row) => row.n.map((number) => el("div", null, count(number))), sort: (row) => row.n[0] },
    { title: () => `${chosen}, base`, number: true, spare: true, cell: cell((one) => level(chosen, one.base)), sort: number((one) => one.base) },
    { title: () => `${chosen}, new`, number: true, spare: true, cell: cell((one) => level(chosen, one.fresh)), sort: number((one) => one.fresh) },
    { title: "difference", number: true, cell: cell((one) => both(differenceSpan(chosen, one.difference))), sort: number((one) => one.difference[0]) },
    { title: "ratio", number: true, cell: cell((one) => both(ratioSpan(one.ratio))), sort: number((one) => one.ratio[0]) },
    { title: () => `\u00b1${percent(reach())}`, spare: true, cell: cell((one) => forest(one.ratio, reach(), data.floor.ratio, one.verdict)) },
    { title: "q", number: true, spare: true, cell: cell((one) => probability(one.q)), sort: number((one) => one.q) },
  ];
  const table = sortable(title, { columns, rows, detail: (row) => details(row, data), text: (row) => `${row.call} ${row.path} ${row.verdict}`, order: [2, 1] });
  const pressed = new Set();
  const chips = VERDICTS.map((verdict) => {
    const many = rows.filter((row) => row.verdict === verdict).length;
    return el("button", { type: "button", class: `chip ${verdict}`, "aria-pressed": "false", onclick: (event) => {
      if (!pressed.delete(verdict)) pressed.add(verdict);
      event.currentTarget.setAttribute("aria-pressed", String(pressed.has(verdict)));
      table.refresh((row) => pressed.size === 0 || pressed.has(row.verdict));
    } }, `${SIGNS[verdict]} ${count(many)} ${verdict}`);
  });
  const choice = el("label", null, "metric ", el("select", { onchange: (event) => { chosen = event.currentTarget.value; table.refresh(); } },
    metrics.map((name) => el("option", { value: name, selected: name === chosen }, name))));
  table.node.querySelector(".filters").prepend(...(metrics.length ? [choice] : []), ...chips);
  return section(title, table.node);
}

/** What the shift of a mean comes from. */
function shiftTable(parts, confidence) {
  const most = Math.max(...parts.flatMap(([, ...estimate]) => estimate.filter(known).map(Math.abs)), 1e-9);
  return grid(["", ">ns a call", `>${confidence} interval`, ""], parts.map(([name, ...estimate]) => {
    const [value, interval] = timeSpan(estimate);
    const scaled = estimate.map((number) => 1 + number / most);
    const verdict = estimate[1] > 0 ? "slower" : estimate[2] < 0 ? "faster" : "inconclusive";
    return [name, value, interval, forest(scaled, 1, 0, verdict)];
  }));
}

function summary(data) {
  const service = data.tables.find((table) => table.id === "service").rows;
  const cards = VERDICTS.map((verdict) => card(count(data.tally[verdict]), verdict, verdict));
  const parts = [el("div", { class: "cards" }, cards)];
  if (data.total) {
    const { base, fresh, parts: [shift] } = data.total;
    const kind = shift[2] > 0 ? "slower" : shift[3] < 0 ? "faster" : "inconclusive";
    cards.push(el("div", { class: `card wide ${kind}` }, el("b", null, `${time(base)} \u2192 ${time(fresh)}`),
      el("span", null, `mean over all calls: ${timeSpan(shift.slice(1)).join(" ")}`)));
    parts[0].append(cards[4]);
  }
  parts.push(el("p", { class: "quiet" }, `${count(service.length)} series by call and path. ${data.legend}.`));
  parts.push(data.forced.map(([what, base, fresh]) => note(`Not comparable, but forced: ${what}: ${base} (base), ${fresh} (new)`, true)));
  parts.push(data.paradoxes.map((text) => note(text)), data.notes.map((text) => note(text)));
  if (data.advice) parts.push(note(data.advice));
  return el("section", { "aria-label": "Summary" }, parts);
}

function environment(data) {
  const sides = data.sides.map(([name, label, pairs]) => el("div", null, el("h3", null, `${name}: ${label}`), facts(pairs)));
  const differs = data.environment.length ? grid(["differs", "base", "new"], data.environment) : el("p", { class: "quiet" }, "No difference was seen.");
  return section("Environment", el("div", { class: "pair" }, sides), el("p"), differs);
}

begin((data, main) => {
  for (const table of data.tables) {
    for (const row of table.rows) row.changes = row.changes.map(change);
  }
  document.body.prepend(top(data.title, data.subtitle));
  main.append(summary(data));
  if (data.total) main.append(section("Where the mean's shift comes from", shiftTable(data.total.parts, data.confidence)));
  if (data.mix.length) {
    const shares = (side) => Object.fromEntries(data.mix.map((one) => [one[0], one[side]]));
    main.append(section("Paths of all returns", mixBars([["base", shares(1)], ["new", shares(2)]]),
      grid(["path", ">base", ">new", ">difference", `>${data.confidence} interval`],
        data.mix.map(([path, base, fresh, ...difference]) => [pathKey(path), percent(base), percent(fresh), ...pointSpan(difference)]))));
  }
  for (const table of data.tables) if (table.rows.length) main.append(rowsSection(table, data));
  if (data.calls.length) {
    const triple = (estimate) => el("td", { class: "number" }, both(timeSpan(estimate)));
    main.append(section("Calls that leave by several paths",
      el("p", { class: "quiet" }, "The shift of a call's mean is what other shares of its paths do, and what the paths themselves do."),
      grid(["call", ">n base", ">n new", ">base", ">new", ">shift", ">by the mix", ">within paths"],
        data.calls.map(([call, n0, n1, base, fresh, ...rest]) => [call, count(n0), count(n1), time(base), time(fresh), triple(rest.slice(0, 3)), triple(rest.slice(3, 6)), triple(rest.slice(6, 9))]))));
  }
  main.append(environment(data));
  main.append(section("Method", data.method.map((text) => el("p", null, text)), el("pre", null, data.repeat)));
});
