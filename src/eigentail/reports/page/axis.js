// Where a number lies on an axis, and which numbers are written beside it.

// The least and the largest of the numbers that can be drawn, with a little room; null where there are none.
function rangeOf(values, log) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value === null || !Number.isFinite(value) || (log && value <= 0)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return null;
  if (log) {
    const room = Math.log10(high / low) * 0.04 || 0.5;
    return [low / 10 ** room, high * 10 ** room].map((end) => Math.min(Math.max(end, 5e-324), 1.7e308));
  }
  const room = (high - low) * 0.05 || Math.abs(high) * 0.1 || 1;
  return [low - room, high + room];
}

// From a number to its place between two pixels; NaN for what the axis does not have.
function placing(range, log, from, to) {
  const of = log ? Math.log10 : Number;
  const low = of(range[0]);
  const way = of(range[1]) - low || 1;
  return (value) => (value === null || (log && value <= 0) ? NaN : from + ((of(value) - low) / way) * (to - from));
}

// About so many round numbers within a range.
function ticks(range, axis, about) {
  if (axis.log) return powers(range, about);
  return steps(range, about).filter((value) => !axis.whole || Number.isInteger(value));
}

function steps(range, about) {
  const rough = (range[1] - range[0]) / Math.max(about, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.75) || 10 * power;
  const found = [];
  for (let i = Math.ceil(range[0] / step); i * step <= range[1] && found.length < 50; i++) found.push(i * step);
  return found;
}

function powers(range, about) {
  const first = Math.ceil(Math.log10(range[0]) - 1e-9);
  const last = Math.floor(Math.log10(range[1]) + 1e-9);
  if (last - first < 1) return steps(range, Math.min(about, 4)).filter((value) => value > 0);
  const every = Math.ceil((last - first + 1) / Math.max(about, 2));
  const found = [];
  for (let power = first; power <= last; power += every) found.push(Number(`1e${power}`));
  return found;
}
