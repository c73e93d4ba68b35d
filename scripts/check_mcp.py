"""Talks to `wattwise mcp` and to `POST /mcp` through the official SDK and says what does not hold.

Usage: check_mcp.py WATTWISE INDEX BASE_URL KEY. Every transport is tried with the handshake of old clients
and, where the server has it, with that of new ones.
"""

import asyncio
import json
import os
import sys

import httpx2
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

QUESTION = "What is the usual target depth of mineral wool in a loft?"


def check(name, holds):
    if not holds:
        sys.exit(f"check_mcp: {name} does not hold")
    print(f"ok  {name}")


async def all_resources(client):
    found, cursor = [], None
    while True:
        page = await client.list_resources(cursor=cursor)
        found += page.resources
        cursor = page.next_cursor
        if cursor is None:
            return found


async def check_tools(client, name):
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    check(f"{name}: it has four tools", set(tools) == {"search", "fetch", "answer", "list_documents"})
    check(f"{name}: none of them writes", all(t.annotations.read_only_hint for t in tools.values()))

    found = await client.call_tool("search", {"query": QUESTION})
    results = found.structured_content["results"]
    check(f"{name}: search gives id, title and url", all(r["id"] and r["title"] and r["url"] for r in results))
    check(f"{name}: its text is the same as JSON", json.loads(found.content[0].text) == found.structured_content)
    read = (await client.call_tool("fetch", {"id": results[0]["id"]})).structured_content
    check(f"{name}: fetch reads what search found", "270 mm" in read["text"] and read["id"] == results[0]["id"])
    unknown = await client.call_tool("fetch", {"id": "none"})
    check(f"{name}: an unknown document is an error that a model sees", unknown.is_error)

    steps = []

    async def progress(done, total, message):
        steps.append((done, total))

    said = await client.call_tool("answer", {"question": QUESTION}, progress_callback=progress)
    answer = said.structured_content
    check(f"{name}: the answer has the figure", answer["answered"] and "270 mm" in answer["answer"])
    check(f"{name}: every citation is verified", all(c["verified"] for c in answer["citations"]))
    links = [block for block in said.content if block.type == "resource_link"]
    check(f"{name}: it links to the documents it cites", links)
    check(f"{name}: it tells its progress", steps and steps[-1][0] == steps[-1][1])
    text = (await client.read_resource(links[0].uri)).contents[0].text
    check(f"{name}: a link can be read", answer["citations"][0]["quote"].split("\n")[0] in text)

    first = (await client.call_tool("list_documents", {"limit": 1})).structured_content
    rest = (await client.call_tool("list_documents", {"cursor": first["next_cursor"]})).structured_content
    listed = [d["id"] for d in first["documents"] + rest["documents"]]
    check(f"{name}: documents come in pages", len(set(listed)) == first["total"] == len(listed))
    resources = await all_resources(client)
    check(f"{name}: and are resources", [str(r.uri).rsplit("/", 1)[1] for r in resources] == listed)
    templates = (await client.list_resource_templates()).resource_templates
    check(f"{name}: resources have a template", "{id}" in templates[0].uri_template)
    prompts = (await client.list_prompts()).prompts
    said = await client.get_prompt(prompts[0].name, {"question": QUESTION})
    check(f"{name}: the prompt holds the question", QUESTION in said.messages[0].content.text)


async def is_refused(call):
    try:
        await call
    except MCPError:
        return True
    return False


async def check_errors(client, name):
    check(f"{name}: an unknown tool is refused", await is_refused(client.call_tool("write", {})))
    check(f"{name}: a missing argument is refused", await is_refused(client.call_tool("search", {})))
    unknown = client.read_resource("wattwise://documents/none")
    check(f"{name}: an unknown resource is refused", await is_refused(unknown))


async def main():
    program, index, url, key = sys.argv[1:]
    stdio = StdioServerParameters(
        command=program,
        args=["mcp", "--index", index],
        env={name: value for name, value in os.environ.items() if name.startswith("WATTWISE_")},
    )
    for mode in ("legacy", "auto"):
        async with Client(stdio, mode=mode) as client:
            await check_tools(client, f"stdio, {mode}")
            await check_errors(client, f"stdio, {mode}")
        async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=60) as http:
            transport = streamable_http_client(f"{url}/mcp", http_client=http)
            async with Client(transport, mode=mode) as client:
                await check_tools(client, f"http, {mode}")
                await check_errors(client, f"http, {mode}")

    body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    accept = {"Accept": "application/json, text/event-stream"}
    with httpx2.Client(base_url=url, headers=accept) as http:
        check("http: without a key it is 401", http.post("/mcp", json=body).status_code == 401)
        http.headers["Authorization"] = f"Bearer {key}"
        foreign = http.post("/mcp", json=body, headers={"Origin": "https://evil.example"})
        check("http: a page of another site is 403, with a key too", foreign.status_code == 403)
        check("http: GET and DELETE are 405", http.get("/mcp").status_code == http.delete("/mcp").status_code == 405)


asyncio.run(main())
