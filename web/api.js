// Calls to the server: the key, what can go wrong, and streams of events.

import { ask, byId } from "./dom.js";

/** What went wrong: `kind` is offline, key, forbidden, rate, busy, gone or failed. */
export class CallError extends Error {
  constructor(kind, message, waitSeconds = 0) {
    super(message);
    this.kind = kind;
    this.waitSeconds = waitSeconds;
  }
}

const KEY = "wattwise-key";
let key = stored();
let asking = null;

function stored() {
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}

function keep(value) {
  key = value;
  byId("forget").hidden = !value;
  try {
    if (value) sessionStorage.setItem(KEY, value);
    else sessionStorage.removeItem(KEY);
  } catch {
    // It lasts as long as the page then.
  }
}
keep(key);

/** Whether the server wants a key and has one. */
export const hasKey = () => key !== "";

/** Forgets the key. */
export const forgetKey = () => keep("");

/** Asks for the key, once for all calls that wait for it. */
function askForKey() {
  const text = key ? "The server does not know this key." : "This server asks for a key. It is kept for this tab only.";
  asking ??= ask({ title: "Key", text, label: "Key", ok: "Continue", secret: true })
    .then((typed) => typed && keep(typed))
    .finally(() => (asking = null));
  return asking;
}

/** The reply to a request, or a CallError. */
export async function send(path, { method = "GET", body, headers = {}, signal } = {}) {
  for (;;) {
    const shown = key;
    const all = { ...headers };
    if (key) all["X-API-Key"] = key;
    if (body !== undefined) all["Content-Type"] = "application/json";
    let reply;
    try {
      reply = await fetch(path, { method, headers: all, signal, body: body === undefined ? undefined : JSON.stringify(body) });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new CallError("offline", "The server cannot be reached.");
    }
    if (reply.ok) return reply;
    if (reply.status !== 401) throw await fault(reply);
    if (shown === key) await askForKey();
    if (shown === key) throw new CallError("key", "A key is needed to go on.");
  }
}

/** The JSON of a reply. */
export async function call(path, options) {
  const reply = await send(path, options);
  return reply.status === 204 ? null : reply.json();
}

const KINDS = { 403: "forbidden", 404: "gone", 409: "full", 429: "rate", 503: "busy", 504: "busy" };

async function fault(reply) {
  let detail;
  try {
    detail = (await reply.json()).detail;
  } catch {
    // What a proxy says is no JSON.
  }
  const message = typeof detail === "string" ? detail : (detail?.[0]?.msg ?? `The server replied ${reply.status}.`);
  const wait = Number.parseInt(reply.headers.get("retry-after") ?? "", 10);
  return new CallError(KINDS[reply.status] ?? "failed", message, Number.isFinite(wait) ? wait : 0);
}

/** Server-sent events, as [name, data], of a request that asks for them. */
export async function* events(path, options) {
  const reply = await send(path, options);
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    let piece;
    try {
      piece = await reader.read();
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new CallError("offline", "The connection broke off.");
    }
    if (piece.done) return;
    rest += piece.value;
    for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
      const event = read(rest.slice(0, end));
      rest = rest.slice(end + 2);
      if (event) yield event;
    }
  }
}

function read(block) {
  let name = "message";
  const data = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
  }
  return data.length > 0 ? [name, JSON.parse(data.join("\n"))] : null;
}

/** A name for a write that may be sent twice. */
export function writeName() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
