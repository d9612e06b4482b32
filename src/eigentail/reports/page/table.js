// Tables that can be sorted and filtered. Of the main one only the rows in sight are in the page.

const ROW = 38;
const SPARE = 12;
const ALL = 60;
const COLLATOR = new Intl.Collator("en", { numeric: true });
const SORTS = { none: "ascending", ascending: "descending", descending: "none" };

// Numbers by size and words by the numbers in them; what does not exist comes last either way.
function ordered(indices, key, kind, order) {
  if (order === "none") return indices;
  const sign = order === "ascending" ? 1 : -1;
  const keys = new Map(indices.map((i) => [i, kind === "number" ? Number(key(i)) : key(i)]));
  const absent = (value) => value === "-" || Number.isNaN(value);
  const compare = kind === "number" ? (a, b) => a - b : COLLATOR.compare;
  return [...indices].sort((i, j) => {
    const [a, b] = [keys.get(i), keys.get(j)];
    if (absent(a) || absent(b)) return absent(a) - absent(b) || i - j;
    return sign * compare(a, b) || i - j;
  });
}

// Every word must be in the row, or hold for it where it is a condition such as alpha<2.
function condition(word, columns) {
  const found = /^([^<>=]+)(<=|>=|<|>|=)([^<>=]+)$/.exec(word);
  const place = found ? columns.findIndex((column) => column[0].toLowerCase() === found[1].toLowerCase()) : -1;
  if (place < 0) return (row) => row.some((cell) => cell.toLowerCase().includes(word));
  const [, , sign, text] = found;
  if (columns[place][1] !== "number") return (row) => (sign === "=" ? row[place].toLowerCase() === text : false);
  const limit = Number(text);
  const holds = { "<": (v) => v < limit, ">": (v) => v > limit, "<=": (v) => v <= limit, ">=": (v) => v >= limit, "=": (v) => v === limit };
  return (row) => holds[sign](Number(row[place]));
}

function matching(rows, columns, text) {
  const conditions = text.toLowerCase().split(/\s+/).filter(Boolean).map((word) => condition(word, columns));
  return rows.map((_, i) => i).filter((i) => conditions.every((holds) => holds(rows[i])));
}

// Heading cells become buttons; `sorted(place, order)` is called with the place of the heading.
function sortable(heads, sorted) {
  heads.forEach((head, place) => {
    const name = head.textContent;
    const sign = made("span", { "aria-hidden": "true" }, " ↕");
    const button = made("button", { type: "button" }, name, sign);
    head.replaceChildren(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const order = SORTS[head.getAttribute("aria-sort")];
      heads.forEach((other) => {
        if (!other.hasAttribute("aria-sort")) return;
        other.setAttribute("aria-sort", "none");
        other.querySelector("span").textContent = " ↕";
      });
      head.setAttribute("aria-sort", order);
      sign.textContent = { none: " ↕", ascending: " ↑", descending: " ↓" }[order];
      sorted(place, order);
      say(order === "none" ? "In the order of the file." : `Sorted by ${name}, ${order}.`);
    });
  });
}

// A table that is all there: its rows change places.
function sortStatic(section) {
  const body = section.querySelector("tbody");
  const rows = [...body.rows];
  const heads = [...section.querySelectorAll("thead th")];
  sortable(heads, (place, order) => {
    const kind = heads[place].className;
    const key = (i) => rows[i].cells[place].textContent;
    body.append(...ordered(rows.map((_, i) => i), key, kind, order).map((i) => rows[i]));
  });
}

// The main table. `choose(row)` is called when a row is chosen, `picture(row)` draws the cell of a curve.
class Rows {
  constructor(section, data, { choose, picture }) {
    Object.assign(this, { section, data, choose, picture, order: "none", place: 0, current: -1, active: 0 });
    this.frame = section.querySelector(".frame");
    this.table = section.querySelector("table");
    this.body = section.querySelector("tbody");
    this.found = data.rows.map((_, i) => i);
    this.listed = this.found;
    this.table.classList.add("made");
    section.querySelectorAll("[data-static]").forEach((note) => note.remove());
    this.widen();
    sortable([...section.querySelectorAll("thead th")].filter((_, k) => this.kind(k) !== "curve"), (k, order) => {
      this.place = data.shown.filter((i) => data.columns[i][1] !== "curve")[k];
      this.order = order;
      this.arrange();
    });
    this.listen();
    this.arrange();
  }

  kind(k) {
    return this.data.columns[this.data.shown[k]][1];
  }

  // Widths that do not change with the rows in sight.
  widen() {
    const most = { name: 42, sentence: 60, verdict: 18 };
    const columns = this.data.shown.map((i) => {
      const [name, kind] = this.data.columns[i];
      const longest = this.data.rows.reduce((length, row) => Math.max(length, row[i].length), name.length + 3);
      return kind === "curve" ? 16 : Math.min(longest, most[kind] || 24) + 3;
    });
    const group = made("colgroup", {}, ...columns.map(() => made("col")));
    [...group.children].forEach((column, k) => (column.style.width = `${columns[k]}ch`));
    this.table.style.width = `max(100%, ${columns.reduce((sum, width) => sum + width, 0)}ch)`;
    this.table.prepend(group);
  }

  listen() {
    let waiting = false;
    this.frame.addEventListener("scroll", () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        this.show();
      });
    });
    this.body.addEventListener("click", (event) => {
      const row = event.target.closest("tr[data-row]");
      if (row) this.take(Number(row.dataset.row), event.target.closest("button") !== null);
    });
    this.frame.addEventListener("keydown", (event) => this.key(event));
    addEventListener("beforeprint", () => this.show(2000));
    addEventListener("afterprint", () => this.show());
  }

  // Arrows, Home, End and the page keys move between rows; Enter chooses.
  key(event) {
    if (event.target.closest("thead")) return;
    const page = Math.max(1, Math.floor(this.frame.clientHeight / ROW) - 2);
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity }[event.key];
    if (by === undefined || !this.listed.length || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.active = Math.min(Math.max(this.active + by, 0), this.listed.length - 1);
    this.reveal(this.active);
    this.show();
    const button = this.body.querySelector(`tr[data-row="${this.listed[this.active]}"] button`);
    if (button) button.focus({ preventScroll: true });
  }

  // Scrolled as little as brings a row into sight, below the heading.
  reveal(at) {
    const head = this.table.tHead.offsetHeight;
    const [top, bottom] = [at * ROW, (at + 1) * ROW];
    if (top < this.frame.scrollTop) this.frame.scrollTop = top;
    else if (bottom + head > this.frame.scrollTop + this.frame.clientHeight) this.frame.scrollTop = bottom + head - this.frame.clientHeight;
  }

  filter(text) {
    this.found = matching(this.data.rows, this.data.columns, text);
    this.frame.scrollTop = 0;
    this.active = 0;
    this.arrange();
    return this.found.length;
  }

  arrange() {
    const kind = this.data.columns.length ? this.data.columns[this.place][1] : "text";
    this.listed = ordered(this.found, (i) => this.data.rows[i][this.place], kind, this.order);
    this.frame.classList.toggle("tall", this.listed.length > 10);
    this.table.setAttribute("aria-rowcount", this.listed.length + 1);
    this.show();
  }

  // The rows in sight and a few beside them; blanks as high as the others above and below.
  show(printed = 0) {
    const count = this.listed.length;
    const sight = Math.ceil(Math.min(this.frame.clientHeight || 420, 2000) / ROW);
    let first = Math.max(0, Math.floor(this.frame.scrollTop / ROW) - SPARE);
    let last = Math.min(count, first + sight + 2 * SPARE);
    if (count <= ALL) [first, last] = [0, count];
    if (printed) [first, last] = [0, Math.min(count, printed)];
    const held = this.frame.contains(document.activeElement) && this.body.contains(document.activeElement);
    const rows = this.listed.slice(first, last).map((i, k) => this.row(i, first + k));
    const blanks = printed ? [null, null] : [this.blank(first), this.blank(count - last)];
    this.body.replaceChildren(...[blanks[0], ...rows, blanks[1]].filter(Boolean));
    if (!held) return;
    const button = this.body.querySelector(`tr[data-row="${this.listed[this.active]}"] button`);
    (button || this.frame).focus({ preventScroll: true });
  }

  blank(rows) {
    if (!rows) return null;
    const cell = made("td", { colspan: this.data.shown.length });
    cell.style.height = `${rows * ROW}px`;
    return made("tr", { class: "gap", "aria-hidden": "true" }, cell);
  }

  row(i, at) {
    const chosen = i === this.current;
    const row = made("tr", { "data-row": i, "aria-rowindex": at + 2, "aria-current": chosen ? "true" : null });
    const named = this.data.shown.some((c) => this.data.columns[c][1] === "name");
    this.data.shown.forEach((c, k) => {
      const [kind, text] = [this.data.columns[c][1], this.data.rows[i][c]];
      const cell = made("td", { class: kind === "verdict" ? `verdict v-${text}` : kind, title: text.length > 24 ? text : null });
      const isButton = named ? kind === "name" && !row.querySelector("button") : k === 0;
      if (isButton) cell.append(made("button", { type: "button", tabindex: at === this.active ? 0 : -1 }, made("bdi", {}, shortened(text, 42))));
      else if (kind === "curve") cell.append(this.picture(i) || "-");
      else if (kind === "name") cell.append(made("bdi", {}, shortened(text, 42)));
      else cell.append(text);
      row.append(cell);
    });
    return row;
  }

  // A row becomes the chosen one, wherever it was chosen.
  take(i, byButton) {
    this.current = i;
    const at = this.listed.indexOf(i);
    if (at >= 0) {
      this.active = at;
      if (!byButton) this.reveal(at);
    }
    this.show();
    this.choose(i);
  }
}
