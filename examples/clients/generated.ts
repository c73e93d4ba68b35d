// The five calls of a conversation with types that were generated from /openapi.json.
//
// npm install openapi-fetch openapi-typescript typescript
// npx openapi-typescript http://127.0.0.1:8000/openapi.json -o wattwise.d.ts
//
// Usage: [WATTWISE_URL=…] [WATTWISE_KEY=…] node generated.js QUESTION

import createClient from "openapi-fetch";
import type { paths } from "./wattwise.d.ts";

declare const process: { argv: string[]; env: Record<string, string | undefined> };
const { WATTWISE_URL: url = "http://127.0.0.1:8000", WATTWISE_KEY: key } = process.env;
// Answers come as JSON, or as events where those are asked for.
const client = createClient<paths, "application/json">({ baseUrl: url, headers: key ? { Authorization: `Bearer ${key}` } : {} });

/** The data of a reply, or its error. */
function data<T>(reply: { data?: T; error?: unknown }): T {
  if (reply.data === undefined) throw new Error(JSON.stringify(reply.error));
  return reply.data;
}

const question = process.argv.slice(2).join(" ");
const { session_id } = data(await client.POST("/get_session_id"));
data(await client.POST("/ask", { params: { query: { session_id } }, body: { message: question } }));
const found = data(await client.POST("/retrieve_contexts", { params: { query: { session_id } } }));
const { contexts, message_history } = found;
const answer = data(await client.POST("/generate_summary", { body: { session_id, contexts, message_history } }));
console.log(answer.summary);
for (const { marker, title, link } of answer.citations) console.log(`[${marker}] ${title}: ${link}`);
data(await client.POST("/save_records", { body: { session_id, summary: answer.summary } }));
