// Numbers for people, as the tables of the terminal show them.

const TIMES = [["ns", 1], ["us", 1e3], ["ms", 1e6], ["s", 1e9]];
const RATES = [["/s", 1], ["k/s", 1e3], ["M/s", 1e6], ["G/s", 1e9]];

const decimals = (size) => (size < 9.995 ? 2 : size < 99.95 ? 1 : 0);
const known = (number) => typeof number === "number" && Number.isFinite(number);

function scaled(number, units, limit) {
  if (!known(number)) return "-";
  const [unit, size] = units.find(([, size]) => Math.abs(number) / size < limit) || units[units.length - 1];
  if (Math.abs(number) / size >= limit) return count(Math.round(number / size)) + unit;
  return (number / size).toFixed(decimals(Math.abs(number) / size)) + unit;
}

/** A time in ns: `85.1ns`. */
const time = (ns) => (Number.isInteger(ns) && Math.abs(ns) < 1000 ? `${ns}ns` : scaled(ns, TIMES, 999.5));
/** A count: `1,234`. */
const count = (number) => (known(number) ? number.toLocaleString("en-US") : "-");
/** A share of 1: `12.3%`. */
function percent(share) {
  if (!known(share)) return "-";
  if (share > 0 && share < 0.0005) return "<0.1%";
  if (share >= 0.9995 && share < 1) return ">99.9%";
  return share >= 1 ? "100%" : `${(share * 100).toFixed(1)}%`;
}
/** A probability. */
const probability = (p) => (!known(p) ? "-" : p < 0.0001 ? "<0.0001" : p.toFixed(4));

/** A metric's value. */
function level(metric, value) {
  if (metric === "rate") return scaled(value, RATES, 9999.5);
  return metric === "errors" ? percent(value) : time(value);
}

/** [value, low, high] in one unit: ["+7.20ns", "[+6.81, +7.61]"]. */
function span(estimate, units) {
  const reach = Math.max(...estimate.filter(known).map(Math.abs), 0);
  const [unit, size] = units.find(([, size]) => reach / size < 9999.5) || units[units.length - 1];
  const places = decimals(reach / size);
  const [value, low, high] = estimate.map((number) => {
    if (!known(number)) return null;
    const text = (number / size).toFixed(places);
    if (unit === "%" && number / size > 9999) return ">+9999";
    if (!/[1-9]/.test(text)) return text.replace("-", "");
    return number > 0 ? `+${text}` : text;
  });
  return [value === null ? "-" : value + unit, low === null || high === null ? "-" : `[${low}, ${high}]`];
}

const timeSpan = (estimate) => span(estimate, TIMES);
const pointSpan = (estimate) => span(estimate, [["pp", 0.01]]);
const ratioSpan = (estimate) => span(estimate.map((ratio) => (known(ratio) ? ratio - 1 : ratio)), [["%", 0.01]]);
function differenceSpan(metric, estimate) {
  if (metric === "rate") return span(estimate, RATES);
  return metric === "errors" ? pointSpan(estimate) : timeSpan(estimate);
}
