// Asks a question with fetch and prints the answer while it is written. Runs in Node 20 and in browsers.
// Usage: [WATTWISE_URL=…] [WATTWISE_KEY=…] node stream.mjs QUESTION

/** The events of a reply of `text/event-stream`, as `{event, data}` with the data parsed. */
export async function* events(response) {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of response.body) {
    text += decoder.decode(bytes, { stream: true });
    const blocks = text.split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const lines = block.split("\n");
      const field = (name) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      // A comment keeps the connection open and has no data.
      if (field("data")) yield { event: field("event"), data: JSON.parse(field("data")) };
    }
  }
}

/** Asks a question and gives the events of its answer. */
export async function* ask(question, { url = "http://127.0.0.1:8000", key } = {}) {
  const response = await fetch(`${url}/chat`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...(key && { Authorization: `Bearer ${key}` }) },
    body: JSON.stringify({ message: question, stream: true }),
  });
  if (!response.ok) throw new Error((await response.json()).detail);
  yield* events(response);
}

if (import.meta.url === `file://${process.argv[1]}`) {
  const { WATTWISE_URL: url, WATTWISE_KEY: key } = process.env;
  for await (const { event, data } of ask(process.argv.slice(2).join(" "), { url, key })) {
    if (event === "message") process.stdout.write(data.text);
    if (event === "final_answer") {
      for (const { marker, title, link } of data.citations) console.log(`\n[${marker}] ${title}: ${link}`);
    }
    if (event === "error") throw new Error(data.detail);
  }
}
