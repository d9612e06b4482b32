// The page: what was written into it is read once, and its parts are told of each other.

function spark(seen) {
  const kept = positions(seen.above);
  if (kept.length < 2) return null;
  const logs = ranksOf(seen.n, kept.length).map((rank) => Math.log(rank / seen.n));
  const placeY = (log) => 2 + (log / (logs[logs.length - 1] || -1)) * 28;
  const points = kept.map((place, k) => `${(2 + (place / STEPS) * 116).toFixed(1)},${placeY(logs[k]).toFixed(1)}`).join(" ");
  const picture = drawn("svg", { width: 120, height: 32, viewBox: "0 0 120 32", "aria-hidden": "true" });
  picture.append(drawn("polyline", { points }));
  const law = lawOf(seen);
  if (law) {
    const placeX = (x) => 2 + ((Math.log10(x) - seen.low) / (seen.high - seen.low)) * 116;
    const line = law.xs.map((x, k) => [placeX(x), placeY(Math.log(law.above[k]))]).filter(([, y]) => y <= 31);
    picture.append(drawn("polyline", { class: "fitted", points: line.map((at) => at.map((v) => v.toFixed(1)).join(",")).join(" ") }));
  }
  return picture;
}

// The chosen row: its spectra, then every number of it.
function showChosen(section, data, i) {
  const { columns, rows, exhibit } = data;
  const name = nameOf(data, i);
  const parts = [made("h2", {}, "Chosen: ", made("bdi", {}, name))];
  const verdict = columns.findIndex((column) => column[1] === "verdict");
  const sentences = columns.map((column, k) => (column[1] === "sentence" ? rows[i][k] : "")).filter((text) => text && text !== "-");
  const outcome = [verdict >= 0 ? rows[i][verdict] : "", ...sentences].filter(Boolean).join(": ");
  if (outcome) parts.push(made("p", { class: "lead" }, `${outcome}.`));
  parts.push(...spectraOf(exhibit, i));
  const numbers = columns
    .map(([title, kind], k) => [title, kind, rows[i][k]])
    .filter(([, kind, text]) => !["curve", "sentence", "verdict"].includes(kind) && text !== "-" && text !== "")
    .map(([title, , text]) => made("div", {}, made("dt", {}, title), made("dd", {}, made("bdi", {}, text))));
  parts.push(made("h3", {}, "Its numbers"), made("dl", { class: "numbers" }, ...numbers));
  section.hidden = false;
  section.replaceChildren(...parts);
  return outcome;
}

function spectraOf(exhibit, i) {
  if (!exhibit || !exhibit.seen.length) return [];
  const many = exhibit.seen[i];
  if (!many.length) return [made("p", { class: "note" }, exhibit.missing)];
  const words = many.map(spectrumWords);
  const told = (series, k) => `${series.name}: ${digits(series.x[k], 4)}, ${digits(series.y[k], 4)}`;
  const charts = [["Density", densityChart(many)], ["Share at or above", aboveChart(many)]];
  return [
    ...words.map((sentence) => made("p", { class: "note" }, made("bdi", {}, sentence))),
    made("div", { class: "pair" }, ...charts.map(([title, spec]) => made("div", {}, made("h3", {}, title), placed(spec, `${title}. ${words.join(" ")}`, told, null)))),
  ];
}

function nameOf(data, i) {
  const at = data.columns.findIndex((column) => column[1] === "name");
  return data.rows[i][at < 0 ? 0 : at];
}

function tools(section, table, noun) {
  const field = made("input", { type: "search", id: "filter", autocomplete: "off", spellcheck: "false" });
  const count = made("span", { id: "count" }, counted(table.data.rows.length, "row"));
  let waiting = 0;
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const found = table.filter(field.value);
      count.textContent = `${found.toLocaleString("en")} of ${counted(table.data.rows.length, "row")}`;
      say(`${count.textContent} match.`);
    }, 120);
  });
  const { columns, shown } = table.data;
  const number = shown.find((i) => columns[i][1] === "number" && columns[i][0] !== "index" && /^\w+$/.test(columns[i][0]));
  const also = number === undefined ? "" : `, or ${columns[number][0]}<2`;
  const label = made("label", { for: "filter" }, `Filter ${noun}: words${also}`, field);
  section.querySelector("h2").after(made("div", { class: "tools" }, label, count));
}

function copying(section, record) {
  const button = made("button", { type: "button", id: "copy" }, "Copy as JSON");
  const text = record.textContent;
  section.hidden = false;
  section.append(made("h2", {}, "As JSON"), made("p", { class: "note" }, `The whole report as the documented JSON, ${counted(text.length, "character")}.`), button);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = made("textarea", {}, text);
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
      button.focus();
    }
    button.textContent = "Copied";
    say("The report was copied as JSON.");
  });
}

function start() {
  const data = JSON.parse(document.getElementById("data").textContent);
  const section = document.getElementById("rows");
  const chosen = document.getElementById("chosen");
  document.querySelectorAll(".eigentail > section:not(#rows):has(table)").forEach(sortStatic);
  const { exhibit } = data;
  const noun = section.querySelector("h2").textContent.toLowerCase();
  let showChart = () => {};
  const choose = (i) => {
    say(`Chosen: ${nameOf(data, i)}. ${showChosen(chosen, data, i)}`);
    showChart(i);
    // Below the table, and below what is in sight: brought up, with the table still there.
    const top = chosen.getBoundingClientRect().top;
    if (top > innerHeight * 0.85) scrollBy(0, top - innerHeight * 0.6);
  };
  const seen = (i) => (exhibit && exhibit.seen.length && exhibit.seen[i][0]) || null;
  const table = new Rows(section, data, { choose, picture: (i) => (seen(i) ? spark(seen(i)) : null) });
  if (data.rows.length) tools(section, table, noun);
  if (exhibit && exhibit.charts.length) {
    showChart = chartsSection(document.getElementById("charts"), exhibit, (i) => nameOf(data, i), (i) => table.take(i, false));
  }
  if (exhibit && exhibit.seen.length) {
    const first = exhibit.seen.findIndex((many) => many.length > 0);
    table.current = Math.max(first, 0);
    table.show();
    showChosen(chosen, data, table.current);
  }
  const record = document.getElementById("record");
  if (record.textContent.trim()) copying(document.getElementById("record-section"), record);
  document.documentElement.dataset.ready = "yes";
}

start();
