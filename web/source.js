// The source beside the answer: a document's text in its structure, with the quote marked in its place.

import { CallError, call, hasKey, send } from "./api.js";
import { announce, byId, day, h, icon, save } from "./dom.js";

/** Bytes of the document that are shown on either side of a quote, and further ones at a time. */
const AROUND = 6000;

const panel = byId("source");
const narrow = matchMedia("(max-width: 56rem)");
const encoder = new TextEncoder();
const decoder = new TextDecoder();
let cameFrom = null;
let turn = 0;

/** Closes the panel and goes back to where it was opened from. */
export function close() {
  if (panel.hidden) return;
  panel.hidden = true;
  panel.replaceChildren();
  others(false);
  cameFrom?.setAttribute("aria-expanded", "false");
  if (cameFrom?.isConnected) cameFrom.focus();
  cameFrom = null;
  turn += 1;
}

function others(inert) {
  byId("main").inert = inert;
  byId("top").inert = inert;
}

/** Opens the panel under a title; the place for its content. */
function open(title, opener, ...lines) {
  if (opener !== undefined) {
    cameFrom?.setAttribute("aria-expanded", "false");
    cameFrom = opener;
    cameFrom?.setAttribute("aria-expanded", "true");
  }
  const heading = h("h2", { id: "source-title", class: "grow", tabindex: -1, dir: "auto" }, title);
  const shut = h("button", { class: "quiet icon", type: "button", "aria-label": "Close", onclick: close }, icon("close"));
  const text = h("div", { class: "text", tabindex: 0, role: "region", "aria-label": "Text of the source" });
  panel.replaceChildren(h("header", {}, h("div", { class: "row" }, heading, shut), ...lines), text);
  panel.hidden = false;
  others(narrow.matches);
  heading.focus({ preventScroll: true });
  return text;
}

/** Opens a citation in its place. */
export async function openCitation(citation, opener) {
  const mine = ++turn;
  const text = open(citation.title ?? "Source", opener);
  if (!citation.document_id) {
    text.append(h("blockquote", { dir: "auto" }, citation.quote));
    return;
  }
  text.append(h("p", { class: "waiting" }, "Opening the source"));
  try {
    const quote = await quoteOf(citation);
    const found = await part(citation.document_id, citation.start - AROUND, citation.end + AROUND);
    if (mine !== turn) return;
    const stored = encoder.encode(found.text).subarray(citation.start - found.start, citation.end - found.start);
    if (decoder.decode(stored) !== quote) throw new CallError("gone", "");
    show(found, citation, undefined);
    announce(`Source ${citation.marker}: ${found.title}. ${quote}`);
  } catch (error) {
    if (mine !== turn) return;
    const gone = error.kind === "gone";
    const said = gone ? "This passage has changed in the documents since the answer was given." : error.message;
    text.replaceChildren(h("p", { class: "note" }, said), ...(citation.quote ? [h("blockquote", { dir: "auto" }, citation.quote)] : []));
  }
}

/** The words of a citation; of one from an earlier visit they are asked for. */
async function quoteOf(citation) {
  if (citation.quote === undefined) {
    const { chunk_id: chunk, start, end } = citation;
    Object.assign(citation, await call(`/citations/${encodeURIComponent(chunk)}?start=${start}&end=${end}&around=0`));
  }
  return citation.quote;
}

/** Fills in the words and places of citations that were kept without them. */
export async function complete(citations) {
  await Promise.allSettled(citations.filter((citation) => citation.chunk_id).map(quoteOf));
}

/** Where a citation stands, in words. */
export function place(citation) {
  const { page, page_end: last, location } = citation;
  if (page) return last && last > page ? `pages ${page}–${last}` : `page ${page}`;
  return location ?? "";
}

function part(id, start, end) {
  return call(`/documents/${encodeURIComponent(id)}?start=${Math.max(0, start)}&end=${Math.max(0, end)}`);
}

/** Opens a document at its beginning. */
export async function openDocument(id, title, opener) {
  const mine = ++turn;
  const text = open(title, opener);
  text.append(h("p", { class: "waiting" }, "Opening the document"));
  try {
    const found = await part(id, 0, 2 * AROUND);
    if (mine === turn) show(found, null, undefined);
  } catch (error) {
    if (mine === turn) text.replaceChildren(h("p", { class: "note bad" }, error.message));
  }
}

/** Shows a part of a document, and what leads on from it. */
function show(found, citation, opener) {
  const above = (citation?.heading ?? "").split(" > ").filter((heading) => heading !== found.title);
  const where = [above.join(" › "), citation ? place(citation) : ""].filter(Boolean).join(" · ");
  const when = found.modified_at ? `Changed ${day(found.modified_at)}` : `Read ${day(found.fetched_at)}`;
  const stale = found.stale_since && `its source has not answered since ${day(found.stale_since)}`;
  const lines = [
    where && h("p", { class: "small", dir: "auto" }, where),
    h("p", { class: "small muted row" }, [when, stale].filter(Boolean).join("; "), original(found, citation)),
  ];
  const text = open(found.title, opener, ...lines);
  const quote = citation ? [citation.start, citation.end] : [0, 0];
  const state = { end: found.end, page: null };
  const body = h("div");
  const earlier = h("button", { type: "button", hidden: found.start === 0 }, "Show what comes before");
  const later = h("button", { type: "button", hidden: found.end >= found.length }, "Show what comes after");
  earlier.addEventListener("click", () => before());
  later.addEventListener("click", async () => {
    later.disabled = true;
    try {
      const more = await part(found.document_id, state.end, state.end + 2 * AROUND);
      body.append(...render(more, quote, state));
      state.end = more.end;
      later.hidden = more.end >= more.length;
    } catch (error) {
      later.replaceWith(h("p", { class: "note bad" }, error.message));
    }
    later.disabled = false;
  });
  // What comes before is put in front without moving what is read.
  let start = found.start;
  async function before() {
    earlier.disabled = true;
    try {
      const more = await part(found.document_id, start - 2 * AROUND, start);
      const height = text.scrollHeight;
      body.prepend(...render({ ...more, blocks: more.blocks.filter((block) => block.start < start) }, quote, { page: null }));
      start = more.start;
      earlier.hidden = start === 0;
      text.scrollTop += text.scrollHeight - height;
    } catch (error) {
      earlier.replaceWith(h("p", { class: "note bad" }, error.message));
    }
    earlier.disabled = false;
  }
  body.append(...render(found, quote, state));
  text.append(earlier, body, later);
  text.querySelector("mark")?.scrollIntoView({ block: "center" });
}

/** The link to the original: at the page, or at the quoted words where the reader's browser can. */
function original(found, citation) {
  if (!found.link && !found.file) return null;
  const page = citation?.page ? `#page=${citation.page}` : "";
  const properties = { target: "_blank", rel: "noopener", dir: "ltr" };
  if (found.link) {
    const bare = found.link.split("#")[0];
    const words = citation && !page ? fragment(citation.quote) : "";
    return h("a", { ...properties, href: bare + (page || words) }, "Open the original", icon("open"));
  }
  const opens = async (event) => {
    // A link shows no key; what the key opens is fetched and handed over.
    if (!hasKey()) return;
    event.preventDefault();
    const reply = await send(found.file);
    const kind = reply.headers.get("content-type") ?? "";
    const blob = new Blob([await reply.arrayBuffer()], { type: kind });
    const isShown = kind.startsWith("application/pdf") || kind.startsWith("text/plain");
    if (isShown) globalThis.open(URL.createObjectURL(blob) + page, "_blank", "noopener");
    else save(found.source.split("/").at(-1), blob);
  };
  return h("a", { ...properties, href: found.file + page, onclick: opens }, "Open the file", icon("open"));
}

/** A text fragment (WICG): from the first words of the quote to the last ones. */
function fragment(quote) {
  const line = quote.split("\n")[0].replace(/^[-•*\d.)\s]+/, "").trim();
  const words = line.split(/\s+/);
  const escaped = (text) => encodeURIComponent(text).replaceAll("-", "%2D");
  if (!line) return "";
  if (words.length <= 8) return `#:~:text=${escaped(line)}`;
  return `#:~:text=${escaped(words.slice(0, 4).join(" "))},${escaped(words.slice(-4).join(" "))}`;
}

/** The blocks of a part as elements; bytes between `quote` are marked. */
function render(found, [from, to], state) {
  const bytes = encoder.encode(found.text);
  const slice = (start, end) => decoder.decode(bytes.subarray(start - found.start, end - found.start));
  const elements = [];
  let group = null;
  for (const block of found.blocks) {
    const { start, end } = block;
    const [first, last] = [Math.max(start, Math.min(from, end)), Math.min(end, Math.max(to, start))];
    const isMarked = first < last;
    const pieces = isMarked ? [[slice(start, first), false], [slice(first, last), true], [slice(last, end), false]] : [[slice(start, end), false]];
    if (block.page && block.page !== state.page) {
      elements.push(h("div", { class: "page" }, `Page ${block.page}`));
      group = null;
    }
    state.page = block.page;
    const wrap = { list_item: "ul", table_row: "table" }[block.kind];
    if (wrap && group?.dataset.kind !== block.kind) {
      group = h(wrap, { "data-kind": block.kind });
      elements.push(wrap === "table" ? h("div", { class: "scroll" }, group) : group);
    }
    const made = one(block, pieces.filter(([text]) => text !== ""));
    if (wrap) group.append(made);
    else {
      group = null;
      elements.push(made);
    }
  }
  return elements;
}

function one(block, pieces) {
  const nodes = () => pieces.map(([text, isMarked]) => (isMarked ? h("mark", {}, text) : text));
  switch (block.kind) {
    case "heading":
      return h(`h${Math.min((block.level ?? 1) + 2, 6)}`, { dir: "auto" }, ...nodes());
    case "list_item":
      return h("li", { dir: "auto" }, ...nodes());
    case "table_row":
      return row(pieces);
    case "preformatted":
      return h("pre", { dir: "auto" }, ...nodes());
    default:
      return h("p", { dir: "auto" }, ...nodes());
  }
}

/** Cells stand between bars, which stay in the text for whoever copies it. */
function row(pieces) {
  const cells = [h("td", { dir: "auto" })];
  for (const [text, isMarked] of pieces) {
    const put = (words, properties) => {
      const node = properties ? h("span", properties, words) : words;
      cells.at(-1).append(isMarked ? h("mark", {}, node) : node);
    };
    text.split(" | ").forEach((cell, index) => {
      if (index > 0) {
        put(" | ", { class: "hidden-text" });
        cells.push(h("td", { dir: "auto" }));
      }
      if (cell) put(cell);
    });
  }
  return h("tr", {}, ...cells);
}

/** The list of all documents. */
export async function openDocuments(opener) {
  const mine = ++turn;
  const text = open("Documents", opener);
  const list = h("ul");
  const more = h("button", { type: "button", hidden: true }, "Show more");
  const count = h("p", { class: "small muted" });
  text.append(count, list, more);
  let after = "";
  const load = async () => {
    more.disabled = true;
    try {
      const found = await call(`/documents?limit=100${after && `&after=${after}`}`);
      if (mine !== turn) return;
      count.textContent = found.total === 1 ? "1 document" : `${found.total} documents`;
      for (const document of found.documents) {
        const { document_id: id, title, source } = document;
        const shows = h("button", { class: "quiet", type: "button", onclick: () => openDocument(id, title) });
        shows.append(h("span", { dir: "auto" }, title), h("span", { class: "small muted", dir: "auto" }, source));
        list.append(h("li", {}, shows));
      }
      after = found.next ?? "";
      more.hidden = !after;
    } catch (error) {
      count.textContent = error.message;
    }
    more.disabled = false;
  };
  more.addEventListener("click", load);
  await load();
}
