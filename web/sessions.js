// The conversations down the side: one's own, newest first.

import { call } from "./api.js";
import { byId, h } from "./dom.js";

const list = byId("sessions");
const older = byId("older");
let after = "";

/** What a conversation is called: its name, or how it begins. */
export const titleOf = (session) => session.title || session.opening?.replace(/\s+/g, " ").slice(0, 120) || "Conversation";

/** Reads the first page of the list again. `opens` is called with the one that is chosen. */
export async function refresh(current, opens) {
  after = "";
  const found = await page();
  list.replaceChildren();
  add(found, current, opens);
  if (found.length === 0) list.append(h("li", { class: "muted" }, "Your conversations will be here."));
  older.onclick = async () => add(await page(), current, opens);
}

async function page() {
  const { sessions, next } = await call(`/sessions?limit=30${after && `&after=${after}`}`);
  after = next ?? "";
  older.hidden = !after;
  // One that was opened and never written to is nobody's conversation yet.
  return sessions.filter((session) => session.message_count > 0);
}

function add(sessions, current, opens) {
  for (const session of sessions) {
    const title = titleOf(session);
    const properties = { type: "button", title, "data-session": session.session_id, onclick: () => opens(session) };
    list.append(h("li", {}, h("button", properties, h("span", { dir: "auto" }, title))));
  }
  mark(current);
}

/** Marks the conversation that is open. */
export function mark(current) {
  for (const button of list.querySelectorAll("button")) {
    if (button.dataset.session === current) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
}
