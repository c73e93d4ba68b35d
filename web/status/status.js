// The page for whoever runs the server. Everything it shows comes from /admin.

import { CallError, call, forgetKey } from "./api.js";
import { announce, ask, byId, h } from "./dom.js";

const FIGURES_EVERY_MS = 15_000;
const PAGE = 25;
// A new generation is checked before it answers; a large one takes a while.
const LOOKS_AFTER_ROLLBACK = 60;

const date = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const when = (seconds) => date.format(new Date(seconds * 1000));
const whole = (number) => number.toLocaleString();

function size(bytes) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
  const place = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  const format = { style: "unit", unit: units[place], unitDisplay: place ? "short" : "long", maximumSignificantDigits: 3 };
  return new Intl.NumberFormat(undefined, format).format(bytes / 1000 ** place);
}

function duration(ms) {
  if (ms === null) return "–";
  return ms < 1000 ? `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** Fills a part of the page; what goes wrong is told in its place. */
async function fill(id, load) {
  const part = byId(id);
  part.setAttribute("aria-busy", "true");
  try {
    part.replaceChildren(...(await load()));
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    if (part.childElementCount === 0) part.append(h("p", { class: "muted" }, "Nothing to show."));
    complain(error);
  } finally {
    part.setAttribute("aria-busy", "false");
  }
}

function complain(error) {
  const other = h("button", { type: "button", onclick: () => { forgetKey(); refresh(); } }, "Use another key");
  const again = h("button", { type: "button", onclick: refresh }, "Try again");
  byId("banner").replaceChildren(h("span", { class: "grow" }, error.message), error.kind === "forbidden" ? other : again);
  byId("banner").hidden = false;
}

const nothing = (text) => [h("p", { class: "muted" }, text)];

/* The last hour */

const figures = () => fill("hour", async () => {
  const { hour, minutes } = await call("/admin/figures");
  const share = (part, of) => (part > 0 && of > 0 ? ` (${Math.round((100 * part) / of)} %)` : "");
  const tiles = [
    ["Requests", whole(hour.requests)],
    ["Half within", duration(hour.p50_ms)],
    ["95 % within", duration(hour.p95_ms)],
    ["Not answered", `${whole(hour.refusals)}${share(hour.refusals, hour.answers)}`],
    ["Errors", `${whole(hour.errors)}${share(hour.errors, hour.requests)}`],
  ];
  const list = h("dl", { class: "figures" }, ...tiles.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
  return [list, chart(minutes), h("p", { class: "legend muted small" }, h("span", {}, "60 minutes ago"), h("span", {}, "requests; light: not answered, red: errors"), h("span", {}, "now"))];
});

const SVG = "http://www.w3.org/2000/svg";

/** Bars of requests by minute; what was refused and what failed stands at their feet. */
function chart(minutes) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${minutes.length} 20`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("class", "chart");
  svg.setAttribute("role", "img");
  const most = Math.max(...minutes.map((minute) => minute.requests));
  svg.setAttribute("aria-label", most > 0 ? `Requests by minute, ${most} at most` : "No requests in this hour");
  const bar = (place, height, kind) => {
    const rect = document.createElementNS(SVG, "rect");
    const box = { x: place + 0.1, y: 20 - height, width: 0.8, height, class: kind };
    for (const [name, value] of Object.entries(box)) rect.setAttribute(name, value);
    svg.append(rect);
  };
  minutes.forEach((minute, place) => {
    const scale = 19 / Math.max(most, 1);
    bar(place, 0.4, "base");
    if (minute.requests > 0) bar(place, Math.max(minute.requests * scale, 0.8), "asked");
    if (minute.refusals > 0) bar(place, Math.max(Math.min(minute.refusals, minute.requests) * scale, 0.8), "refused");
    if (minute.errors > 0) bar(place, Math.max(minute.errors * scale, 0.8), "errors");
  });
  return svg;
}

/* Questions */

const OFF = "Questions are not kept. Start the server with --question-log on to see here what people ask in vain; they are kept for --question-log-days and deleted then.";

const unanswered = () => fill("unanswered", async () => {
  const found = await call("/admin/unanswered?limit=100");
  if (!found.is_kept) return nothing(OFF);
  if (found.total === 0) return nothing(`None in the last ${found.days} days.`);
  const sum = `${whole(found.questions)} asked, ${whole(found.total)} different; kept for ${found.days} days`;
  const more = found.total > found.groups.length ? `; the first ${found.groups.length} are shown` : "";
  return [h("ul", { class: "plain" }, ...found.groups.map(group)), h("p", { class: "muted small" }, sum + more)];
});

function group(found) {
  const tag = found.answered_in ? h("span", { class: "tag" }, "answered since") : found.partial > 0 && h("span", { class: "tag stale" }, "in part");
  const summary = h("summary", {},
    h("span", { class: "often" }, `${whole(found.times)}×`),
    h("span", { class: "grow", dir: "auto" }, found.question),
    tag);
  const others = found.others.map((other) => h("li", { dir: "auto" }, other));
  return h("li", {}, h("details", {}, summary, h("div", {},
    others.length > 0 && h("p", { class: "muted small" }, "Also asked as"),
    others.length > 0 && h("ul", {}, ...others),
    h("p", { class: "muted small" }, "Answered with"),
    h("blockquote", { dir: "auto" }, found.answer),
    h("p", { class: "muted small" }, `Last asked ${when(found.last_asked_at)}${found.answered_in ? `. Generation ${found.answered_in} answers it.` : ""}`))));
}

const bad = () => fill("bad", async () => {
  const { answers } = await call("/admin/bad_answers");
  if (answers.length === 0) return nothing("None so far. Answers that people mark as bad stand here when the server runs with --question-log on.");
  return [h("ul", { class: "plain" }, ...answers.map((answer) => h("li", {}, h("details", {},
    h("summary", {}, h("span", { class: "grow", dir: "auto" }, answer.question), h("span", { class: "when muted small" }, when(answer.marked_at))),
    h("div", {},
      h("blockquote", { dir: "auto" }, answer.answer || "No answer is kept of it."),
      answer.comment && h("p", { dir: "auto" }, h("span", { class: "muted small" }, "Said of it: "), answer.comment))))))];
});

/* Documents */

const STATES = { failed: "failed", stale: "stale", waiting: "waiting", skipped: "skipped", duplicate: "duplicates", fresh: "fresh" };
const wanted = { state: "", text: "", skip: 0 };

const documents = () => fill("documents", async () => {
  const query = new URLSearchParams({ state: wanted.state, q: wanted.text, skip: wanted.skip, limit: PAGE });
  const found = await call(`/admin/documents?${query}`);
  const all = found.states.reduce((sum, { count }) => sum + count, 0);
  const held = document.activeElement?.dataset?.state;
  byId("states").replaceChildren(choice("", "all", all), ...found.states.map(({ state, count }) => choice(state, STATES[state], count)));
  if (held !== undefined) byId("states").querySelector(`[data-state="${held}"]`)?.focus();
  if (found.total === 0) return nothing(wanted.text || wanted.state ? "No document fits." : "There are no documents.");
  const last = Math.min(wanted.skip + PAGE, found.total);
  const turn = (text, skip) => h("button", { type: "button", disabled: skip < 0 || skip >= found.total, onclick: () => { wanted.skip = skip; documents(); } }, text);
  return [
    table(["Document", "State", "Read", "Chunks"], found.documents.map(row)),
    h("div", { class: "row pager" }, turn("Before", wanted.skip - PAGE), h("span", { class: "muted small" }, `${whole(wanted.skip + 1)} to ${whole(last)} of ${whole(found.total)}`), turn("After", wanted.skip + PAGE)),
  ];
});

function choice(state, name, count) {
  const choose = () => { Object.assign(wanted, { state, skip: 0 }); documents(); };
  return h("button", { type: "button", "data-state": state, "aria-pressed": String(wanted.state === state), disabled: count === 0 && state !== wanted.state && state !== "", onclick: choose }, `${name} ${whole(count)}`);
}

function row(found) {
  const name = found.title ?? found.source;
  const isWeb = /^https?:\/\//.test(found.source);
  const address = isWeb ? h("a", { href: found.source, rel: "noreferrer" }, found.source) : found.source;
  const notes = [found.reason, ...found.warnings].filter(Boolean);
  return [
    h("td", {}, h("span", { dir: "auto" }, name), name !== found.source && h("span", { class: "sub muted small" }, address), ...notes.map((note) => h("span", { class: "sub small" }, note))),
    h("td", {}, h("span", { class: `tag ${found.state}` }, found.state), found.stale_since !== null && h("span", { class: "sub muted small" }, `since ${when(found.stale_since)}`)),
    h("td", { "data-name": found.fetched_at === null ? null : "Read" }, found.fetched_at === null ? "" : when(found.fetched_at)),
    h("td", { class: "number", "data-name": found.chunks === null ? null : "Chunks" }, found.chunks === null ? "" : whole(found.chunks)),
  ];
}

function table(heads, rows) {
  const head = h("tr", {}, ...heads.map((name) => h("th", { scope: "col", class: ["Chunks", "Documents", "Size"].includes(name) ? "number" : null }, name)));
  return h("table", { class: "list" }, h("thead", {}, head), h("tbody", {}, ...rows.map((cells) => h("tr", {}, ...cells))));
}

byId("search").addEventListener("submit", (event) => {
  event.preventDefault();
  Object.assign(wanted, { text: byId("text").value.trim(), skip: 0 });
  documents();
});

/* The last run */

const run = () => fill("run", async () => {
  const last = await call("/admin/last_run");
  if (last.finished_at === null) return nothing("No run has left word here yet.");
  const ended = `Ended ${when(last.finished_at)}`;
  if (last.error !== null) return [h("p", { class: "note bad" }, `It failed: ${last.error}`), ...nothing(ended)];
  const { totals } = last;
  const outcome = last.gate_passed === false ? "The publish gate refused" : last.published ? "Published" : "Nothing changed;";
  const after = last.gate_passed === false || last.published ? "" : " still answers";
  const counts = [["Added", totals.added], ["Changed", totals.changed], ["Unchanged", totals.unchanged], ["Stale", totals.kept_stale], ["Failed", totals.failed], ["Skipped", totals.skipped], ["Duplicates", totals.duplicates], ["Removed", totals.removed]];
  return [
    h("p", {}, `${outcome} generation `, h("code", {}, last.generation), `${after}.`),
    h("dl", { class: "figures" }, ...counts.map(([name, count]) => h("div", {}, h("dt", {}, name), h("dd", {}, whole(count))))),
    last.gate && h("p", { class: last.gate_passed ? "note" : "note bad" }, last.gate),
    h("p", { class: "muted small" }, `${ended} after ${duration(totals.seconds * 1000)}; ${size(totals.bytes)} read, passages embedded: ${whole(totals.embedded)}.`),
  ].filter(Boolean);
});

/* Generations */

const generations = () => fill("generations", async () => {
  const found = (await call("/admin/generations")).generations;
  const live = found.find(({ state }) => state === "live");
  return [table(["Made", "State", "Documents", "Size", "Go back"], found.map((one) => generation(one, live)))];
});

function generation(one, live) {
  const isOther = one !== live && one.usable;
  return [
    h("td", {}, one.created_at === null ? "" : when(one.created_at), h("code", { class: "sub small cut", title: one.generation }, one.generation), one.reason && h("span", { class: "sub small" }, one.reason), !one.usable && one.embedder !== null && h("span", { class: "sub small" }, `its vectors are of ${one.embedder}`)),
    h("td", {}, h("span", { class: `tag ${one.state}` }, one.state)),
    h("td", { class: "number", "data-name": "Documents" }, one.documents === null ? "–" : whole(one.documents)),
    h("td", { class: "number", "data-name": "Size" }, one.bytes === null ? "–" : size(one.bytes)),
    h("td", {}, isOther && h("button", { type: "button", onclick: () => goBack(one, live) }, "Make live")),
  ];
}

async function goBack(one, live) {
  const lost = live ? ` It has ${whole(one.documents)} documents; the one that answers now has ${whole(live.documents)}.` : "";
  const sure = await ask({ title: "Answer from this generation?", text: `Everybody gets answers from the documents as they were on ${when(one.created_at)}, until the next run publishes a newer one.${lost}`, ok: "Make live", danger: true });
  if (sure === null) return;
  try {
    await call("/admin/rollback", { method: "POST", body: { generation: one.generation } });
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    complain(error);
    return;
  }
  announce("The server checks the generation before it answers from it.");
  for (let look = 0; look < LOOKS_AFTER_ROLLBACK; look += 1) {
    const now = (await call("/admin/generations")).generations.find(({ state }) => state === "live");
    if (now?.generation === one.generation) {
      announce("The generation answers now.");
      break;
    }
    await new Promise((next) => setTimeout(next, 1000));
  }
  refresh();
}

/* All of it */

async function refresh() {
  byId("banner").hidden = true;
  // The first call asks for the key, if one is needed, for all of them.
  await figures();
  await Promise.all([unanswered(), bad(), documents(), run(), generations()]);
}

byId("refresh").addEventListener("click", async () => {
  await refresh();
  announce("Refreshed.");
});
byId("forget").addEventListener("click", () => {
  forgetKey();
  location.reload();
});
byId("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
  try {
    localStorage.setItem("theme", root.dataset.theme);
  } catch {
    // It lasts as long as the page then.
  }
});
setInterval(() => {
  if (!document.hidden && byId("banner").hidden) figures();
}, FIGURES_EVERY_MS);
refresh();
