// Plots, by uPlot. Axes are scaled here: times by their logarithm, quantiles by their odds, so that both tails show.

const odds = (quantile) => {
  const inside = Math.min(Math.max(quantile, 1e-7), 1 - 1e-7);
  return Math.log10(inside / (1 - inside));
};
const QUANTILES = [0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999];
const logarithm = (ns) => Math.log10(Math.max(ns, 0.5));
const quantileName = (quantile) => `p${Number((quantile * 100).toPrecision(6))}`;

/** Times that divide a range of logarithms, at most so many. */
function timeTicks(low, high, most) {
  const steps = high - low > 4 ? [1] : high - low > 2 ? [1, 3] : [1, 1.5, 2, 3, 5, 7];
  const ticks = [];
  for (let power = Math.floor(low); power <= Math.ceil(high); power++) {
    for (const step of steps) ticks.push(power + Math.log10(step));
  }
  const inside = ticks.filter((tick) => tick >= low && tick <= high);
  const every = Math.ceil(inside.length / most);
  return inside.filter((_, at) => at % every === 0);
}

const AXES = {
  time: { splits: (u, axis, low, high) => timeTicks(low, high, axis === 0 ? Math.max(3, Math.floor(u.width / 80)) : 6), values: (u, ticks) => ticks.map((tick) => time(Number((10 ** tick).toPrecision(2)))) },
  quantile: {
    splits: (u, axis, low, high) => QUANTILES.map(odds).filter((tick) => tick >= low && tick <= high),
    values: (u, ticks) => ticks.map((tick) => quantileName(10 ** tick / (1 + 10 ** tick))),
  },
  share: { splits: () => [0, 0.25, 0.5, 0.75, 1], values: (u, ticks) => ticks.map((tick) => `${tick * 100}%`) },
  shift: { values: (u, ticks) => ticks.map((tick) => `${tick > 0 ? "+" : ""}${Number((tick * 100).toPrecision(3))}%`), size: 66 },
};

/** Puts a plot into a node, and draws it again when the theme or the width changes. */
function plot(title, say, build, caption) {
  const place = el("div", { role: "img", "aria-label": say });
  const node = el("div", { class: "plot" }, el("h3", null, title), caption ? el("p", { class: "quiet" }, caption) : "", place);
  let drawn = null;
  const again = () => {
    if (!node.isConnected || place.clientWidth === 0) return;
    if (drawn) drawn.destroy();
    const { data, options } = build();
    const quiet = Theme.colour("quiet"), line = Theme.colour("line");
    for (const axis of options.axes) {
      Object.assign(axis, { stroke: quiet, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: "12px system-ui" });
    }
    drawn = new uPlot({ width: place.clientWidth, height: 250, cursor: { drag: { x: true, y: false } }, ...options }, data, place);
  };
  Theme.listeners.push(again);
  // In the next frame: a plot that changes its size while sizes are observed is observed again.
  new ResizeObserver(() => requestAnimationFrame(() => { if (!drawn || drawn.width !== place.clientWidth) again(); })).observe(place);
  return node;
}

/** Lines over the quantiles: `lines` are {label, colour, values in ns, dash}. */
function quantilePlot(title, quantiles, lines) {
  return plot(title, `${title}: the time that a share of the calls does not exceed`, () => ({
    data: [quantiles.map(odds), ...lines.map((one) => one.values.map((ns) => (ns === null ? null : logarithm(ns))))],
    options: {
      scales: { x: { time: false }, y: { range: (u, least, most) => [Math.max(least - 0.05, logarithm(0)), most + 0.05] } },
      axes: [{ ...AXES.quantile }, { ...AXES.time, size: 62 }],
      series: [
        { label: "quantile", value: (u, x) => (x == null ? "-" : quantileName(10 ** x / (1 + 10 ** x))) },
        ...lines.map((one) => ({ label: one.label, stroke: Theme.colour(one.colour), width: 2, dash: one.dash, points: { show: false }, value: (u, y) => (y == null ? "-" : time(10 ** y)) })),
      ],
    },
  }));
}

/** The share of calls up to a time, of both sides. */
function ecdfPlot(quantiles, base, fresh) {
  const curve = (values) => {
    const xs = [], ys = [];
    values.map(logarithm).forEach((x, at) => {
      // A bucket holds many quantiles: the last of them is what its edge covers.
      if (xs.length && x <= xs[xs.length - 1]) ys[ys.length - 1] = quantiles[at];
      else { xs.push(x); ys.push(quantiles[at]); }
    });
    return [xs, ys];
  };
  const stepped = uPlot.paths.stepped({ align: 1 });
  const side = (label, colour, dash) => ({
    label, dash, stroke: Theme.colour(colour), width: 2, spanGaps: true, paths: stepped, points: { show: false },
    value: (u, y) => (y == null ? "-" : percent(y)),
  });
  return plot("Distribution (ECDF)", "share of the calls that take at most a time, base and new", () => ({
    data: uPlot.join([curve(base), curve(fresh)]),
    options: {
      scales: { x: { time: false }, y: { range: [0, 1] } },
      axes: [{ ...AXES.time }, { ...AXES.share, size: 50 }],
      series: [
        { label: "at most", value: (u, x) => (x == null ? "-" : time(10 ** x)) },
        side("base", "base", [6, 4]),
        side("new", "new"),
      ],
    },
  }), "The share of calls that take at most a time.");
}

/** How far each quantile moved, in percent of base, with its interval; the band around 0 counts as no change. */
function shiftPlot(quantiles, shifts, base, floor, confidence) {
  const share = (values) => values.map((value, at) => (known(value) && base[at] > 0 ? value / base[at] : null));
  const reach = base.map((value) => Math.max(floor.ns / Math.max(value, 1e-3), floor.ratio));
  const around = (u) => {
    const { ctx, bbox } = u;
    const y = (value) => u.valToPos(value, "y", true), x = (at) => u.valToPos(u.data[0][at], "x", true);
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.fillStyle = Theme.colour("floor");
    ctx.beginPath();
    for (let at = 0; at < reach.length; at++) ctx.lineTo(x(at), y(reach[at]));
    for (let at = reach.length - 1; at >= 0; at--) ctx.lineTo(x(at), y(-reach[at]));
    ctx.fill();
    ctx.strokeStyle = Theme.colour("quiet");
    ctx.beginPath();
    ctx.moveTo(bbox.left, y(0));
    ctx.lineTo(bbox.left + bbox.width, y(0));
    ctx.stroke();
    ctx.restore();
  };
  const shown = (values) => (u, y, series, at) => (at == null || y == null ? "-" : `${timeSpan([values[at], 0, 0])[0]} (${ratioSpan([1 + y, 1, 1])[0]})`);
  const [shift, low, high] = shifts;
  // As wide as most intervals: a few wild ones in the tail are cut, or nothing else would be seen.
  const sizes = [...share(low), ...share(high)].filter(known).map(Math.abs).sort((a, b) => a - b);
  const most = Math.max(1.3 * floor.ratio, 0.01, 1.2 * (sizes[Math.floor(sizes.length * 0.9)] || 0), ...share(shift).filter(known).map((one) => 1.1 * Math.abs(one)));
  const within = (values, least) => Math.min(most, 1.1 * Math.max(least, ...values.filter(known)));
  const range = () => [-within([...share(low), ...share(shift)].filter(known).map((one) => -one), most / 8), within([...share(high), ...share(shift)], most / 8)];
  return plot("Shift of each quantile, in percent of base", "new less base at each quantile, with its interval", () => ({
    data: [quantiles.map(odds), share(shift), share(low), share(high)],
    options: {
      scales: { x: { time: false }, y: { range } },
      axes: [{ ...AXES.quantile }, { ...AXES.shift }],
      bands: [{ series: [3, 2], fill: Theme.colour("band") }],
      hooks: { drawAxes: [around] },
      series: [
        { label: "quantile", value: (u, x) => (x == null ? "-" : quantileName(10 ** x / (1 + 10 ** x))) },
        { label: "new less base", stroke: Theme.colour("new"), width: 2, points: { show: false }, value: shown(shift) },
        { label: `${confidence} from`, width: 0, points: { show: false }, value: shown(low) },
        { label: "to", width: 0, points: { show: false }, value: shown(high) },
      ],
    },
  }), "Blue: the interval. Green: what counts as no change.");
}

/** One row's change in percent: its interval as a line, 0, and the band that counts as no change. */
function forest([value, low, high], reach, floor, verdict) {
  const x = (ratio) => 75 + Math.max(-1, Math.min(1, (ratio - 1) / reach)) * 70;
  if (![value, low, high].every(known)) return "";
  const say = ratioSpan([value, low, high]).join(" ");
  return draw("svg", { class: `forest ${verdict}`, viewBox: "0 0 150 20", role: "img", "aria-label": say },
    draw("rect", { class: "floor", x: x(1 - floor), width: x(1 + floor) - x(1 - floor), y: 1, height: 18 }),
    draw("line", { class: "zero", x1: 75, x2: 75, y1: 1, y2: 19 }),
    draw("line", { class: "reach", x1: x(low), x2: Math.max(x(high), x(low) + 1), y1: 10, y2: 10 }),
    draw("circle", { class: "value", cx: x(value), cy: 10, r: 3.5 }));
}
