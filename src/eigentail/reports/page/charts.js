// Charts in their places: drawn again when the room changes, read by pointing, told in words and numbers.

// A chart with its legend and numbers. `told(series, k)` says what a mark is, `choose(series, k)` takes it.
function placed(spec, words, told, choose) {
  const holder = made("div");
  const reading = made("p", { class: "reading", "aria-hidden": "true" });
  const block = made("div", { class: "chart" }, holder, legend(spec.series), reading, numbersOf(spec));
  let last = 0;
  const draw = () => {
    const width = Math.max(280, Math.min(Math.round(holder.clientWidth) || 640, 900));
    if (width === last) return;
    last = width;
    const { picture, placeX, placeY } = chart(spec, width, words);
    holder.replaceChildren(picture);
    pointing(picture, spec, { placeX, placeY, width, reading, told, choose });
  };
  new ResizeObserver(draw).observe(holder);
  draw();
  return block;
}

// The mark nearest to the pointer is told, and taken by a click.
function pointing(picture, spec, { placeX, placeY, width, reading, told, choose }) {
  const here = drawn("path", { class: "here" });
  picture.append(here);
  const nearest = (event) => {
    const box = picture.getBoundingClientRect();
    const scale = width / box.width;
    return nearestMark(spec, (event.clientX - box.left) * scale, (event.clientY - box.top) * scale, placeX, placeY);
  };
  picture.addEventListener("pointermove", (event) => {
    const found = nearest(event);
    here.setAttribute("d", found ? outline("round", found.x, found.y, 7) : "");
    reading.textContent = found ? told(found.series, found.k) : "";
  });
  picture.addEventListener("pointerleave", () => {
    here.setAttribute("d", "");
    reading.textContent = "";
  });
  picture.addEventListener("click", (event) => {
    const found = nearest(event);
    if (found && choose) choose(found.series, found.k);
  });
}

function nearestMark(spec, left, top, placeX, placeY) {
  let best = null;
  let least = 40 ** 2;
  for (const series of spec.series) {
    if (series.kind === "area" || series.kind === "steps") continue;
    series.x.forEach((value, k) => {
      const [x, y] = [placeX(value), placeY(series.y[k])];
      const away = (x - left) ** 2 + (y - top) ** 2;
      if (away < least) [best, least] = [{ series, k, x, y }, away];
    });
  }
  return best;
}

// The drawn numbers as a table, made when it is opened.
function numbersOf(spec) {
  const details = made("details", {}, made("summary", {}, "The numbers of this chart"));
  details.addEventListener("toggle", () => {
    if (!details.open || details.children.length > 1) return;
    const names = ["series", spec.x.label, spec.y.label];
    const head = made("tr", {}, ...names.map((name, i) => made("th", { scope: "col", class: i ? "number" : "text" }, name)));
    const rows = spec.series.flatMap((series) => series.y.map((y, k) => [series.name, digits(series.x[k], 4), digits(y, 4)]));
    const shown = rows.slice(0, 2000).map((row) => made("tr", {}, ...row.map((cell, i) => made("td", { class: i ? "number" : "text" }, i ? cell : made("bdi", {}, shortened(cell, 42))))));
    const table = made("table", {}, made("thead", {}, head), made("tbody", {}, ...shown));
    details.append(made("div", { class: "frame", tabindex: 0, role: "region", "aria-label": "The numbers of this chart" }, table));
  });
  return details;
}

// What a chart of the whole shows, in a sentence.
function chartWords(spec) {
  const each = spec.series.map((series) => {
    const range = rangeOfWords(series.y);
    return `${series.name}: ${counted(series.x.length, "point")}${range}`;
  });
  return `${spec.y.label} over ${spec.x.label}. ${each.slice(0, 8).join("; ")}.`;
}

function rangeOfWords(values) {
  const known = values.filter((value) => value !== null);
  if (!known.length) return "";
  const [low, high] = [known.reduce((a, b) => Math.min(a, b)), known.reduce((a, b) => Math.max(a, b))];
  return ` from ${digits(low, 3)} to ${digits(high, 3)}`;
}

// The charts of the whole share one place; which is shown is chosen by name.
function chartsSection(section, exhibit, rowName, choose) {
  const heading = made("h2", {}, exhibit.title);
  const place = made("div");
  const told = (series, k) => {
    const what = series.rows && series.rows.length ? rowName(series.rows[k]) : (series.names && series.names[k]) || "";
    const ends = series.low && series.low.length && series.low[k] !== null ? ` (${digits(series.low[k], 3)} to ${digits(series.high[k], 3)})` : "";
    return `${series.name}${what ? `, ${what}` : ""}: ${digits(series.x[k], 4)}, ${digits(series.y[k], 4)}${ends}`;
  };
  const take = (series, k) => {
    if (series.rows && series.rows.length) choose(series.rows[k]);
  };
  const show = (i) => {
    const spec = exhibit.charts[i];
    const caption = spec.caption ? made("p", { class: "note" }, spec.caption) : null;
    place.replaceChildren(...[placed(spec, chartWords(spec), told, take), caption].filter(Boolean));
  };
  section.hidden = false;
  section.append(heading);
  let select = null;
  if (exhibit.charts.length > 1) {
    select = made("select", {}, ...exhibit.charts.map((spec, i) => made("option", { value: i }, shortened(spec.name, 80))));
    select.addEventListener("change", () => {
      show(Number(select.value));
      say(chartWords(exhibit.charts[Number(select.value)]));
    });
    section.append(made("div", { class: "tools" }, made("label", {}, "Show", select)));
  }
  section.append(place);
  show(0);
  // The chart of a row, where it has one.
  return (row) => {
    const i = exhibit.charts.findIndex((spec) => spec.row === row);
    if (i < 0) return;
    if (select) select.value = i;
    show(i);
  };
}
