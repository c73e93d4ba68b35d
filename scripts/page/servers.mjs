// Servers for the check of the page: Wattwise itself, and a double of a language model that is slow.

import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const program = process.env.WATTWISE;
const root = fileURLToPath(new URL("../..", import.meta.url));
const running = new Set();

/** A folder with the shipped documents and an index of them. */
export function prepare() {
  const folder = mkdtempSync(join(tmpdir(), "check-page-"));
  mkdirSync(join(folder, "data"));
  for (const name of ["guides", "pdfs"]) cpSync(join(root, "data", name), join(folder, "data", name), { recursive: true });
  if (process.env.INDEX && existsSync(process.env.INDEX)) symlinkSync(process.env.INDEX, join(folder, "index"));
  else ingest(folder);
  return folder;
}

/** Reads the documents again; what may be wrong with some of them ends it with another status. */
export function ingest(folder, allowed = [0]) {
  const done = spawnSync(program, ["ingest", "--docs", "data/guides", "data/pdfs", "--index", "index"], { cwd: folder, encoding: "utf8" });
  if (!allowed.includes(done.status)) throw new Error(`ingest ended with ${done.status}: ${done.stderr}`);
}

/** Starts the server; `kill` ends it without mercy. */
export async function serve(folder, { bind = "127.0.0.1:0", state = "state", flags = [], env = {} } = {}) {
  const all = ["serve", "--index", "index", "--state", state, "--bind", bind, "--log-format", "json", "--reload-interval", "1", ...flags];
  const child = spawn(program, all, { cwd: folder, env: { ...process.env, ...env }, stdio: ["ignore", "ignore", "pipe"] });
  running.add(child);
  const log = [];
  const address = await new Promise((found, failed) => {
    createInterface({ input: child.stderr }).on("line", (line) => {
      log.push(line);
      const seen = /"server.address":"([^"]+)"/.exec(line);
      if (seen) found(seen[1]);
    });
    child.on("exit", () => failed(new Error(`the server ended: ${log.join("\n")}`)));
  });
  const kill = () => new Promise((done) => {
    running.delete(child);
    if (child.exitCode !== null || child.signalCode !== null) return done();
    child.on("exit", done);
    child.kill("SIGKILL");
  });
  return { url: `http://${address}`, address, log, kill };
}

/** Ends what runs and removes the folder. */
export function cleanUp(folder) {
  for (const child of running) child.kill("SIGKILL");
  if (folder) rmSync(folder, { recursive: true, force: true });
}

/** A double of Ollama's chat API that says `words` one by one, `pause` milliseconds apart. */
export async function slowModel(words, pause) {
  const name = "slow:latest";
  const server = createServer(async (request, reply) => {
    if (request.url === "/api/tags") {
      reply.setHeader("content-type", "application/json");
      reply.end(JSON.stringify({ models: [{ name, modified_at: "2026-01-01T00:00:00Z", size: 1 }] }));
      return;
    }
    request.resume();
    reply.setHeader("content-type", "application/x-ndjson");
    const line = (content, done) => `${JSON.stringify({ model: name, created_at: "2026-01-01T00:00:00Z", message: { role: "assistant", content }, done })}\n`;
    for (const word of words.split(/(?<= )/)) {
      if (reply.destroyed) return;
      reply.write(line(word, false));
      await new Promise((next) => setTimeout(next, pause));
    }
    reply.end(line("", true));
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { name, url: `http://127.0.0.1:${server.address().port}`, close };
}
