// The page at /status: what was not answered, what became of each document, and the way back to an
// earlier generation.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { accessible, check, fits, must, open } from "./browser.mjs";
import { ingest, serve } from "./servers.mjs";

const KEY = "a-key-of-the-status-check-0123456789";
// Two wordings of one question, and one that has nothing to do with them.
const ASKED = ["Who repairs a broken dishwasher?", "Who can repair my broken dishwasher?", "who repairs a broken dishwasher", "Which day is the village fair?"];

async function post(url, path, body) {
  const reply = await fetch(url + path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  must(reply.ok, `${path}: ${reply.status}`);
  return reply.json();
}

/** Runs the checks; `picture` keeps what a person should look at. */
export async function status(browser, folder, picture) {
  writeFileSync(join(folder, "data", "guides", "broken.pdf"), "%PDF-1.7\nno more of it");
  writeFileSync(join(folder, "data", "guides", "picture.png"), Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13));
  writeFileSync(join(folder, "data", "guides", "fuse.md"), "# Fuses\n\nA tripped fuse is switched on again at the board.\n");
  ingest(folder, [0, 1]);
  const server = await serve(folder, { state: "state-status", flags: ["--question-log", "on"] });
  for (const message of ASKED) await post(server.url, "/chat", { message });
  const { session_id } = await post(server.url, "/chat", { message: "What is the usual target depth of mineral wool in a loft?" });
  await post(server.url, "/feedback", { session_id, rating: -1, comment: "I asked for rock wool." });
  const page = await open(browser);
  await page.goto(`${server.url}/status`);

  await check("/status: what was not answered is grouped, most asked first", async () => {
    const first = page.locator("#unanswered summary").first();
    await first.waitFor();
    const all = await page.locator("#unanswered summary").allInnerTexts();
    must(/^3×/.test(all[0]) && /dishwasher/i.test(all[0]), all.join(" | "));
    must(all.length === 2 && /fair/.test(all[1]), all.join(" | "));
    await first.click();
    await page.getByText("Also asked as").first().waitFor();
    await page.locator("#bad summary").click();
    await page.getByText("I asked for rock wool.").waitFor();
    return all.map((text) => text.replace(/\s+/g, " ")).join(" | ");
  });
  await check("/status: each document has its state and reason", async () => {
    await page.locator("#documents tbody tr").first().waitFor();
    const first = await page.locator("#documents tbody tr").first().innerText();
    must(/broken\.pdf/.test(first) && /failed/.test(first), first);
    await page.getByRole("button", { name: /^skipped/ }).click();
    await page.locator("#documents tbody tr", { hasText: "picture.png" }).waitFor();
    await page.getByRole("button", { name: /^all/ }).click();
    await page.getByLabel("Search addresses and titles").fill("FUSE");
    await page.keyboard.press("Enter");
    await page.locator("#documents .pager", { hasText: "1 to 1 of 1" }).waitFor();
    const told = first.replace(/\s+/g, " ");
    await page.getByLabel("Search addresses and titles").fill("");
    await page.keyboard.press("Enter");
    await page.locator("#documents tbody tr", { hasText: "broken.pdf" }).waitFor();
    return told;
  });
  await check("/status: the hour, the last run, no serious fault (axe)", async () => {
    must(await page.locator("#hour dd").first().innerText() === String(ASKED.length + 2), "the requests are not counted");
    must(/1\s*$/.test(await page.locator("#run dl div", { hasText: "Failed" }).innerText()), "the failed source is not counted");
    await fits(page);
    return accessible(page);
  });
  await picture(page, "status-1280-light", { fullPage: true });
  await check("/status: the way back to an earlier generation", async () => {
    const rows = page.locator("#generations tbody tr");
    must(await rows.count() >= 2, "there is one generation");
    await page.getByRole("button", { name: "Make live" }).first().click();
    await page.locator("#dialog-ok").click();
    await rows.nth(1).locator(".tag.live").waitFor();
    const health = await (await fetch(`${server.url}/version`)).json();
    const named = await rows.nth(1).locator("code").innerText();
    must(JSON.stringify(health).includes(named), `${named} does not answer`);
    await page.locator("#documents tbody tr", { hasText: "fuse.md" }).locator(".tag.waiting").waitFor();
  });
  for (const colorScheme of ["dark", "light"]) {
    await check(`/status: on a telephone, ${colorScheme} (axe)`, async () => {
      const small = await open(browser, { viewport: { width: 390, height: 844 }, colorScheme });
      await small.goto(`${server.url}/status`);
      await small.locator("#generations tbody tr").first().waitFor();
      await fits(small);
      await picture(small, `status-390-${colorScheme}`, { fullPage: true });
      return accessible(small);
    });
  }
  const dark = await open(browser, { colorScheme: "dark" });
  await dark.goto(`${server.url}/status`);
  await dark.locator("#generations tbody tr").first().waitFor();
  await picture(dark, "status-1280-dark", { fullPage: true });
  await server.kill();

  await check("/status: a key is asked for, and one without the scope is told", async () => {
    const locked = await serve(folder, { state: "state-status-key", env: { AUTH_API_KEY: KEY } });
    const keyed = await open(browser);
    await keyed.goto(`${locked.url}/status`);
    await keyed.locator("#dialog-input").fill(KEY);
    await keyed.locator("#dialog-ok").click();
    await keyed.locator("#generations tbody tr").first().waitFor();
    await keyed.getByText("Questions are not kept.").waitFor();
    await locked.kill();
  });
}
