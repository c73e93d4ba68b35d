// What the checks of the page share: the browser, what a person sees, and the table of results.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.env.NODE_MODULES, "x.js"));
const { chromium } = require("playwright-core");
const { source: axe } = require("axe-core");

export const QUESTION = "What is the usual target depth of mineral wool in a loft?";

const results = [];

/** Runs one check; what it returns is printed beside its name. */
export async function check(name, run) {
  const began = performance.now();
  try {
    const told = await run();
    results.push({ name, ok: true, told: told ?? "" });
  } catch (error) {
    results.push({ name, ok: false, told: String(error.message).split("\n").slice(0, 6).join(" ") });
  }
  const { ok, told } = results.at(-1);
  console.log(`${ok ? "ok    " : "FAILED"} ${name.padEnd(58)} ${String(Math.round(performance.now() - began)).padStart(6)} ms  ${told}`);
}

/** Whether all went well. */
export function verdict() {
  const failed = results.filter((result) => !result.ok);
  console.log(`${results.length} checks, ${failed.length} failed`);
  return failed.length === 0;
}

export function must(condition, message) {
  if (!condition) throw new Error(message);
}

export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? "chromium", args: ["--no-sandbox", "--disable-dev-shm-usage"] });

/** What went wrong in a page: errors of scripts and what the policy refused. */
const faults = [];
export const faultsSeen = () => faults;

/** A page of its own in a context of its own. */
export async function open(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: "light", ...options });
  if (process.env.WEB) await context.route(/\/(assets\/.*|status)?$/, fromFolder);
  const page = await context.newPage();
  page.setDefaultTimeout(45_000);
  page.on("pageerror", (error) => faults.push(`${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" && /Content Security Policy|Trusted/.test(message.text())) faults.push(message.text());
  });
  return page;
}

/** With WEB=web the files are those of the folder, under the program's headers: no build between two looks. */
async function fromFolder(route) {
  const response = await route.fetch().catch(() => null);
  if (!response) return route.abort();
  const last = new URL(route.request().url()).pathname.split("/").at(-1);
  const name = last === "status" ? "status/index.html" : last.startsWith("status.") ? `status/${last}` : last || "index.html";
  const text = readFileSync(join(process.env.WEB, name), "utf8");
  const version = /\/assets\/[0-9a-f]+/.exec(await response.text())?.[0] ?? "";
  await route.fulfill({ response, body: text.replaceAll("{assets}", version) });
}

/** Asks and waits for the end of the answer; the last turn and the server's own reply. */
export async function askIn(page, text) {
  const replied = page.waitForResponse((response) => response.url().endsWith("/chat"));
  await page.getByLabel("Your question").fill(text);
  await page.getByRole("button", { name: "Ask", exact: true }).click();
  const turn = page.locator(".turn").last();
  // The browser's protocol may hand out streams of events as Latin-1, though they are UTF-8.
  const told = await (await replied).text();
  const isLatin = [...told].every((letter) => letter.codePointAt(0) < 256);
  const stream = isLatin ? Buffer.from(told, "latin1").toString("utf8") : told;
  const whole = stream.split("\n\n").find((block) => block.startsWith("event: final_answer"));
  await turn.locator(".tools").waitFor();
  return { turn, reply: JSON.parse(whole.slice(whole.indexOf("data:") + 5)) };
}

const plain = (text) => text.replace(/\s+/g, " ").trim();

/** Opens each citation of a turn and compares what is marked with the quote. */
export async function followCitations(page, turn, citations) {
  let followed = 0;
  for (const citation of citations) {
    await turn.locator(`.cite[data-marker="${citation.marker}"]`).first().click();
    await page.locator("#source mark").first().waitFor();
    await page.waitForTimeout(50);
    const seen = await page.evaluate(() => {
      const marks = [...document.querySelectorAll("#source mark")];
      const [view, box] = [document.querySelector("#source .text").getBoundingClientRect(), marks[0].getBoundingClientRect()];
      const inside = box.top >= view.top - 1 && box.top < view.bottom && box.left >= 0 && box.right <= innerWidth + 1;
      return { text: marks.map((mark) => mark.textContent).join(" "), inside, head: document.querySelector("#source header").innerText };
    });
    // A cell's bar is marked by itself.
    const bare = (text) => plain(text).replaceAll(" ", "");
    must(bare(seen.text) === bare(citation.quote), `marked ${JSON.stringify(seen.text)} for ${JSON.stringify(citation.quote)}`);
    must(seen.inside, `the mark of ${citation.marker} is out of view`);
    for (const part of [citation.title, /Changed|Read/.exec(seen.head)?.[0]]) must(part && seen.head.includes(part), `no ${part} in ${seen.head}`);
    followed += 1;
  }
  must(followed > 0, "the answer has no citations");
  return followed;
}

/** Faults that axe-core calls serious or critical. */
export async function accessible(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  const grave = found.violations.filter((fault) => ["serious", "critical"].includes(fault.impact));
  const told = grave.map((fault) => `${fault.id}: ${fault.nodes.map((node) => node.target.join(" ")).join(", ")}`);
  must(grave.length === 0, told.join("; "));
  return `${found.violations.length} of any weight, ${found.passes.length} rules passed`;
}

/** Nothing is wider than the window. */
export async function fits(page) {
  const [wide, window] = await page.evaluate(() => [document.scrollingElement.scrollWidth, innerWidth]);
  must(wide <= window, `${wide} pixels wide in a window of ${window}`);
}
