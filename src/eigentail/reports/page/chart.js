// One chart: axes, marks, lines across and upright. Every series has a shape of its own, so that none is told by colour.

const SHAPES = ["round", "square", "triangle", "cross", "diamond", "plus", "down"];
const COLOURS = 8;
const EDGE = { top: 12, right: 14, bottom: 44, left: 62 };

// The outline of a mark around a point.
function outline(shape, x, y, r) {
  const at = (dx, dy) => `${(x + dx * r).toFixed(1)} ${(y + dy * r).toFixed(1)}`;
  if (shape === "square") return `M${at(-0.9, -0.9)}L${at(0.9, -0.9)}L${at(0.9, 0.9)}L${at(-0.9, 0.9)}Z`;
  if (shape === "triangle") return `M${at(0, -1.2)}L${at(1.1, 0.8)}L${at(-1.1, 0.8)}Z`;
  if (shape === "down") return `M${at(0, 1.2)}L${at(1.1, -0.8)}L${at(-1.1, -0.8)}Z`;
  if (shape === "diamond") return `M${at(0, -1.3)}L${at(1.3, 0)}L${at(0, 1.3)}L${at(-1.3, 0)}Z`;
  if (shape === "cross") return `M${at(-0.9, -0.9)}L${at(0.9, 0.9)}M${at(0.9, -0.9)}L${at(-0.9, 0.9)}`;
  if (shape === "plus") return `M${at(0, -1.1)}L${at(0, 1.1)}M${at(-1.1, 0)}L${at(1.1, 0)}`;
  return `M${at(-1, 0)}A${r} ${r} 0 1 0 ${at(1, 0)}A${r} ${r} 0 1 0 ${at(-1, 0)}`;
}

// The line through points, broken where one is missing.
function path(xs, ys, placeX, placeY) {
  let words = "";
  let pen = false;
  xs.forEach((x, i) => {
    const [left, top] = [placeX(x), placeY(ys[i])];
    if (Number.isFinite(left) && Number.isFinite(top)) {
      words += `${pen ? "L" : "M"}${left.toFixed(1)} ${top.toFixed(1)}`;
      pen = true;
    } else pen = false;
  });
  return words;
}

// Steps over the edges of bins, down to the floor where a bin is empty.
function staircase(edges, heights, placeX, placeY, floor) {
  const height = (i) => (heights[i] > 0 ? placeY(heights[i]) : floor).toFixed(1);
  let words = `M${placeX(edges[0]).toFixed(1)} ${floor.toFixed(1)}`;
  heights.forEach((_, i) => {
    words += `V${height(i)}H${placeX(edges[i + 1]).toFixed(1)}`;
  });
  return `${words}V${floor.toFixed(1)}`;
}

// A chart of a spec {x: {label, log}, y, series: [{name, kind, x, y, ...}], across, upright} in so many pixels.
function chart(spec, width, words) {
  const height = Math.round(Math.min(Math.max(width * 0.55, 230), 380));
  const rangeX = spec.x.range || rangeOf(everyX(spec), spec.x.log);
  const rangeY = spec.y.range || rangeOf(everyY(spec), spec.y.log);
  const picture = drawn("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": words });
  if (rangeX === null || rangeY === null) return { picture, placeX: () => NaN, placeY: () => NaN };
  const placeX = placing(rangeX, spec.x.log, EDGE.left, width - EDGE.right);
  const placeY = placing(rangeY, spec.y.log, height - EDGE.bottom, EDGE.top);
  const box = { left: EDGE.left, right: width - EDGE.right, top: EDGE.top, bottom: height - EDGE.bottom };
  frame(picture, spec, { rangeX, rangeY, placeX, placeY, box, width, height });
  const inside = drawn("svg", { x: box.left, y: 0, width: box.right - box.left + 8, height: box.bottom, viewBox: `${box.left} 0 ${box.right - box.left + 8} ${box.bottom}` });
  spec.series.forEach((series, i) => marks(inside, series, i, placeX, placeY, box));
  picture.append(inside);
  rules(picture, spec, placeX, placeY, box);
  return { picture, placeX, placeY };
}

function everyX(spec) {
  return [...spec.series.flatMap((series) => series.x), ...(spec.upright || []).map((rule) => rule[0])];
}

function everyY(spec) {
  const ends = spec.series.flatMap((series) => [...series.y, ...(series.low || []), ...(series.high || [])]);
  return [...ends, ...(spec.across || []).map((rule) => rule[0])];
}

// Axes, grid, ticks, labels.
function frame(picture, spec, at) {
  const { box, placeX, placeY } = at;
  for (const value of ticks(at.rangeX, spec.x, (box.right - box.left) / 80)) {
    const x = placeX(value).toFixed(1);
    picture.append(drawn("path", { class: "grid", d: `M${x} ${box.top}V${box.bottom}` }));
    picture.append(drawn("text", { x, y: box.bottom + 16, "text-anchor": "middle" }, digits(value, 3)));
  }
  for (const value of ticks(at.rangeY, spec.y, (box.bottom - box.top) / 45)) {
    const y = placeY(value).toFixed(1);
    picture.append(drawn("path", { class: "grid", d: `M${box.left} ${y}H${box.right}` }));
    picture.append(drawn("text", { x: box.left - 6, y: Number(y) + 4, "text-anchor": "end" }, digits(value, 3)));
  }
  picture.append(drawn("path", { class: "axis", d: `M${box.left} ${box.top}V${box.bottom}H${box.right}` }));
  const room = Math.floor((box.right - box.left) / 7);
  const middle = (box.left + box.right) / 2;
  picture.append(drawn("text", { x: middle, y: at.height - 8, "text-anchor": "middle" }, shortened(spec.x.label, room)));
  const turned = { transform: `translate(13 ${(box.top + box.bottom) / 2}) rotate(-90)`, "text-anchor": "middle" };
  picture.append(drawn("text", turned, shortened(spec.y.label, Math.floor((box.bottom - box.top) / 7))));
}

// One series.
function marks(inside, series, i, placeX, placeY, box) {
  const look = series.look || `c${i % COLOURS}`;
  if (series.kind === "steps") {
    inside.append(drawn("path", { class: `steps ${look}`, d: staircase(series.edges, series.y, placeX, placeY, box.bottom) }));
  } else if (series.kind === "area") {
    const line = path(series.x, series.y, placeX, placeY);
    const ends = [series.x[0], series.x[series.x.length - 1]].map((x) => placeX(x).toFixed(1));
    if (line) inside.append(drawn("path", { class: "area", d: `${line}V${box.bottom}H${ends[0]}Z` }));
  } else if (series.kind === "line") {
    inside.append(drawn("path", { class: `line ${look}`, d: path(series.x, series.y, placeX, placeY) }));
  } else {
    inside.append(drawn("path", { class: `bars ${look}`, d: intervals(series, placeX, placeY) }));
    const shape = SHAPES[i % SHAPES.length];
    const around = series.x.map((x, k) => [placeX(x), placeY(series.y[k])]).filter((at) => at.every(Number.isFinite));
    const size = around.length > 300 ? 2.5 : 4;
    const d = around.map(([x, y]) => outline(shape, x, y, size)).join("");
    inside.append(drawn("path", { class: `points ${look}`, d }));
  }
}

function intervals(series, placeX, placeY) {
  return (series.low || [])
    .map((low, k) => {
      const [x, bottom, top] = [placeX(series.x[k]), placeY(low), placeY(series.high[k])].map((v) => v.toFixed(1));
      return low === null || series.high[k] === null ? "" : `M${x} ${bottom}V${top}`;
    })
    .join("");
}

// Lines across and upright, with their labels.
function rules(picture, spec, placeX, placeY, box) {
  for (const [value, label] of spec.across || []) {
    const y = placeY(value);
    if (!(y >= box.top && y <= box.bottom)) continue;
    picture.append(drawn("path", { class: "across", d: `M${box.left} ${y.toFixed(1)}H${box.right}` }));
    picture.append(drawn("text", { x: box.right - 2, y: y - 4, "text-anchor": "end" }, label));
  }
  for (const [value, label] of spec.upright || []) {
    const x = placeX(value);
    if (!(x >= box.left && x <= box.right)) continue;
    picture.append(drawn("path", { class: "upright", d: `M${x.toFixed(1)} ${box.top}V${box.bottom}` }));
    const anchor = x > (box.left + box.right) / 2 ? "end" : "start";
    picture.append(drawn("text", { x: x + (anchor === "end" ? -4 : 4), y: box.top + 10, "text-anchor": anchor }, label));
  }
}

// What the marks mean, in words beside each.
function legend(series) {
  const items = series.map((one, i) => {
    const look = one.look || `c${i % COLOURS}`;
    const swatch = drawn("svg", { viewBox: "0 0 30 14", "aria-hidden": "true" });
    if (one.kind === "area") swatch.append(drawn("path", { class: "area", d: "M1 13V4H29V13Z" }));
    else if (one.kind === "steps") swatch.append(drawn("path", { class: `steps ${look}`, d: "M1 12H8V4H15V8H22V12H29" }));
    else if (one.kind === "line") swatch.append(drawn("path", { class: `line ${look}`, d: "M1 7H29" }));
    else swatch.append(drawn("path", { class: `points ${look}`, d: outline(SHAPES[i % SHAPES.length], 15, 7, 4) }));
    return made("li", {}, swatch, made("bdi", { title: one.name }, shortened(one.name, 60)));
  });
  return made("ul", { class: "legend" }, ...items);
}
