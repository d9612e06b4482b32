// From what is kept of a spectrum to two charts: its density, and the share of values at or above each size.

const STEPS = 65535;
const FINE = 160;

// The ranks of the kept positions: as `ranks` of the program that wrote the page.
function ranksOf(n, kept) {
  if (n === kept && n <= 100) return Array.from({ length: n }, (_, i) => n - i);
  const step = Math.log(n) / 99;
  const found = new Set(Array.from({ length: 100 }, (_, i) => Math.min(n, halfEven(Math.exp(step * i)))));
  return [...found].sort((a, b) => b - a);
}

// Python rounds halves to the even number.
function halfEven(value) {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

function positions(text) {
  const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  return Array.from({ length: bytes.length / 2 }, (_, i) => bytes[2 * i] + 256 * bytes[2 * i + 1]);
}

// So many numbers from one to another, evenly on a log scale.
function spread(from, to, count) {
  const step = Math.log(to / from) / (count - 1);
  return Array.from({ length: count }, (_, i) => (i === count - 1 ? to : from * Math.exp(step * i)));
}

// The eigenvalues at the edges of the bins.
function edgesOf(seen) {
  const bins = seen.counts.length;
  const way = seen.high - seen.low;
  if (way === 0) return [10 ** (seen.low - 0.02), 10 ** (seen.low + 0.02)];
  return Array.from({ length: bins + 1 }, (_, i) => 10 ** (seen.low + (way * i) / bins));
}

function densityOf(seen, edges) {
  return seen.counts.map((count, i) => count / seen.n / (edges[i + 1] - edges[i]));
}

// The fitted law from xmin on: its density, and its share at or above x, both of all values that are not zero.
function lawOf(seen) {
  if (seen.alpha === null || !(seen.xmin > 0) || !(seen.xmax > seen.xmin)) return null;
  const xs = spread(seen.xmin, seen.xmax, FINE);
  const share = seen.tail / seen.n;
  const open = seen.law === "power_law" && !seen.rate;
  if (open) {
    const density = xs.map((x) => (share * (seen.alpha - 1) * (x / seen.xmin) ** -seen.alpha) / seen.xmin);
    return { xs, density, above: xs.map((x) => share * (x / seen.xmin) ** (1 - seen.alpha)) };
  }
  // A law with a cutoff or an end has no such formula: it is summed, an exponential one beyond the last value too.
  const far = seen.rate > 0 ? spread(seen.xmax, seen.xmax + 40 / seen.rate, FINE).slice(1) : [];
  const all = [...xs, ...far];
  const raw = all.map((x) => (x / seen.xmin) ** -seen.alpha * Math.exp(-(seen.rate || 0) * (x - seen.xmin)));
  const sums = new Array(all.length).fill(0);
  for (let i = all.length - 2; i >= 0; i--) sums[i] = sums[i + 1] + ((raw[i] + raw[i + 1]) / 2) * (all[i + 1] - all[i]);
  return {
    xs,
    density: xs.map((_, i) => (share * raw[i]) / sums[0]),
    above: xs.map((_, i) => (share * sums[i]) / sums[0]),
  };
}

// The Marchenko-Pastur density of the eigenvalues of W^T W for noise of a variance, over a share of the values.
function noiseOf(variance, seen, low, high, share) {
  if (!(variance > 0) || !(high > low)) return null;
  const xs = spread(Math.max(low, high * 1e-6, Math.min(10 ** (seen.low - 0.5), high / 2)), high, FINE);
  const ys = xs.map((x) => (share * Math.sqrt(Math.max(high - x, 0) * Math.max(x - low, 0))) / (2 * Math.PI * variance * seen.M * x));
  return { xs, ys: ys.map((y) => (y > 0 ? y : null)) };
}

function noiseEdges(variance, seen) {
  const [long, short] = [Math.sqrt(seen.N), Math.sqrt(seen.M)];
  return [variance * (long - short) ** 2, variance * (long + short) ** 2];
}

const EIGENVALUE = { label: "eigenvalue of W^T W", log: true };

// The density of one spectrum with its law and its noise, or of several beside each other.
function densityChart(many) {
  const alone = many.length === 1;
  const series = [];
  let floor = Infinity;
  const seenOnes = many.map((seen) => {
    const edges = edgesOf(seen);
    const heights = densityOf(seen, edges);
    heights.filter((height) => height > 0).forEach((height) => (floor = Math.min(floor, height)));
    return { seen, edges, heights };
  });
  if (alone) series.push(...noiseSeries(many[0], floor));
  seenOnes.forEach(({ seen, edges, heights }, i) => {
    series.push({ name: seen.name || "eigenvalues", kind: "steps", look: `c${i}`, x: edges, edges, y: heights });
    const law = lawOf(seen);
    if (law) series.push({ name: lawName(seen), kind: "line", look: `dash c${alone ? 1 : i}`, x: law.xs, y: law.density.map((y) => (y >= floor / 4 ? y : null)) });
  });
  return { x: EIGENVALUE, y: { label: "density", log: true }, series, upright: xminRule(many) };
}

function noiseSeries(seen, floor) {
  const found = [];
  const cut = (ys) => ys.map((y) => (y >= floor / 4 ? y : null));
  const untrained = noiseOf(seen.noise, seen, ...noiseEdges(seen.noise, seen), 1);
  if (untrained) found.push({ name: "untrained weights of this shape and size", kind: "area", x: untrained.xs, y: cut(untrained.ys) });
  const bulk = noiseOf(seen.bulk, seen, seen.bulk_min, seen.bulk_max, 1);
  if (bulk) found.push({ name: "noise that explains the bulk", kind: "line", look: "dots c2", x: bulk.xs, y: cut(bulk.ys) });
  return found.map((one) => trimmed(one));
}

// Without the points at both ends that are not drawn: an area must end where its line does.
function trimmed(series) {
  const known = series.y.map((y, i) => (y === null ? -1 : i)).filter((i) => i >= 0);
  if (!known.length) return { ...series, x: [], y: [] };
  const [first, last] = [known[0], known[known.length - 1] + 1];
  return { ...series, x: series.x.slice(first, last), y: series.y.slice(first, last) };
}

function aboveChart(many) {
  const alone = many.length === 1;
  const series = many.flatMap((seen, i) => {
    const kept = positions(seen.above);
    const x = kept.map((place) => 10 ** (seen.low + ((seen.high - seen.low) * place) / STEPS));
    const y = ranksOf(seen.n, kept.length).map((rank) => rank / seen.n);
    const found = [{ name: seen.name || "eigenvalues", kind: "line", look: `c${i}`, x, y }];
    const law = lawOf(seen);
    const shown = law ? law.above.map((share) => (share >= 0.5 / seen.n ? share : null)) : [];
    if (law) found.push({ name: lawName(seen), kind: "line", look: `dash c${alone ? 1 : i}`, x: law.xs, y: shown });
    return found;
  });
  return { x: EIGENVALUE, y: { label: "share at or above", log: true }, series, upright: xminRule(many) };
}

function lawName(seen) {
  return `${seen.law.replaceAll("_", " ")}, alpha ${digits(seen.alpha, 3)}`;
}

function xminRule(many) {
  return many.length === 1 && many[0].xmin > 0 ? [[many[0].xmin, "xmin"]] : [];
}

// The spectrum in words: what the charts show, for those who cannot see them.
function spectrumWords(seen) {
  const named = seen.name ? `${seen.name}: ` : "";
  const from = `${digits(10 ** seen.low, 3)} to ${digits(10 ** seen.high, 3)}`;
  const zeros = seen.zeros ? `; ${counted(seen.zeros, "eigenvalue")} zero` : "";
  if (seen.alpha === null) return `${named}${counted(seen.n, "eigenvalue")} from ${from}${zeros}. No law was fitted.`;
  const start = seen.xmin > 0 ? ` from xmin ${digits(seen.xmin, 3)}` : "";
  return `${named}${counted(seen.n, "eigenvalue")} from ${from}${zeros}. The ${lawName(seen)} was fitted to the ${seen.tail} largest${start}; distance D ${digits(seen.D, 3)}.`;
}
