// Makes calls through clients of Node and prints a row each for scripts/check_clients.py: client, feature, and
// null or what went wrong. Usage: node check_clients.mjs BASE_URL KEY, in a folder with the packages.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const QUESTION = "What is the usual target depth of mineral wool in a loft?";
const [url, key] = process.argv.slice(2);
const here = createRequire(pathToFileURL(`${process.cwd()}/`));

async function load(client, name) {
  try {
    return await import(pathToFileURL(here.resolve(name)));
  } catch (error) {
    console.log(JSON.stringify({ client, feature: "installed", fault: String(error.message) }));
    return null;
  }
}

async function run(client, feature, call) {
  let fault = null;
  try {
    if (!(await call())) fault = "the reply is not what it should be";
  } catch (error) {
    fault = `${error.name}: ${error.message}`.slice(0, 300);
  }
  console.log(JSON.stringify({ client, feature, fault }));
}

const openai = await load("openai (Node)", "openai");
if (openai) {
  const client = new openai.OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
  const ask = { model: "wattwise", messages: [{ role: "user", content: QUESTION }] };
  await run("openai (Node)", "answer", async () => {
    const whole = await client.chat.completions.create(ask);
    return whole.choices[0].message.content.includes("270 mm") && whole.choices[0].message.annotations.length;
  });
  await run("openai (Node)", "stream", async () => {
    let deltas = 0;
    for await (const chunk of await client.chat.completions.create({ ...ask, stream: true })) {
      if (chunk.choices[0]?.delta.content) deltas += 1;
    }
    return deltas > 1;
  });
  await run("openai (Node)", "responses", async () => {
    const whole = await client.responses.create({ model: "wattwise", input: QUESTION });
    return whole.output_text.includes("270 mm");
  });
  await run("openai (Node)", "embeddings", async () => {
    const made = await client.embeddings.create({ model: "wattwise-embedding", input: "one" });
    return made.data[0].embedding.length > 100;
  });
}

const ai = await load("Vercel ai", "ai");
const compatible = await load("Vercel ai", "@ai-sdk/openai-compatible");
const native = await load("Vercel ai", "@ai-sdk/openai");
if (ai && compatible && native) {
  const chat = compatible.createOpenAICompatible({
    name: "wattwise", baseURL: `${url}/v1`, apiKey: key, supportsStructuredOutputs: true,
  });
  const own = native.createOpenAI({ baseURL: `${url}/v1`, apiKey: key });
  await run("Vercel ai", "answer", async () => {
    const { text } = await ai.generateText({ model: chat("wattwise"), prompt: QUESTION });
    return text.includes("270 mm");
  });
  await run("Vercel ai", "stream", async () => {
    const { textStream } = ai.streamText({ model: chat("wattwise"), prompt: QUESTION });
    let text = "";
    for await (const delta of textStream) text += delta;
    return text.includes("270 mm");
  });
  await run("Vercel ai", "structured", async () => {
    const schema = ai.jsonSchema({
      type: "object", required: ["answer"], additionalProperties: false,
      properties: { answer: { type: "string" } },
    });
    const { object } = await ai.generateObject({ model: chat("wattwise"), prompt: QUESTION, schema });
    return object.answer.includes("270 mm");
  });
  await run("Vercel ai", "responses", async () => {
    const { text, sources } = await ai.generateText({ model: own.responses("wattwise"), prompt: QUESTION });
    return text.includes("270 mm") && sources.length;
  });
  await run("Vercel ai", "embeddings", async () => {
    const { embedding } = await ai.embed({ model: own.embedding("wattwise-embedding"), value: "one" });
    return embedding.length > 100;
  });
}

// The answer as two front ends lay it out: by the packages that they turn Markdown into a page with. The front ends
// themselves are not installed: the one needs several GB of CUDA libraries, the other MongoDB.
const file = (name) => `${process.cwd()}/node_modules/${name}`;
const marked = await load("Open WebUI (its renderer, marked)", file("marked/lib/marked.esm.js"));
const react = await load("LibreChat (its renderer, react-markdown)", "react");
if (marked || react) {
  const reply = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${key}` },
    body: JSON.stringify({ model: "wattwise", messages: [{ role: "user", content: QUESTION }] }),
  });
  const { content } = (await reply.json()).choices[0].message;
  const layouts = {};
  if (marked) layouts["Open WebUI (its renderer, marked)"] = async () => marked.parse(content);
  if (react) {
    layouts["LibreChat (its renderer, react-markdown)"] = async () => {
      const { renderToStaticMarkup } = (await import(pathToFileURL(here.resolve("react-dom/server")))).default;
      const { default: Markdown } = await import(pathToFileURL(file("react-markdown/index.js")));
      const { default: gfm } = await import(pathToFileURL(file("remark-gfm/index.js")));
      const create = react.default.createElement;
      return renderToStaticMarkup(create(Markdown, { remarkPlugins: [gfm] }, content));
    };
  }
  for (const [client, layout] of Object.entries(layouts)) {
    await run(client, "sources shown", async () => {
      const html = await layout();
      if (process.env.SHOW) console.error(`${client}\n${html}\n`);
      return html.includes("270 mm") && /<ol>\s*<li>\s*<a href="http[^"]*">[^<]+<\/a>/.test(html);
    });
  }
}
