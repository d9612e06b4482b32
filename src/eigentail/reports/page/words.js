// Elements, words and numbers. Data enter the page as text only, never as markup.

const SVG = "http://www.w3.org/2000/svg";

function made(name, attributes, ...children) {
  return filled(document.createElement(name), attributes, children);
}

function drawn(name, attributes, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

// What a screen reader says next. Emptied first, so that the same words are said again.
function say(words) {
  const place = document.getElementById("said");
  place.textContent = "";
  place.textContent = words;
}

// A long name with its middle left out: what tells layers apart is at both ends.
function shortened(text, width) {
  const characters = [...text];
  if (characters.length <= width) return text;
  const head = Math.floor((width - 1) / 2);
  return characters.slice(0, head).join("") + "…" + characters.slice(characters.length - (width - 1 - head)).join("");
}

// A number with so many digits, as short as it can be written.
function digits(value, count) {
  if (value === null || !Number.isFinite(value)) return "-";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(count - 1).replace(/\.?0+e/, "e");
  return String(Number(value.toPrecision(count)));
}

function counted(n, noun) {
  return `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
}
