// What goes wrong around the page: no key, too many questions, a model or a server that goes away.

import { QUESTION, askIn, check, followCitations, must, open } from "./browser.mjs";
import { serve, slowModel } from "./servers.mjs";

const KEY = "a-key-of-the-check-0123456789";
const SAID = "The usual target depth of mineral wool in a loft is about 270 mm. [1] It is laid in two layers across each other. [1]";

export async function faults(browser, folder) {
  await keys(browser, folder);
  await rates(browser, folder);
  await models(browser, folder);
}

async function keys(browser, folder) {
  const server = await serve(folder, { state: "state-key", env: { AUTH_API_KEY: KEY } });
  await check("a key is asked for, kept for the tab, and opens files", async () => {
    const page = await open(browser);
    await page.goto(server.url);
    for (const key of ["wrong", KEY]) {
      await page.locator("#dialog-input").fill(key);
      await page.locator("#dialog-ok").click();
    }
    await page.locator(".topics button").first().waitFor();
    const { turn, reply } = await askIn(page, QUESTION);
    await followCitations(page, turn, reply.citations);
    const opened = page.context().waitForEvent("page");
    await page.locator("#source header a").click();
    must((await opened).url().startsWith("blob:") || (await opened).url() === "about:blank", "the file did not open");
    await page.reload();
    await page.locator(".turn").first().waitFor();
    const held = await page.evaluate((key) => [Object.values(localStorage).includes(key), document.cookie.includes(key)], KEY);
    must(!held[0] && !held[1], "the key is kept beyond the tab");
    const other = await page.context().newPage();
    await other.goto(server.url);
    await other.locator("#dialog-input").waitFor();
    await page.getByRole("button", { name: "Forget key" }).click();
    await page.locator("#dialog-input").waitFor();
    await page.context().close();
  });
  await server.kill();
}

async function rates(browser, folder) {
  const server = await serve(folder, { state: "state-rate", flags: ["--requests-per-minute", "12"] });
  await check("too many questions: a countdown, and then it goes on", async () => {
    const page = await open(browser);
    await page.goto(server.url);
    await page.locator(".topics button").first().waitFor();
    for (let asked = 0; asked < 15; asked += 1) {
      await page.getByLabel("Your question").fill(`${QUESTION} ${asked}`);
      await page.getByRole("button", { name: "Ask", exact: true }).click();
      await page.getByRole("button", { name: "Ask", exact: true }).waitFor();
      if ((await page.getByText(/Again in \d+ s/).count()) > 0) break;
    }
    const again = page.getByRole("button", { name: "Try again" });
    must(await again.isDisabled(), "it may be asked at once");
    await page.getByRole("button", { name: "Try again", disabled: false }).waitFor();
    await again.click();
    await page.locator(".turn").last().locator(".tools").waitFor();
    await page.context().close();
  });
  await server.kill();
}

async function models(browser, folder) {
  const model = await slowModel(SAID, 150);
  const flags = ["--generator", "ollama", "--chat-url", model.url, "--chat-model", model.name, "--chat-retries", "0"];
  let server = await serve(folder, { state: "state-model", flags });
  const page = await open(browser);
  const ask = async (text) => {
    await page.getByLabel("Your question").fill(text);
    await page.getByRole("button", { name: "Ask", exact: true }).click();
    await page.locator(".turn").last().locator(".answer", { hasText: "usual target" }).waitFor();
  };
  await check("the answer grows while it is written, and stops when told", async () => {
    await page.goto(server.url);
    await ask(QUESTION);
    await page.getByRole("button", { name: "Stop" }).click();
    await page.locator("#thread").getByText("Stopped.").waitFor();
    const text = await page.locator(".turn .answer").last().textContent();
    must(!text.includes("each other"), `it went on: ${text}`);
    return JSON.stringify(text);
  });
  await check("the network is lost in mid-stream, and the answer comes after it", async () => {
    await page.getByRole("button", { name: "New conversation" }).click();
    await page.locator(".start").waitFor();
    await ask(`${QUESTION} Say.`);
    await server.kill();
    await page.locator("#thread").getByText("The connection broke off.").waitFor();
    must((await page.locator("#banner").textContent()).includes("cannot be reached"), "the page does not say it");
    server = await serve(folder, { state: "state-model", flags, bind: server.address });
    await page.getByText("The server is there again.").waitFor();
    await page.getByRole("button", { name: "Try again" }).click();
    await page.locator(".turn").last().locator(".tools").waitFor();
    const session = new URL(page.url()).hash.slice(1);
    const kept = await (await page.request.get(`${server.url}/sessions/${session}`)).json();
    must(kept.messages.length === 1 && kept.records.length === 1, `${kept.messages.length} messages, ${kept.records.length} answers`);
  });
  await check("without its model: answered from the documents, and said so", async () => {
    model.close();
    await page.getByRole("button", { name: "New conversation" }).click();
    const { reply } = await askIn(page, `${QUESTION} Without it.`);
    must(reply.degraded, "not degraded");
    await page.getByText("from the documents alone").waitFor();
  });
  await check("offline, and back", async () => {
    await page.context().setOffline(true);
    await page.locator("#banner", { hasText: "cannot be reached" }).waitFor();
    await page.context().setOffline(false);
    await page.getByText("The server is there again.").waitFor();
  });
  await page.context().close();
  await server.kill();
}
