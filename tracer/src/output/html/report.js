// The page of one recording.

const TIMED = ["count", "sum", "mean", "min", "p50", "p90", "p99", "p99.9", "max"];
const at = (times, name) => (times ? times[TIMED.indexOf(name)] : undefined);
const timesRow = (name, times) => [name, count(times[0]), ...times.slice(1, 9).map(time)];
const TITLES = ["", ">n", ">total", ">mean", ">min", ">p50", ">p90", ">p99", ">p99.9", ">max"];

/** Lines of percentiles, as far into the tails as so many calls reach. */
function percentiles(title, quantiles, lines) {
  const within = (n) => (at) => at >= 1 / n && at <= 1 - 1 / n;
  const most = Math.max(...lines.map((one) => one.n));
  const kept = quantiles.filter(within(most));
  const cut = (one) => quantiles.map((at, index) => [at, one.values[index]]).filter(([at]) => within(most)(at))
    .map(([at, value]) => (within(one.n)(at) ? value : null));
  return quantilePlot(title, kept, lines.map((one) => ({ ...one, values: cut(one) })));
}

/** Everything about a row. */
function details(row, data) {
  const parts = [];
  const lines = [];
  if (row.service) lines.push(timesRow("service time", row.service));
  if (row.work) lines.push(timesRow("exit work", row.work));
  if (lines.length) parts.push(grid(TITLES, lines));
  else parts.push(el("p", { class: "quiet" }, "No return of this series was timed."));
  const said = [["returns", `${count(row.returns)}, of these timed ${count(row.timed)}`]];
  for (const [name, counts] of [["reasons", row.reasons], ["causes", row.causes], ["errors", row.errors]]) {
    if (counts.length) said.push([name, named(counts)]);
  }
  if (row.uncertain) said.push(["uncertain", `${count(row.uncertain)} returns of traced tasks`]);
  if (row.service && row.service[9]) said.push(["above the range", count(row.service[9])]);
  parts.push(facts(said));
  if (row.curve && row.timed > 3) {
    parts.push(el("div", { class: "plots" }, percentiles(`Percentiles of ${count(row.timed)} calls`, data.quantiles, [{ label: "service time", colour: "new", n: row.timed, values: row.curve }])));
  }
  return el("div", null, parts);
}

function series(data) {
  const number = (title, name) => ({ title, number: true, spare: !["p50", "p99"].includes(name), cell: (row) => (row.service ? time(at(row.service, name)) : "-"), sort: (row) => at(row.service, name) });
  const columns = [
    { title: "call", name: true, sort: (row) => row.call, cell: (row) => [row.call, el("small", { class: "phone" }, `${row.path}, n ${count(row.timed)}`)] },
    { title: "path", spare: true, sort: (row) => row.path, cell: (row) => pathKey(row.path) },
    { title: "returns", number: true, spare: true, sort: (row) => row.returns, cell: (row) => count(row.returns) },
    { title: "share", number: true, spare: true, sort: (row) => row.share, cell: (row) => percent(row.share) },
    { title: "timed", number: true, spare: true, sort: (row) => row.timed, cell: (row) => count(row.timed) },
    { title: "errors", number: true, spare: true, sort: (row) => row.failed, cell: (row) => count(row.failed) },
    number("total", "sum"), number("mean", "mean"), number("p50", "p50"), number("p90", "p90"), number("p99", "p99"), number("p99.9", "p99.9"), number("max", "max"),
    { title: "reasons", spare: true, cell: (row) => (row.reasons.length ? el("small", null, named(row.reasons), row.causes.length ? ` (${named(row.causes)})` : "") : "") },
  ];
  const text = (row) => [row.call, row.path, ...row.reasons, ...row.causes, ...row.errors].flat().join(" ");
  const table = sortable("Service time", { columns, rows: data.rows, detail: (row) => details(row, data), text, order: [6, -1] });
  const [rows, returns] = data.omitted;
  const more = [];
  if (rows) more.push(note(`--top left out ${count(rows)} rows with ${count(returns)} returns.`));
  if (data.leftOut) more.push(note(`${count(data.leftOut)} rows do not fit into this page: --format json has all.`));
  return section("Service time: sys_enter to sys_exit", more, table.node);
}

function turnaround(data) {
  const colours = ["path-0", "path-1", "path-2", "path-3", "path-4", "path-5"];
  const lines = data.turnaround.map(([path, [n], curve], number) => ({ label: path, n, colour: colours[PATHS.indexOf(path)] || "new", values: curve, dash: number ? [4 + 3 * number, 4] : undefined }));
  const table = grid(TITLES, data.turnaround.map(([path, times]) => timesRow(pathKey(path), times)));
  return section("Turnaround: a thread's return by a path to its next entry", table,
    el("div", { class: "plots" }, percentiles("Percentiles", data.quantiles, lines)));
}

begin((data, main) => {
  document.body.prepend(top(data.title, data.subtitle));
  const lost = data.loss.reduce((sum, [, number]) => sum + number, 0);
  const summary = [el("div", { class: "cards" },
    card(count(data.returns), data.rate ? `returns, ${data.rate}` : "returns"),
    card(count(data.timed), data.countsOnly ? "timed (counts only)" : data.sample > 1 ? `timed (1 in ${data.sample})` : "timed"),
    card(count(data.rows.length + data.omitted[0] + data.leftOut), "series"),
    card(data.fidelity, "may be claimed"),
    card(lost ? count(lost) : "none", "loss", lost ? "slower" : "equivalent"))];
  if (data.note) summary.push(note(`Bounds, because ${data.note}.`));
  if (lost) summary.push(note(`Missing: ${named(data.loss.filter(([, number]) => number))}.`, true));
  main.append(el("section", { "aria-label": "Summary" }, summary));

  const shares = Object.fromEntries(data.paths.map(([path, , share]) => [path, share]));
  main.append(section("Paths of all returns", mixBars([["returns", shares]]),
    grid(["path", ">returns", ">share"], data.paths.map(([path, returns, share]) => [pathKey(path), count(returns), percent(share)])),
    facts([["reasons", named(data.reasons)], ["causes", named(data.causes)], ...(data.diversions.length ? [["off the fast path", named(data.diversions)]] : [])])));
  main.append(series(data));
  if (data.turnaround.length) main.append(turnaround(data));
  if (data.inFlight) {
    main.append(section("In flight at the end", grid([">thread", "name", "call", ">for"], data.inFlight.map(([tid, comm, call, age]) => [String(tid), comm || "?", call, age === null ? "-" : time(age)]))));
  }
  const positive = (counts) => named(counts.filter(([, number]) => number));
  main.append(section("What is missing, and what it cost",
    el("div", { class: "pair" },
      el("div", null, el("h3", null, "Loss"), facts([["lost", named(data.loss)], ["untimed", positive(data.untimed)], ["skipped program runs", positive(data.missed)]])),
      el("div", null, el("h3", null, "Own cost"), facts(data.cost)))));
  main.append(section("About", facts(data.about)));
});
