// Turns of a conversation: a question, its answer while it comes, and what can be done with it.

import { call, events, writeName } from "./api.js";
import { announce, byId, day, h, icon, save } from "./dom.js";
import { blocks, element } from "./markdown.js";
import { complete, openCitation, place } from "./source.js";

const thread = byId("thread");

/** Why an answer was no good, in a word that its owner can act on. */
const REASONS = ["Wrong", "Incomplete", "Not what I asked", "Out of date", "Hard to understand"];

/** A question and its answer. */
export class Turn {
  /** `page` has `session`, `asks(text)` and `opened(session)`. */
  constructor(page, question) {
    this.page = page;
    this.question = question;
    this.text = "";
    this.citations = [];
    this.contexts = [];
    this.reply = null;
    this.shown = [];
    // Sent again under the same name and with the same words, it is the same turn to the server.
    this.name = writeName();
    this.request = { message: question, session_id: page.session, stream: true };
    this.session = page.session;
    this.body = h("div", { class: "answer" });
    this.foot = h("div");
    this.element = h("article", { class: "turn" }, h("h2", { dir: "auto" }, question), this.body, this.foot);
    thread.append(this.element);
  }

  /** Asks and shows the answer as it comes. */
  async ask() {
    this.aborter = new AbortController();
    this.status("Searching the documents");
    this.element.scrollIntoView({ block: "start" });
    const headers = { "Idempotency-Key": this.name };
    try {
      const stream = events("/chat", { method: "POST", body: this.request, headers, signal: this.aborter.signal });
      for await (const [name, data] of stream) this.take(name, data);
      if (!this.reply) throw Object.assign(new Error("The answer broke off."), { kind: "offline" });
    } catch (error) {
      if (error.name === "AbortError") this.halt("Stopped.");
      else this.halt(error.message, error);
      return;
    }
    this.finish();
    announce(`Answer: ${this.element.querySelector(".answer").textContent}`);
  }

  /** Ends the work on the answer. */
  stop() {
    this.aborter?.abort();
  }

  take(name, data) {
    if (name === "search_results") {
      this.contexts = data.contexts;
      this.page.opened(data.session_id, this);
      const count = data.contexts.length;
      this.status(count > 0 ? `Reading ${count} passage${count > 1 ? "s" : ""}` : "Writing");
    } else if (name === "message") {
      this.text += data.text;
      this.draw();
    } else if (name === "citation") {
      this.citations.push(data);
      this.name_markers();
    } else if (name === "final_answer") {
      this.reply = data;
      this.text = data.summary;
      this.citations = data.citations;
    } else if (name === "error") {
      throw Object.assign(new Error(data.detail), { kind: "busy" });
    }
  }

  status(text) {
    this.foot.replaceChildren(h("p", { class: "waiting" }, text));
    announce(text);
  }

  /** Draws what changed of the text since it was drawn last. */
  draw() {
    this.drawing ??= requestAnimationFrame(() => {
      this.drawing = null;
      this.paint();
      this.follow();
    });
  }

  paint() {
    const found = blocks(this.text);
    let same = 0;
    while (same < found.length && found[same].source === this.shown[same]?.source) same += 1;
    while (this.body.childElementCount > same) this.body.lastElementChild.remove();
    this.body.append(...found.slice(same).map((block) => element(block, (marker) => this.marker(marker))));
    this.shown = found;
    this.name_markers();
  }

  /** Keeps the end of a growing answer in view while its beginning stays there. */
  follow() {
    const [view, own] = [thread.getBoundingClientRect(), this.element.getBoundingClientRect()];
    const beyond = own.bottom - view.bottom;
    if (beyond > 0) thread.scrollTop += Math.min(beyond, Math.max(0, own.top - view.top - 16));
  }

  marker(marker) {
    const opens = (event) => {
      const citation = this.citations.find((citation) => citation.marker === marker);
      if (citation) openCitation(citation, event.currentTarget);
    };
    return h("button", { class: "cite", type: "button", "data-marker": marker, "aria-expanded": "false", "aria-controls": "source", onclick: opens }, String(marker));
  }

  name_markers() {
    for (const button of this.body.querySelectorAll(".cite")) {
      const citation = this.citations.find((citation) => String(citation.marker) === button.dataset.marker);
      const name = citation ? [`Source ${citation.marker}: ${citation.title ?? "text of your own"}`, place(citation)] : ["Source"];
      button.setAttribute("aria-label", name.filter(Boolean).join(", "));
      button.title = name.filter(Boolean).join(", ");
    }
  }

  /** The whole answer is there. */
  finish() {
    if (this.drawing) cancelAnimationFrame(this.drawing);
    this.drawing = null;
    this.paint();
    for (const button of this.body.querySelectorAll(".cite")) {
      const isKnown = this.citations.some((citation) => String(citation.marker) === button.dataset.marker);
      if (!isKnown) button.replaceWith(`[${button.dataset.marker}]`);
    }
    this.foot.replaceChildren(...this.notes(), ...this.sources(), this.tools());
    this.follow();
  }

  /** What a reader should know of how the answer came about. */
  notes() {
    const reply = this.reply;
    const found = [];
    const note = (...parts) => found.push(h("p", { class: "note", dir: "auto" }, ...parts));
    if (reply.corrected_query) note("Read as: ", h("em", {}, reply.corrected_query));
    if (reply.degraded) note("Answered from the documents alone: the language model could not be used.");
    if (reply.reason === "partial") note("The documents answer a part of the question.");
    if (reply.missing) note(`The documents do not say: ${reply.missing}`);
    const unproved = (reply.sentences ?? []).filter((sentence) => !sentence.supported);
    if (reply.answered && unproved.length > 0) {
      const items = unproved.map((sentence) => h("li", { dir: "auto" }, sentence.text));
      found.push(h("div", { class: "note" }, "Not borne out by the documents:", h("ul", {}, ...items)));
    }
    return found;
  }

  sources() {
    if (this.citations.length === 0) return [];
    const items = this.citations.map((citation) => {
      const title = citation.title ?? "Your text";
      const heading = citation.heading?.split(" > ").at(-1) || title;
      const label = h("span", { class: "cut", dir: "auto" }, [heading, place(citation)].filter(Boolean).join(", "));
      if (heading !== title) label.append(h("span", { class: "muted" }, ` · ${title}`));
      const opens = (event) => openCitation(citation, event.currentTarget);
      const button = h("button", { type: "button", "aria-expanded": "false", "aria-controls": "source", onclick: opens });
      button.append(h("b", {}, String(citation.marker)), label);
      return h("li", {}, button);
    });
    return [h("ol", { class: "sources", "aria-label": "Sources of this answer" }, ...items)];
  }

  tools() {
    const button = (name, picture, onclick) => h("button", { class: "quiet", type: "button", title: name, "aria-label": name, onclick }, icon(picture));
    const copy = h("button", { class: "quiet", type: "button", onclick: () => this.copy(copy) }, icon("copy"), "Copy with sources");
    const up = button("Good answer", "up", () => this.rate(1, up, down));
    const down = button("Bad answer", "down", () => this.why(up, down));
    for (const thumb of [up, down]) thumb.setAttribute("aria-pressed", "false");
    const { answered, confidence, reason } = this.reply;
    const isSure = answered && typeof confidence === "number" && reason !== "curated";
    const sure = isSure && h("span", { class: "muted small" }, `Confidence ${Math.round(confidence * 100)} %`);
    return h("div", { class: "tools" }, copy, up, down, sure);
  }

  async copy(button) {
    await complete(this.citations);
    await put_on_clipboard(this.markdown());
    button.lastChild.textContent = "Copied";
    announce("Copied");
    setTimeout(() => (button.lastChild.textContent = "Copy with sources"), 2000);
  }

  /** The answer and its sources as Markdown. */
  markdown() {
    const lines = this.citations.map((citation) => {
      const where = [citation.title, citation.heading, place(citation), citation.link ?? citation.source].filter(Boolean).join(", ");
      const quote = citation.quote ? `\n    > ${citation.quote.replaceAll("\n", "\n    > ")}` : "";
      return `[${citation.marker}] ${where}${quote}`;
    });
    return [this.text.trim(), ...lines].join("\n\n");
  }

  async rate(rating, up, down, comment = "") {
    const body = { session_id: this.session, rating, comment };
    try {
      await call("/feedback", { method: "POST", body });
      up.setAttribute("aria-pressed", String(rating > 0));
      down.setAttribute("aria-pressed", String(rating < 0));
      this.form?.remove();
      announce("Thank you");
    } catch (error) {
      this.page.tell(error.message);
    }
  }

  /** Asks why an answer was no good. */
  why(up, down) {
    this.form?.remove();
    const more = h("input", { "aria-label": "More about it", placeholder: "More about it, if you like", maxlength: 500, dir: "auto" });
    const send = (reason) => {
      const said = [reason, more.value.trim()].filter(Boolean).join(": ");
      return this.rate(-1, up, down, `${said} (asked: ${this.question.slice(0, 300)})`);
    };
    const words = REASONS.map((reason) => h("button", { type: "button", onclick: () => send(reason) }, reason));
    const other = h("button", { type: "submit" }, "Send");
    const submit = (event) => {
      event.preventDefault();
      send("");
    };
    this.form = h("form", { class: "why card", onsubmit: submit }, h("strong", {}, "What was wrong with it?"), h("div", { class: "row" }, ...words), h("div", { class: "row" }, h("span", { class: "grow" }, more), other));
    this.foot.querySelector(".tools").after(this.form);
    words[0].focus();
    this.form.scrollIntoView({ block: "nearest" });
  }

  /** What could be asked next, or instead. */
  async lead_on() {
    const reply = this.reply;
    const near = reply.answered ? this.citations.find((citation) => citation.chunk_id)?.chunk_id : this.contexts[0]?.id;
    if (!near) return;
    let found;
    try {
      found = (await call(`/suggestions?near=${encodeURIComponent(near)}&limit=8`)).suggestions;
    } catch {
      return;
    }
    const known = new Set(this.citations.map((citation) => `${citation.document_id} ${citation.heading}`));
    const topics = found.filter((topic) => topic.text !== this.question && !known.has(`${topic.document_id} ${topic.heading}`));
    const chosen = topics.slice(0, reply.answered ? 3 : 5);
    if (chosen.length === 0) return;
    const title = reply.answered ? "Related in the documents" : "Nearest to it in the documents";
    this.foot.append(h("div", { class: "next" }, h("h3", {}, title), topics_list(chosen, this.page)));
    this.follow();
  }

  /** The answer did not come to its end. */
  halt(message, error) {
    if (this.drawing) cancelAnimationFrame(this.drawing);
    this.drawing = null;
    this.paint();
    const again = h("button", { type: "button" }, "Try again");
    const said = h("span", { class: "grow" }, message);
    again.addEventListener("click", () => {
      this.text = "";
      this.citations = [];
      this.page.run(this);
    });
    this.foot.replaceChildren(h("div", { class: error ? "note bad row" : "note row" }, said, again));
    announce(message);
    if (error?.kind === "offline") this.page.lost();
    if (error?.kind === "rate" || error?.kind === "busy") count_down(error.waitSeconds || 1, said, again, message);
  }

  /** Shows a turn of an earlier visit. */
  static of_record(page, question, record) {
    const turn = new Turn(page, question);
    if (!record) {
      turn.halt("No answer was kept.");
      return turn;
    }
    const details = record.details ?? {};
    turn.text = record.summary;
    turn.citations = (details.citations ?? []).map((citation, index) => ({ marker: index + 1, ...citation }));
    turn.reply = { answered: details.answered ?? true, degraded: details.degraded, generator: details.generator };
    turn.finish();
    return turn;
  }
}

/** Browsers give pages without TLS, but for this machine's own, the old way alone. */
async function put_on_clipboard(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = h("textarea", { class: "hidden-text" }, text);
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

/** Tells when it is time again. */
function count_down(seconds, said, again, message) {
  const until = Date.now() + seconds * 1000;
  again.disabled = true;
  const tick = () => {
    const left = Math.ceil((until - Date.now()) / 1000);
    said.textContent = left > 0 ? `${message} Again in ${left} s.` : message;
    again.disabled = left > 0;
    if (left > 0 && again.isConnected) setTimeout(tick, 250);
  };
  tick();
}

/** Topics as buttons that ask. */
export function topics_list(topics, page) {
  const items = topics.map((topic) => {
    const asks = () => page.asks(topic.text);
    return h("li", {}, h("button", { type: "button", dir: "auto", onclick: asks }, topic.text));
  });
  return h("ul", { class: "topics" }, ...items);
}

/** Saves a conversation as Markdown. */
export async function export_markdown(title, turns) {
  await complete(turns.flatMap((turn) => turn.citations));
  const parts = turns.map((turn) => `## ${turn.question}\n\n${turn.markdown()}`);
  const text = [`# ${title}`, day(Date.now() / 1000), ...parts].join("\n\n") + "\n";
  const name = title.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").slice(0, 60) || "conversation";
  save(`${name}.md`, new Blob([text], { type: "text/markdown" }));
}
