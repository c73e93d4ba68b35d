// Elements out of data. Text becomes text nodes; nothing here parses markup.

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/** An element with properties (`class`, `on…` listeners, attributes) and children (nodes or text). */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name === "class" ? "class" : name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";
const PATHS = {
  copy: "M9 9h10v11H9zM15 9V4H5v11h4",
  up: "M7 11v9H4v-9zM7 11l4-8c1.700 0 2.500 1 2.500 2.500V9h5a2 2 0 0 1 2 2.300l-1.200 7a2 2 0 0 1-2 1.700H7",
  down: "M7 13V4H4v9zM7 13l4 8c1.700 0 2.500-1 2.500-2.500V15h5a2 2 0 0 0 2-2.300l-1.200-7a2 2 0 0 0-2-1.700H7",
  close: "M6 6l12 12M18 6 6 18",
  open: "M14 4h6v6M20 4l-9 9M18 14v5a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V7a1 1 0 0 1 1-1h5",
  back: "M15 5l-7 7 7 7",
};

/** A picture that says nothing by itself; what holds it has a name. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** Tells readers of screens something once. */
export function announce(text) {
  byId("live").textContent = text;
}

/** A day in the reader's own way of writing it, from seconds since 1970. */
export function day(seconds) {
  return new Intl.DateTimeFormat(undefined, { dateStyle: "medium" }).format(new Date(seconds * 1000));
}

/** Shows the dialog; the text typed (empty without a field) or null if it was left. */
export function ask({ title, text = "", label = "", value = "", ok, secret = false, danger = false }) {
  const [dialog, input, button] = [byId("dialog"), byId("dialog-input"), byId("dialog-ok")];
  byId("dialog-title").textContent = title;
  byId("dialog-text").textContent = text;
  byId("dialog-text").hidden = !text;
  byId("dialog-field").hidden = !label;
  byId("dialog-label").textContent = label;
  input.type = secret ? "password" : "text";
  input.value = value;
  input.maxLength = secret ? 500 : 100;
  button.textContent = ok;
  button.className = danger ? "danger" : "main";
  dialog.returnValue = "";
  byId("dialog-cancel").onclick = () => dialog.close();
  dialog.showModal();
  (label ? input : byId("dialog-cancel")).focus();
  if (label) input.select();
  return new Promise((resolve) => {
    dialog.addEventListener(
      "close",
      () => {
        const typed = input.value.trim();
        input.value = "";
        resolve(dialog.returnValue === "ok" ? typed : null);
      },
      { once: true },
    );
  });
}

/** Gives the reader a file. */
export function save(name, blob) {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
