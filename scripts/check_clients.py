"""Makes the same calls through each client library and prints what works in which, as a table.

Usage: check_clients.py BASE_URL KEY [FILE]: BASE_URL without /v1; FILE holds rows of other programs, a line
each, as JSON: client, feature, and null or what went wrong. A client that is not installed has a row that
says so. Exit status 1 if a call of an installed client fails.
"""

import asyncio
import importlib
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

QUESTION = "What is the usual target depth of mineral wool in a loft?"
ROOT = Path(__file__).resolve().parent.parent
# As a front end asks for a title: an instruction of its own around a transcript, and a form.
TITLE = (
    'Name the talk below.\nReply with an object such as {"title": "Baking bread"}\n<talk>\n'
    f"USER: {QUESTION}\nASSISTANT: 270 mm.\n</talk>"
)

rows = []


def holds(condition, what="the reply is not what it should be"):
    if not condition:
        raise AssertionError(what)


def run(client, feature, call):
    try:
        call()
        rows.append((client, feature, None))
    except Exception as error:  # whatever a library raises is a finding
        rows.append((client, feature, f"{type(error).__name__}: {error}"[:300]))


def installed(client, package):
    try:
        importlib.metadata.version(package)
        return True
    except importlib.metadata.PackageNotFoundError:
        rows.append((client, "installed", "not installed"))
        return False


def openai_rows(url, key):
    import openai
    from pydantic import BaseModel

    class Source(BaseModel):
        title: str
        url: str
        page: int | None

    class Reply(BaseModel):
        answer: str
        answered: bool
        citations: list[Source]

    client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)
    ask = {"model": "wattwise", "messages": [{"role": "user", "content": QUESTION}]}

    def answer():
        whole = client.chat.completions.create(**ask)
        message = whole.choices[0].message
        holds("270 mm" in message.content and "**Sources**" in message.content)
        holds(message.annotations[0].url_citation.url)

    def stream():
        chunks = list(client.chat.completions.create(**ask, stream=True))
        deltas = [c.choices[0].delta.content for c in chunks if c.choices and c.choices[0].delta.content]
        holds(len(deltas) > 1 and "270 mm" in "".join(deltas))

    def structured():
        whole = client.chat.completions.parse(**ask, response_format=Reply)
        reply = whole.choices[0].message.parsed
        holds(reply.answered and reply.citations[0].url)

    def responses():
        first = client.responses.create(model="wattwise", input=QUESTION)
        holds("270 mm" in first.output_text and first.output[0].content[0].annotations)
        second = client.responses.create(
            model="wattwise", input="And why?", previous_response_id=first.id
        )
        holds(second.id.rsplit("_", 1)[0] == first.id.rsplit("_", 1)[0])
        with client.responses.stream(model="wattwise", input=QUESTION) as events:
            holds(any(event.type == "response.output_text.delta" for event in events))
            holds("270 mm" in events.get_final_response().output_text)

    def embeddings():
        made = client.embeddings.create(model="wattwise-embedding", input=["one", "two"])
        holds(len(made.data) == 2 and len(made.data[0].embedding) > 100)

    def title():
        whole = client.chat.completions.create(
            model="wattwise", messages=[{"role": "user", "content": TITLE}]
        )
        holds("depth" in json.loads(whole.choices[0].message.content)["title"])

    def refusals():
        try:
            client.chat.completions.create(**ask, n=2)
        except openai.BadRequestError as error:
            holds(error.param == "n")
        else:
            holds(False, "n=2 was taken")
        try:
            client.post("/none", cast_to=object)
        except openai.NotFoundError as error:
            holds(error.code == "unknown_url")

    for feature, call in (
        ("answer", answer), ("stream", stream), ("structured", structured), ("responses", responses),
        ("embeddings", embeddings), ("title", title), ("errors", refusals),
    ):
        run("openai (Python)", feature, call)


def langchain_openai_rows(url, key):
    from langchain_openai import ChatOpenAI, OpenAIEmbeddings

    settings = {"base_url": f"{url}/v1", "api_key": key, "max_retries": 0}
    chat = ChatOpenAI(model="wattwise", **settings)
    embed = OpenAIEmbeddings(
        model="wattwise-embedding", check_embedding_ctx_length=False, **settings
    )

    def structured():
        schema = {
            "title": "Reply", "type": "object", "required": ["answer"],
            "properties": {"answer": {"type": "string"}},
        }
        reply = chat.with_structured_output(schema, method="json_schema").invoke(QUESTION)
        holds("270 mm" in reply["answer"])

    name = "langchain-openai"
    run(name, "answer", lambda: holds("270 mm" in chat.invoke(QUESTION).content))
    run(name, "stream", lambda: holds(len([p for p in chat.stream(QUESTION) if p.content]) > 1))
    run(name, "structured", structured)
    run(name, "embeddings", lambda: holds(len(embed.embed_query("one")) > 100))
    responses = ChatOpenAI(model="wattwise", use_responses_api=True, **settings)
    run(name, "responses", lambda: holds("270 mm" in responses.invoke(QUESTION).text))
    run(name, "title", lambda: holds("depth" in json.loads(chat.invoke(TITLE).content)["title"]))


def litellm_rows(url, key):
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm

    settings = {"api_base": f"{url}/v1", "api_key": key}
    messages = [{"role": "user", "content": QUESTION}]

    def ask(**more):
        return litellm.completion(model="openai/wattwise", messages=messages, **settings, **more)

    def embeddings():
        made = litellm.embedding(model="openai/wattwise-embedding", input=["one"], **settings)
        holds(len(made.data[0]["embedding"]) > 100)

    name = "litellm"
    run(name, "answer", lambda: holds("270 mm" in ask().choices[0].message.content))
    run(name, "stream", lambda: holds(len(list(ask(stream=True))) > 2))
    run(name, "embeddings", embeddings)


def retriever_rows(url, key):
    sys.path.insert(0, str(ROOT / "examples/clients"))

    def langchain():
        made = importlib.import_module("langchain_retriever").WattwiseRetriever(url=url, key=key)
        holds(any("270 mm" in document.page_content for document in made.invoke(QUESTION)))

    def llamaindex():
        made = importlib.import_module("llamaindex_retriever").WattwiseRetriever(url=url, key=key)
        holds(any("270 mm" in found.text for found in made.retrieve(QUESTION)))

    def haystack():
        from haystack import Pipeline

        pipeline = Pipeline()
        made = importlib.import_module("haystack_component").WattwiseRetriever(url=url, key=key)
        pipeline.add_component("retriever", made)
        documents = pipeline.run({"retriever": {"query": QUESTION}})["retriever"]["documents"]
        holds(any("270 mm" in document.content for document in documents))

    for client, package, call in (
        ("LangChain retriever", "langchain-core", langchain),
        ("LlamaIndex retriever", "llama-index-core", llamaindex),
        ("Haystack component", "haystack-ai", haystack),
    ):
        if installed(client, package):
            run(client, "retrieve", call)


def example(command, url, key):
    environment = {**os.environ, "WATTWISE_URL": url, "WATTWISE_KEY": key}
    done = subprocess.run(
        [*command, QUESTION], env=environment, capture_output=True, text=True, timeout=60
    )
    holds(done.returncode == 0 and "270 mm" in done.stdout and "[1]" in done.stdout, done.stderr)


def generated_rows(url, key):
    """Clients that the script beside this one has generated."""
    made = Path(os.environ["MADE"])
    python, node = [sys.executable, made / "generated.py"], ["node", made / "generated.js"]
    run("generated (Python)", "five calls", lambda: example(python, url, key))
    if (made / "node_modules").exists():
        run("generated (TypeScript)", "five calls", lambda: example(node, url, key))
    else:
        rows.append(("generated (TypeScript)", "installed", "not installed"))


def llm_rows(url, key):
    """The program `llm` in a terminal, set up as docs/clients.md says."""

    def ask(*flags):
        with tempfile.TemporaryDirectory() as folder:
            lines = ["- model_id: wattwise", "  model_name: wattwise", f"  api_base: {url}/v1"]
            lines.append("  api_key_name: wattwise")
            Path(folder, "extra-openai-models.yaml").write_text("\n".join(lines))
            environment = {**os.environ, "LLM_USER_PATH": folder}
            command = [Path(sys.executable).with_name("llm"), "-m", "wattwise", "--key", key, *flags]
            done = subprocess.run(
                [*command, QUESTION], env=environment, capture_output=True, text=True, timeout=60
            )
        holds(done.returncode == 0 and "270 mm" in done.stdout, done.stderr)
        holds("**Sources**" in done.stdout, done.stdout)

    run("llm", "answer", lambda: ask("--no-stream"))
    run("llm", "stream", ask)


def mcp_rows(url, key):
    import httpx2
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    async def call():
        async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}) as http:
            async with Client(streamable_http_client(f"{url}/mcp", http_client=http)) as client:
                return await client.call_tool("answer", {"question": QUESTION})

    run("mcp (Python)", "answer", lambda: holds(asyncio.run(call()).structured_content["answered"]))


def table():
    features = list(dict.fromkeys(feature for _, feature, _ in rows if feature != "installed"))
    clients = list(dict.fromkeys(client for client, _, _ in rows))
    told = {(client, feature): fault for client, feature, fault in rows}
    lines = ["| client | " + " | ".join(features) + " |", "| --- |" + " --- |" * len(features)]
    for client in clients:
        if (client, "installed") in told:
            cells = ["not installed"] + [""] * (len(features) - 1)
        else:
            cells = [
                ("no" if told[(client, feature)] else "yes") if (client, feature) in told else "–"
                for feature in features
            ]
        lines.append(f"| {client} | " + " | ".join(cells) + " |")
    print("\n".join(lines))
    faults = [row for row in rows if row[2] and row[1] != "installed"]
    for client, feature, fault in faults:
        print(f"{client}: {feature}: {fault}", file=sys.stderr)
    return 1 if faults else 0


def main():
    url, key, *files = sys.argv[1:]
    for client, package, more in (
        ("openai (Python)", "openai", openai_rows),
        ("langchain-openai", "langchain-openai", langchain_openai_rows),
        ("litellm", "litellm", litellm_rows),
        ("llm", "llm", llm_rows),
        ("mcp (Python)", "mcp", mcp_rows),
    ):
        if installed(client, package):
            more(url, key)
    retriever_rows(url, key)
    generated_rows(url, key)
    folder = ROOT / "examples/clients"
    run("curl", "answer", lambda: example([folder / "ask.sh"], url, key))
    if shutil.which("node"):
        run("fetch (Node)", "stream", lambda: example(["node", folder / "stream.mjs"], url, key))
    else:
        rows.append(("fetch (Node)", "installed", "not installed"))
    for file in files:
        for line in Path(file).read_text().splitlines():
            row = json.loads(line)
            rows.append((row["client"], row["feature"], row["fault"]))
    sys.exit(table())


main()
