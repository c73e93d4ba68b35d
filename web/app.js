// The page: which conversation is open, what is being asked, and whether the server is there.

import { call, forgetKey } from "./api.js";
import { announce, ask, byId, h } from "./dom.js";
import * as sessions from "./sessions.js";
import { close, openDocuments } from "./source.js";
import { Turn, export_markdown, topics_list } from "./thread.js";

/** How often it is looked whether the server is there and what it answers from. */
const LOOK_MS = 30_000;
const LOOK_WHILE_LOST_MS = 2_000;

const [thread, question, side, banner] = ["thread", "question", "side", "banner"].map(byId);
const narrow = matchMedia("(max-width: 56rem)");

const page = {
  session: null,
  title: "",
  turns: [],
  busy: null,
  opening: 0,

  /** Asks a question in this conversation. */
  asks(text) {
    if (page.busy || !text.trim()) return;
    if (page.turns.length === 0) thread.replaceChildren();
    const turn = new Turn(page, text.trim());
    page.turns.push(turn);
    page.run(turn);
  },

  /** Has a turn answered. */
  async run(turn) {
    if (page.busy) return;
    page.busy = turn;
    working(true);
    await turn.ask();
    page.busy = null;
    working(false);
    if (turn.reply) await turn.lead_on();
  },

  /** The server has named the conversation that a turn belongs to. */
  opened(session, turn) {
    const isNew = turn.session !== session;
    turn.session = session;
    if (!isNew || page.turns[0] !== turn) return;
    page.session = session;
    page.title = turn.question.slice(0, 120);
    history.replaceState(null, "", `#${session}`);
    head();
    list();
  },

  tell(message) {
    show(message);
  },

  lost() {
    lost = true;
    show("The server cannot be reached. Waiting for it.");
    look();
  },
};

function working(is) {
  byId("send").hidden = is;
  byId("stop").hidden = !is;
  if (!is && document.activeElement === document.body) question.focus();
}

/** Shows a message above the conversation, with something to do about it. */
function show(message, action) {
  const shut = () => (banner.hidden = true);
  const button = h("button", { type: "button", class: "quiet" }, action?.name ?? "Close");
  button.addEventListener("click", () => {
    shut();
    action?.run();
  });
  banner.replaceChildren(h("span", { class: "grow" }, message), button);
  banner.hidden = false;
}

function head() {
  byId("head").hidden = !page.session;
  byId("title").textContent = page.title;
  document.title = page.title ? `${page.title} – Wattwise` : "Wattwise";
}

async function list() {
  try {
    await sessions.refresh(page.session, open);
  } catch (error) {
    if (error.kind === "offline") page.lost();
    else if (error.kind !== "key") show(error.message);
  }
}

/** The page before the first question. */
async function begin() {
  page.busy?.stop();
  const mine = ++page.opening;
  Object.assign(page, { session: null, title: "", turns: [] });
  close();
  head();
  sessions.mark(null);
  history.replaceState(null, "", location.pathname);
  const place = h("div");
  const start = h("section", { class: "start" }, h("h1", {}, "What would you like to know?"), h("p", { class: "muted" }, "Answers come from the documents, and each one shows where it stands in them."), place);
  thread.replaceChildren(start);
  side_open(false);
  try {
    const { suggestions } = await call("/suggestions?limit=6");
    if (mine === page.opening) place.replaceWith(topics_list(suggestions, page));
  } catch (error) {
    if (error.kind === "offline") page.lost();
    else if (mine === page.opening) place.replaceWith(failed(error));
    return error.kind;
  }
  return null;
}

/** What went wrong, with another try. */
function failed(error) {
  const again = h("button", { type: "button", onclick: () => start_over() }, "Try again");
  return h("p", { class: "note bad row" }, h("span", { class: "grow" }, error.message), again);
}

/** Opens what the address names, or a new conversation; without a key nothing else is tried. */
async function start_over() {
  const session = location.hash.slice(1);
  const fault = await (session ? open({ session_id: session }) : begin());
  if (fault !== "key") await list();
}

/** Opens an earlier conversation. */
async function open(session) {
  page.busy?.stop();
  const mine = ++page.opening;
  close();
  side_open(false);
  Object.assign(page, { session: session.session_id, title: sessions.titleOf(session), turns: [] });
  head();
  sessions.mark(page.session);
  history.replaceState(null, "", `#${page.session}`);
  thread.replaceChildren(h("p", { class: "waiting" }, "Opening the conversation"));
  let found;
  try {
    found = await call(`/sessions/${page.session}`);
  } catch (error) {
    if (mine !== page.opening) return null;
    if (error.kind === "gone") return begin();
    thread.replaceChildren(failed(error));
    return error.kind;
  }
  if (mine !== page.opening) return null;
  page.title = sessions.titleOf(found);
  head();
  thread.replaceChildren();
  const records = [...found.records];
  page.turns = found.messages.map(({ text }) => {
    const at = records.findIndex((record) => record.details?.question === text);
    return Turn.of_record(page, text, at < 0 ? null : records.splice(at, 1)[0]);
  });
  thread.scrollTop = thread.scrollHeight;
  thread.focus({ preventScroll: true });
  announce(`Conversation ${page.title} opened`);
  return null;
}

async function rename() {
  const title = await ask({ title: "Rename the conversation", label: "Name", value: page.title, ok: "Rename" });
  if (!title) return;
  try {
    await call("/rename_session", { method: "POST", body: { session_id: page.session, title } });
    page.title = title;
    head();
    await list();
  } catch (error) {
    show(error.message);
  }
}

async function remove() {
  const text = "It is deleted with its answers and cannot be brought back.";
  if ((await ask({ title: "Delete this conversation?", text, ok: "Delete", danger: true })) === null) return;
  try {
    await call(`/sessions/${page.session}`, { method: "DELETE" });
  } catch (error) {
    if (error.kind !== "gone") return show(error.message);
  }
  announce("Deleted");
  await begin();
  await list();
  question.focus();
}

function side_open(is) {
  const isDrawer = narrow.matches;
  side.classList.toggle("open", is);
  side.inert = isDrawer && !is;
  byId("menu").setAttribute("aria-expanded", String(is));
  if (isDrawer && is) byId("new").focus();
}

// Whether the server is there, and from which documents it answers. Health checks ask for no key and
// count among nobody's requests.
let lost = false;
let snapshot = null;
let timer = 0;

async function look() {
  clearTimeout(timer);
  try {
    const reply = await fetch("/healthz", { cache: "no-store" });
    const found = reply.headers.get("x-snapshot-id");
    if (lost) {
      lost = false;
      show("The server is there again.");
      list();
      if (page.turns.length === 0) begin();
    } else if (snapshot && found && found !== snapshot) {
      show("The documents have been updated. Answers come from the new ones.");
      if (page.turns.length === 0) begin();
    }
    snapshot = found ?? snapshot;
  } catch {
    if (!lost) page.lost();
  }
  timer = setTimeout(look, lost ? LOOK_WHILE_LOST_MS : LOOK_MS);
}

function wire() {
  byId("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    if (page.busy || !question.value.trim()) return;
    const text = question.value;
    question.value = "";
    page.asks(text);
  });
  question.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    byId("ask").requestSubmit();
  });
  const on = (id, run) => byId(id).addEventListener("click", run);
  on("stop", () => page.busy?.stop());
  on("new", () => begin().then(() => question.focus()));
  on("rename", rename);
  on("delete", remove);
  on("export", () => export_markdown(page.title, page.turns));
  on("documents", (event) => openDocuments(event.currentTarget));
  on("menu", () => side_open(!side.classList.contains("open")));
  on("forget", () => {
    forgetKey();
    location.reload();
  });
  on("theme", () => {
    const isDark = getComputedStyle(document.documentElement).colorScheme === "dark" || (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
    const theme = isDark ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // It lasts as long as the page then.
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || byId("dialog").open) return;
    if (side.classList.contains("open")) {
      side_open(false);
      byId("menu").focus();
    } else close();
  });
  byId("main").addEventListener("pointerdown", () => side.classList.contains("open") && side_open(false));
  narrow.addEventListener("change", () => side_open(false));
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : look()));
  addEventListener("offline", () => page.lost());
  addEventListener("online", () => look());
}

async function start() {
  wire();
  side_open(false);
  const wanted = new URLSearchParams(location.search).get("q");
  if (wanted) question.value = wanted.slice(0, 2000);
  const first = start_over();
  if (!narrow.matches) question.focus();
  await first;
  look();
}

start();
