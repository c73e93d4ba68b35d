// The Markdown of answers as elements: paragraphs, headings, lists, tables, quotations, code, emphasis.
// Links and raw markup stay text. Every loop goes forward through the text once.

import { h } from "./dom.js";

const FENCE = /^ {0,3}(```|~~~)/;
const HEADING = /^(#{1,6}) +(.*)$/;
const ITEM = /^(\s*)(?:[-*+]|(\d{1,9})[.)]) +(.*)$/;
const DIVIDER = /^\|?(?: *:?-+:? *\|)+(?: *:?-+:?)?$/;
const RULE = /^ {0,3}(?:-{3,}|\*{3,}|_{3,}) *$/;

/** The blocks of a text: each with its source, so that those which did not change can stay. */
export function blocks(text) {
  const lines = text.replaceAll("\r", "").split("\n");
  const found = [];
  let at = 0;
  while (at < lines.length) {
    if (lines[at].trim() === "") {
      at += 1;
      continue;
    }
    const [kind, end] = extent(lines, at);
    found.push({ kind, lines: lines.slice(at, end), source: lines.slice(at, end).join("\n") });
    at = end;
  }
  return found;
}

/** What begins at a line, and the line behind its end. */
function extent(lines, at) {
  const line = lines[at];
  const fence = FENCE.exec(line);
  if (fence) {
    let end = at + 1;
    while (end < lines.length && !lines[end].trimStart().startsWith(fence[1])) end += 1;
    return ["code", Math.min(end + 1, lines.length)];
  }
  if (HEADING.test(line)) return ["heading", at + 1];
  if (RULE.test(line)) return ["rule", at + 1];
  if (line.includes("|") && DIVIDER.test((lines[at + 1] ?? "").trim())) {
    return ["table", until(lines, at + 2, (next) => !next.includes("|"))];
  }
  if (line.startsWith(">")) return ["quote", until(lines, at + 1, (next) => !next.startsWith(">"))];
  if (ITEM.test(line)) return ["list", endOfList(lines, at)];
  const begins = (next) => next.trim() === "" || HEADING.test(next) || FENCE.test(next) || ITEM.test(next) || next.startsWith(">");
  return ["paragraph", until(lines, at + 1, begins)];
}

function until(lines, from, stops) {
  let end = from;
  while (end < lines.length && !stops(lines[end])) end += 1;
  return end;
}

/** Blank lines belong to a list if it goes on behind them; one of the other kind is another list. */
function endOfList(lines, at) {
  const first = ITEM.exec(lines[at]);
  let end = at + 1;
  for (let next = end; next < lines.length; next += 1) {
    if (lines[next].trim() === "") continue;
    const goesOn = ITEM.test(lines[next]) || /^\s{2,}/.test(lines[next]) || next === end;
    if (!goesOn || HEADING.test(lines[next])) break;
    const item = ITEM.exec(lines[next]);
    if (item && item[1].length <= first[1].length && Boolean(item[2]) !== Boolean(first[2])) break;
    end = next + 1;
  }
  return end;
}

/** The element of a block. `cite` makes the element of a marker such as [1]. */
export function element({ kind, lines }, cite) {
  switch (kind) {
    case "heading": {
      const [, marks, text] = HEADING.exec(lines[0]);
      return h(marks.length > 1 ? "h4" : "h3", { dir: "auto" }, ...inline(text, cite));
    }
    case "code":
      return h("pre", { tabindex: 0 }, h("code", { dir: "auto" }, lines.slice(1, FENCE.test(lines.at(-1)) && lines.length > 1 ? -1 : undefined).join("\n")));
    case "rule":
      return h("hr");
    case "quote":
      return h("blockquote", { dir: "auto" }, ...inline(lines.map((line) => line.replace(/^> ?/, "")).join("\n"), cite));
    case "table":
      return table(lines, cite);
    case "list":
      return list(lines.filter((line) => line.trim() !== ""), cite);
    default:
      return h("p", { dir: "auto" }, ...inline(lines.join("\n"), cite));
  }
}

function cells(line) {
  const found = [""];
  for (let at = 0; at < line.length; at += 1) {
    if (line[at] === "\\" && line[at + 1] === "|") found[found.length - 1] += line[++at];
    else if (line[at] === "|") found.push("");
    else found[found.length - 1] += line[at];
  }
  if (found[0].trim() === "") found.shift();
  if (found.length > 1 && found.at(-1).trim() === "") found.pop();
  return found.map((cell) => cell.trim());
}

function table(lines, cite) {
  const row = (line, tag) => h("tr", {}, ...cells(line).map((cell) => h(tag, { dir: "auto" }, ...inline(cell, cite))));
  const head = h("thead", {}, row(lines[0], "th"));
  return h("div", { class: "wide" }, h("table", {}, head, h("tbody", {}, ...lines.slice(2).map((line) => row(line, "td")))));
}

/** Lists within lists by their indentation. */
function list(lines, cite) {
  let root = null;
  const open = [];
  for (const line of lines) {
    const item = ITEM.exec(line);
    if (!item) {
      open.at(-1).list.lastElementChild.append(" ", ...inline(line.trim(), cite));
      continue;
    }
    const indent = item[1].length;
    const isOther = (at) => Boolean(item[2]) !== (at.list.tagName === "OL");
    while (open.length > 1 && (indent < open.at(-1).indent || (indent === open.at(-1).indent && isOther(open.at(-1))))) open.pop();
    if (open.length === 0 || indent > open.at(-1).indent + 1) {
      const made = item[2] ? h("ol", { start: item[2] }) : h("ul");
      (open.at(-1)?.list.lastElementChild ?? { append: () => (root = made) }).append(made);
      open.push({ indent, list: made });
    }
    open.at(-1).list.append(h("li", { dir: "auto" }, ...inline(item[3], cite)));
  }
  return root;
}

const ESCAPABLE = /[\\`*_{}[\]()#+\-.!|~<>]/;

/** Text with emphasis, code and markers. */
export function inline(text, cite) {
  const nodes = [];
  const missing = new Set();
  let plain = "";
  const flush = () => {
    if (plain) nodes.push(plain);
    plain = "";
  };
  // What closes a span; looked for once where it is not there.
  const closing = (mark, from) => {
    if (missing.has(mark)) return -1;
    let end = text.indexOf(mark, from);
    while (end > 0 && text[end - 1] === "\\" && mark !== "`") end = text.indexOf(mark, end + 1);
    if (end < 0) missing.add(mark);
    return end;
  };
  for (let at = 0; at < text.length; ) {
    const two = text.slice(at, at + 2);
    const mark = two === "**" ? two : text[at] === "*" || text[at] === "`" ? text[at] : "";
    const end = mark && text[at + mark.length] > " " ? closing(mark, at + mark.length + 1) : -1;
    if (end > 0 && text[end - 1] > " ") {
      flush();
      const inner = text.slice(at + mark.length, end);
      const tag = mark === "`" ? "code" : mark.length === 2 ? "strong" : "em";
      nodes.push(h(tag, {}, ...(mark === "`" ? [inner] : inline(inner, cite))));
      at = end + mark.length;
      continue;
    }
    const marker = text[at] === "[" && cite ? /^\[(\d{1,3})\]/.exec(text.slice(at, at + 5)) : null;
    if (marker) {
      plain = plain.trimEnd();
      flush();
      nodes.push(cite(Number(marker[1])));
      at += marker[0].length;
      continue;
    }
    if (two === "**") {
      plain += two;
      at += 2;
      continue;
    }
    if (text[at] === "\\" && ESCAPABLE.test(text[at + 1] ?? "")) at += 1;
    plain += text[at];
    at += 1;
  }
  flush();
  return nodes;
}
