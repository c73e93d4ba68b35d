// The page in a real browser. Run it by scripts/check_page.sh.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { QUESTION, accessible, askIn, check, faultsSeen, fits, followCitations, launch, must, open, verdict } from "./browser.mjs";
import { faults } from "./faults.mjs";
import { status } from "./status.mjs";
import { cleanUp, ingest, prepare, serve } from "./servers.mjs";

const pictures = fileURLToPath(new URL("../../target/check-page/pictures", import.meta.url));
mkdirSync(pictures, { recursive: true });
const picture = (page, name, options) => page.screenshot({ path: join(pictures, `${name}.png`), ...options });

/** Answered from a page of HTML, a table, several rows, and lists of a PDF. */
const KINDS = ["What does the standing charge on my bill pay for?", "How deep should blown cellulose be?", "What are the steps to draught-proof a door?", "What should I check before winter?", "When should the heat pump be serviced?"];

/** What answers may be written in, and what must stay text in them. */
const TEXT = `First **bold _x_** and *em* and \`a*b\` [1].
Second line, 2 * 3 * 4, **open, [link](javascript:alert(1)) <b>raw</b> \\*kept\\*

- one
  - inner [2]
  - inner two

- two

1. first
2. second

| a | b |
| --- | :-: |
| 1 \\| 2 | **3** |

### Head
> quoted

\`\`\`
<script>code</script>
\`\`\``;

const folder = prepare();
const browser = await launch();
try {
  const server = await serve(folder);
  await asking(server);
  await sizes(server);
  await newDocuments(server);
  await server.kill();
  await faults(browser, folder);
  await status(browser, folder, picture);
  await check("no script failed and the policy refused nothing", () => must(faultsSeen().length === 0, faultsSeen().join("; ")));
} finally {
  await browser.close();
  cleanUp(folder);
}
process.exit(verdict() ? 0 : 1);

async function asking(server) {
  const page = await open(browser, { permissions: ["clipboard-read", "clipboard-write"] });
  await check("first paint, and nothing moves", async () => {
    await page.addInitScript(() => {
      globalThis.shifts = 0;
      new PerformanceObserver((list) => {
        for (const shift of list.getEntries()) if (!shift.hadRecentInput) globalThis.shifts += shift.value;
      }).observe({ type: "layout-shift", buffered: true });
    });
    await page.goto(server.url);
    await page.locator(".topics button").first().waitFor();
    const paints = [];
    for (let time = 0; time < 5; time += 1) {
      await page.reload();
      await page.locator(".topics button").first().waitFor();
      paints.push(await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime));
    }
    const [median, shifts] = [paints.sort((a, b) => a - b)[2], await page.evaluate(() => globalThis.shifts)];
    must(shifts < 0.02, `layout shift ${shifts}`);
    return `first contentful paint ${Math.round(median)} ms (median of 5), layout shift ${shifts.toFixed(3)}`;
  });
  await check("no serious fault at the start (axe)", () => accessible(page));
  await picture(page, "start-1280-light");
  await check("a suggested question is answered", async () => {
    const topic = page.locator(".topics button").first();
    const text = await topic.innerText();
    await topic.click();
    await page.locator(".turn .sources button").first().waitFor();
    return text;
  });
  await page.getByRole("button", { name: "New conversation" }).click();
  await page.locator(".topics button").first().waitFor();
  let first;
  await check("each citation opens on its quote, in view", async () => {
    first = await askIn(page, QUESTION);
    const told = await followCitations(page, first.turn, first.reply.citations);
    return `${told} citations`;
  });
  await picture(page, "answer-1280-light");
  await check("no serious fault beside a source (axe)", () => accessible(page));
  await check("the stream is told to readers of screens", async () => {
    const live = await page.locator("#live").textContent();
    must(live.includes("Source") && live.includes(first.reply.citations.at(-1).quote.slice(0, 20)), live);
  });
  await check("the original of a source is served", async () => {
    const href = await page.locator("#source header a").getAttribute("href");
    const file = await page.request.get(new URL(href, server.url).href.split("#")[0]);
    must(file.ok() && (await file.body()).length > 1000, `${href} gave ${file.status()}`);
  });
  await page.keyboard.press("Escape");
  let second;
  await check("a follow-up stays in the conversation", async () => {
    second = await askIn(page, "And how much does it cost?");
    must(second.reply.session_id === first.reply.session_id, "another session");
    must((await page.locator(".turn").count()) === 2, "not two turns");
    return JSON.stringify(second.reply.summary.slice(0, 60));
  });
  await check("tables, lists and files of every kind open on the quote", async () => {
    const met = new Set();
    let followed = 0;
    for (const text of KINDS) {
      const { turn, reply } = await askIn(page, text);
      if (reply.citations.length > 0) followed += await followCitations(page, turn, reply.citations);
      if (reply.citations.some((citation) => citation.page)) {
        met.add("pages");
        must(/page \d/.test(await page.locator("#source header").innerText()), "no page is named");
        must(/\/file#page=\d/.test(await page.locator("#source header a").getAttribute("href")), "the link names no page");
      }
      if ((await page.locator("#source td mark").count()) > 0) met.add("tables");
      if ((await page.locator("#source li mark").count()) > 0) met.add("lists");
      await page.keyboard.press("Escape");
    }
    must(met.size === 3, `only ${[...met].join(", ")}`);
    return `${followed} citations in ${[...met].join(", ")}`;
  });
  await check("a refusal leads to what is there", async () => {
    const { turn, reply } = await askIn(page, "Who won the football world cup in 1998?");
    must(!reply.answered, "it was answered");
    await turn.locator(".next .topics button").first().waitFor();
    await picture(page, "refusal-1280-light");
    await turn.locator(".next .topics button").first().click();
    await page.locator(".turn").last().locator(".tools").waitFor();
  });
  await check("Markdown becomes elements, and markup in it does not", () => markdown(page));
  await check("markup in a question stays text", async () => {
    const { turn } = await askIn(page, '<img src=x onerror="alert(1)"> **bold** loft?');
    must((await turn.locator("img").count()) === 0, "an element was made");
    must((await turn.locator("h2").textContent()).startsWith("<img"), "the text is gone");
  });
  await check("a bad answer is rated with a reason", async () => {
    const { reply } = second;
    await page.locator(".turn").first().getByLabel("Bad answer").click();
    await page.getByRole("button", { name: "Out of date" }).click();
    await page.locator('.turn [aria-label="Bad answer"][aria-pressed="true"]').waitFor();
    const kept = await (await page.request.get(`${server.url}/sessions/${reply.session_id}`)).json();
    must(kept.feedback[0].rating === -1 && kept.feedback[0].comment.includes("Out of date"), JSON.stringify(kept.feedback));
  });
  await check("copied with sources", async () => {
    await page.locator(".turn").first().getByText("Copy with sources").click();
    await page.getByText("Copied").first().waitFor();
    const text = await page.evaluate(() => navigator.clipboard.readText());
    must(text.includes("[1]") && text.includes(first.reply.citations[0].quote.split("\n")[0]), text);
  });
  await conversations(page, server, first);
  await page.context().close();
}

async function markdown(page) {
  const made = await page.evaluate(async (text) => {
    const module = document.querySelector('script[type="module"]').src.replace("app.js", "markdown.js");
    const { blocks, element } = await import(module);
    const place = document.createElement("div");
    const cite = (marker) => Object.assign(document.createElement("button"), { textContent: `cite ${marker}` });
    place.append(...blocks(text).map((block) => element(block, cite)));
    // Whatever a model writes, it is drawn in one go through it.
    for (const hostile of ["*", "**", "`", "[1]", "> ", "- ", "| ", "# "]) blocks(hostile.repeat(20_000)).map((block) => element(block, cite));
    return place.outerHTML.replace(/ (dir|tabindex|class)="[^"]*"/g, "");
  }, TEXT);
  for (const part of ["<strong>bold _x_</strong>", "<em>em</em>", "<code>a*b</code><button>", "2 * 3 * 4, **open", "[link](javascript:alert(1)) &lt;b&gt;raw&lt;/b&gt; *kept*", "<ul><li>one<ul><li>inner<button>", "</ul></li><li>two</li></ul>", '<ol start="1"><li>first</li><li>second</li></ol>', "<td>1 | 2</td><td><strong>3</strong></td>", "<h4>Head</h4>", "<blockquote>quoted</blockquote>", "&lt;script&gt;code&lt;/script&gt;"]) {
    must(made.includes(part), `no ${part} in ${made}`);
  }
}

async function conversations(page, server, first) {
  const session = first.reply.session_id;
  await check("renamed, and still so when it is opened again", async () => {
    await page.getByRole("button", { name: "Rename", exact: true }).click();
    await page.getByRole("textbox", { name: "Name" }).fill("Loft <b>questions</b>");
    await page.keyboard.press("Enter");
    await page.locator("#sessions").getByText("Loft <b>questions</b>").waitFor();
    await page.reload();
    await page.locator("#title", { hasText: "Loft <b>questions</b>" }).waitFor();
  });
  await check("an earlier answer still opens its sources", async () => {
    const turn = page.locator(".turn").first();
    await turn.locator(".sources button").first().waitFor();
    return `${await followCitations(page, turn, first.reply.citations)} citations`;
  });
  await page.keyboard.press("Escape");
  await check("exported as Markdown", async () => {
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Export", exact: true }).click()]);
    const text = readFileSync(await download.path(), "utf8");
    for (const part of ["# Loft", `## ${QUESTION}`, first.reply.citations[0].quote.split("\n")[0]]) must(text.includes(part), `no ${part}`);
    return `${download.suggestedFilename()}, ${text.length} bytes`;
  });
  await check("printed without what is not read", async () => {
    await page.emulateMedia({ media: "print" });
    must(!(await page.locator("#ask").isVisible()) && !(await page.locator("#side").isVisible()), "controls are printed");
    must(await page.locator(".answer").first().isVisible(), "the answer is not");
    await page.emulateMedia({ media: "screen" });
  });
  await check("deleted for good, after a question", async () => {
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    await page.getByRole("button", { name: "Cancel" }).click();
    must((await page.request.get(`${server.url}/sessions/${session}`)).ok(), "gone without a yes");
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    await page.locator("#dialog-ok").click();
    await page.locator(".start").waitFor();
    must((await page.request.get(`${server.url}/sessions/${session}`)).status() === 404, "still there");
  });
}

async function sizes(server) {
  await check("on a telephone: menu, question, source", async () => {
    const page = await open(browser, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, colorScheme: "dark" });
    await page.goto(server.url);
    await page.locator(".topics button").first().waitFor();
    await fits(page);
    await picture(page, "start-390-dark");
    const { turn, reply } = await askIn(page, QUESTION);
    await picture(page, "answer-390-dark");
    await fits(page);
    await followCitations(page, turn, reply.citations);
    await fits(page);
    await picture(page, "source-390-dark");
    await accessible(page);
    await page.getByRole("button", { name: "Close" }).click();
    await page.getByRole("button", { name: "Conversations" }).click();
    await page.locator("#sessions button").first().waitFor();
    await picture(page, "menu-390-dark");
    await page.locator("#sessions button").first().click();
    await page.locator(".turn").first().waitFor();
    must(await page.locator("#side").evaluate((side) => side.inert), "the menu stays in the way");
    await page.context().close();
  });
  await check("light on a telephone and dark on a desk (axe)", async () => {
    const small = await open(browser, { viewport: { width: 390, height: 844 } });
    await small.goto(server.url);
    await askIn(small, QUESTION);
    await picture(small, "answer-390-light");
    await accessible(small);
    const dark = await open(browser, { colorScheme: "dark" });
    await dark.goto(server.url);
    const { turn, reply } = await askIn(dark, QUESTION);
    await followCitations(dark, turn, reply.citations.slice(0, 1));
    await picture(dark, "answer-1280-dark");
    const told = await accessible(dark);
    await dark.getByRole("button", { name: "Dark or light" }).click();
    must((await dark.evaluate(() => document.documentElement.dataset.theme)) === "light", "the button does nothing");
    await small.context().close();
    await dark.context().close();
    return told;
  });
  await check("by the keyboard alone", async () => {
    const page = await open(browser);
    await page.goto(server.url);
    await page.locator(".topics button").first().waitFor();
    await page.evaluate(() => {
      document.body.tabIndex = -1;
      document.body.focus();
    });
    await page.keyboard.press("Tab");
    must((await page.evaluate(() => document.activeElement.className)) === "skip", "the first stop is not the way past the menu");
    await page.keyboard.press("Enter");
    await page.keyboard.type(QUESTION);
    await page.keyboard.press("Enter");
    await page.locator(".turn .tools").waitFor();
    for (let stops = 0; stops < 30; stops += 1) {
      await page.keyboard.press("Shift+Tab");
      if (await page.evaluate(() => document.activeElement.classList.contains("cite"))) break;
    }
    await page.keyboard.press("Enter");
    await page.locator("#source mark").first().waitFor();
    must(await page.evaluate(() => document.querySelector("#source").contains(document.activeElement)), "the source has not the focus");
    await page.keyboard.press("Escape");
    must(await page.evaluate(() => document.activeElement.classList.contains("cite")), "the focus is lost");
    await page.context().close();
  });
  await check("from right to left", async () => {
    const page = await open(browser);
    await page.goto(server.url);
    const { turn } = await askIn(page, "ما هو العمق المعتاد للصوف المعدني؟");
    must((await turn.locator("h2").evaluate((head) => getComputedStyle(head).direction)) === "rtl", "the question runs the wrong way");
    await page.context().close();
  });
  await check("at 200 % zoom", async () => {
    const page = await open(browser, { viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 });
    await page.goto(server.url);
    const { turn, reply } = await askIn(page, QUESTION);
    await fits(page);
    await page.getByLabel("Your question").scrollIntoViewIfNeeded();
    must(await page.getByLabel("Your question").isVisible(), "no place to ask");
    await followCitations(page, turn, reply.citations);
    await page.context().close();
  });
  await check("the list of documents, and one of them to its end", async () => {
    const page = await open(browser);
    await page.goto(server.url);
    await page.getByRole("button", { name: "Documents" }).click();
    await page.locator("#source li button").first().waitFor();
    const count = await page.locator("#source li button").count();
    await page.locator("#source li button", { hasText: "handbook" }).first().click();
    const later = page.getByText("Show what comes after");
    for (let more = 0; more < 30 && (await later.isVisible()); more += 1) {
      await later.click();
      await page.waitForTimeout(100);
    }
    must(!(await later.isVisible()), "it has no end");
    await picture(page, "document-1280-light");
    await page.context().close();
    return `${count} documents`;
  });
}

async function newDocuments(server) {
  await check("new documents are told while the page is open", async () => {
    if (process.env.INDEX) return "not run: the index was given";
    const page = await open(browser);
    await page.goto(server.url);
    await page.locator(".topics button").first().waitFor();
    await page.waitForTimeout(500);
    writeFileSync(join(folder, "data/guides/tumble.md"), "# Zeppelins\n\nA zeppelin of the test is 245 m long.\n");
    ingest(folder);
    await page.waitForTimeout(2500);
    await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    await page.getByText("The documents have been updated").waitFor();
    const { reply } = await askIn(page, "How long is a zeppelin of the test?");
    must(reply.summary.includes("245"), reply.summary);
    await page.context().close();
  });
}
