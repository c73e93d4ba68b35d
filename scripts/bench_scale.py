#!/usr/bin/env python3
"""What an index in PostgreSQL costs beside one in a folder, of the same generated documents, in one run.

Usage: bench_scale.py WATTWISE [--chunks 3000] [--embedder model|words] [--questions 200] [--shared-buffers 256MB]
Prints a table. `model` embeds with the model in the program, as an index really is (about 100 chunks a second on
two cores); `words` hashes words (numpy, one HTTP server in this program), for 100,000 chunks and more: rows then
have neither sentences nor words, and are a quarter as large. No assertion: on a busy machine a time proves nothing.
PostgreSQL with pgvector comes from scripts/postgres.sh.
"""

import argparse
import concurrent.futures
import http.client
import http.server
import json
import os
import random
import re
import shutil
import statistics
import threading
import time
import urllib.parse

from check_scale import HERE, POSTGRES, Node, output, wait_for
from check_tables import Program, folder_for_postgres, running

WORDS_OF_A_SECTION = 90
SECTIONS_OF_A_FILE = 50
CLIENTS = 8
TICKS = os.sysconf("SC_CLK_TCK")


class Sized(Node):
    def __init__(self, tools, folder, port, buffers):
        super().__init__(tools, folder, port)
        self.buffers = buffers

    def start(self):
        self.tool("pg_ctl", "-D", self.data, "-w", "-l", os.path.join(self.data, "log"), "start", "-o",
                  f"-p {self.port} -h 127.0.0.1 -k {self.socket} -c max_connections=200 "
                  f"-c shared_buffers={self.buffers} -c max_wal_size=4GB")

    def cpu(self):
        """CPU seconds of all its processes, those that have ended too."""
        with open(os.path.join(self.data, "postmaster.pid"), encoding="utf8") as file:
            master = int(file.readline())
        return sum(cpu(pid) for pid in [master, *children(master)])


def cpu(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf8") as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except OSError:
        return 0
    return sum(map(int, fields[11:15])) / TICKS


def children(master):
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="utf8") as file:
                if int(file.read().rsplit(")", 1)[1].split()[1]) == master:
                    found.append(int(name))
        except OSError:
            pass
    return found


class WordServer(http.server.ThreadingHTTPServer):
    """An OpenAI-compatible embeddings server whose vectors are sums of one direction for each word."""

    daemon_threads = True

    def __init__(self):
        import numpy

        super().__init__(("127.0.0.1", 0), Embeddings)
        self.numpy, self.directions = numpy, {}

    def vector(self, text):
        sum_ = self.numpy.full(384, 1e-3)
        for word in re.findall(r"[a-z0-9]+", text.lower()):
            if word not in self.directions:
                self.directions[word] = self.numpy.random.default_rng(abs(hash(word))).standard_normal(384)
            sum_ += self.directions[word]
        return [round(float(value), 4) for value in sum_ / self.numpy.linalg.norm(sum_)]


class Embeddings(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["input"]
        texts = [asked] if isinstance(asked, str) else asked
        data = [{"index": at, "embedding": self.server.vector(text)} for at, text in enumerate(texts)]
        body = json.dumps({"data": data}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def write_docs(folder, chunks, chance):
    """Sections of sentences of the guides, each with words of its own, and questions about some of them."""
    guides = os.path.join(HERE, "..", "data", "guides")
    sentences = []
    for name in sorted(os.listdir(guides)):
        with open(os.path.join(guides, name), encoding="utf8") as file:
            sentences += [s for s in re.split(r"(?<=[.!?])\s+", file.read().replace("\n", " ")) if 6 < len(s.split()) < 30]
    questions = []
    for first in range(0, chunks, SECTIONS_OF_A_FILE):
        path = os.path.join(folder, str(first // SECTIONS_OF_A_FILE // 1000), f"{first}.md")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf8") as file:
            for number in range(first, min(chunks, first + SECTIONS_OF_A_FILE)):
                section, words = [], 0
                while words < WORDS_OF_A_SECTION:
                    section.append(chance.choice(sentences))
                    words += len(section[-1].split())
                file.write(f"# Section {number}\n\nHouse number {number} in street {number % 997}. {' '.join(section)}\n\n")
                if chance.random() < 4000 / chunks or chunks <= 4000:
                    asked = chance.choice(section).split()
                    questions.append(f"{' '.join(asked[:9])} in street {number % 997}?")
    chance.shuffle(questions)
    return questions


def get(port, connections, question):
    connection = connections.setdefault(threading.get_ident(), {})
    if port not in connection:
        connection[port] = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    begun = time.perf_counter()
    connection[port].request("POST", f"/retrieve_contexts?k=4&message={urllib.parse.quote(question)}", b"{}",
                             {"Content-Type": "application/json"})
    reply = connection[port].getresponse()
    text = reply.read()
    if reply.status != 200:
        raise SystemExit(f"a question ended with {reply.status}: {text[:200]}")
    return time.perf_counter() - begun, len(json.loads(text)["contexts"])


def one_by_one(port, questions):
    times = sorted(get(port, {}, question)[0] for question in questions)
    return statistics.median(times) * 1e3, times[min(len(times) - 1, int(len(times) * 0.99))] * 1e3


def together(ports, questions):
    """Questions a second of some clients, each at the next server in its turn."""
    connections, begun = {}, time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(lambda at: get(ports[at % len(ports)], connections, questions[at]), range(len(questions))))
    return len(questions) / (time.perf_counter() - begun)


def kept(port, seconds=5):
    """Messages a second that are durable when they are acknowledged."""
    end, counts = time.monotonic() + seconds, []

    def write():
        connection, count = http.client.HTTPConnection("127.0.0.1", port, timeout=60), 0
        connection.request("POST", "/get_session_id", b"")
        session = json.loads(connection.getresponse().read())
        session = session if isinstance(session, str) else session["session_id"]
        while time.monotonic() < end and count < 900:
            connection.request("POST", f"/ask?session_id={session}", json.dumps({"message": f"m{count}"}),
                               {"Content-Type": "application/json"})
            reply = connection.getresponse()
            reply.read()
            count += reply.status == 200
        counts.append(count)

    writers = [threading.Thread(target=write) for _ in range(CLIENTS)]
    begun = time.monotonic()
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    return sum(counts) / (time.monotonic() - begun)


def recall(database, number, dimension, chance, rows):
    """Of the ten nearest, how many the graph finds, over fifty rows as questions."""
    near = f"near::halfvec({dimension})"
    found = 0
    for row in chance.sample(range(rows), min(50, rows)):
        ask_for = (f"SET hnsw.ef_search = 192; SET enable_seqscan = {{}}; SELECT row FROM wattwise_index.vectors_{number} "
                   f"ORDER BY ({near} <#> (SELECT {near} FROM wattwise_index.vectors_{number} WHERE row = {row})){{}} LIMIT 10")
        by_graph = database(ask_for.format("off", "")).split()
        exact = database(ask_for.format("on", " + 0.0")).split()
        found += len(set(by_graph) & set(exact) - {"SET"})
    return found / (10 * min(50, rows))


def line(what, folder, tables, unit=""):
    print(f"| {what} | {folder} | {tables} | {unit} |", flush=True)


def timed(node, work):
    begun, before = time.monotonic(), node.cpu()
    work()
    return time.monotonic() - begun, node.cpu() - before


def bench(program, node, options):
    chance = random.Random(7)
    docs = os.path.join(program.folder, "docs")
    questions = write_docs(docs, options.chunks, chance)
    flags = []
    if options.embedder == "words":
        server = WordServer()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        flags = ["--embedder", "openai", "--openai-url", f"http://127.0.0.1:{server.server_port}/v1", "--embed-model", "words"]
    database = lambda statement: output(os.path.join(node.tools, "psql"), "-h", "127.0.0.1", "-p", str(node.port),
                                        "-U", "postgres", "-d", "wattwise", "-Atc", statement)
    ingest = lambda index: program.must("ingest", "--docs", "docs", "--index", index, *flags)
    run, _ = timed(node, lambda: ingest("index"))
    rows = json.loads(program.must("snapshot", "--index", "index", "list", "--json").splitlines()[0])["chunks"]
    print(f"\n{rows} chunks, embedder {options.embedder}, {os.cpu_count()} cores\n")
    print("| | folder | PostgreSQL | |\n| --- | --- | --- | --- |")
    # The same generation goes on to the database: what is embedded once is not embedded again.
    program.must("ingest", "--dry-run", "--docs", "docs", "--index", program.address, *flags)
    copies = os.path.join(program.folder, "cache", "wattwise", "index")
    (home,) = os.listdir(copies)
    shutil.copytree(os.path.join(program.folder, "index"), os.path.join(copies, home, "write"), dirs_exist_ok=True)
    again, _ = timed(node, lambda: ingest("index"))
    whole, spent = timed(node, lambda: ingest(program.address))
    line("a run of `ingest`, all new; one without a change", f"{run:.0f}; {again:.1f}", f"{run - again + whole:.0f}; {whole:.1f}", "s")
    line("publication: all rows and their indexes", "", f"{whole - again:.1f}", "s")
    line("of this in the database", "", f"{spent:.1f}", "CPU s")
    size = int(output("du", "-sb", os.path.join(program.folder, "index", "")).split()[0])
    tables = int(database("SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n "
                          "ON n.oid = relnamespace WHERE nspname = 'wattwise_index' AND relkind = 'r'"))
    line("size", f"{size / rows / 1e3:.1f}", f"{tables / rows / 1e3:.1f}", "kB a chunk")
    folder, servers = program.serve("index", *flags), [program.serve(program.address, *flags)]
    memory = lambda place: int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{program.servers[place].pid}/status",
                                                                  encoding="utf8").read())[1]) / 1024
    line("memory of a server when it is ready", f"{memory(0):.0f}", f"{memory(1):.0f}", "MB")
    some = iter(questions * 2)
    take = lambda: [next(some) for _ in range(options.questions)]
    warm, asked = take(), take()
    for port in (folder, servers[0]):
        one_by_one(port, warm)
    own = [cpu(process.pid) for process in program.servers]
    of_folder = one_by_one(folder, asked)
    spent = node.cpu()
    of_tables = one_by_one(servers[0], asked)
    spent = node.cpu() - spent
    own = [cpu(process.pid) - before for process, before in zip(program.servers, own)]
    line("a question, median", f"{of_folder[0]:.1f}", f"{of_tables[0]:.1f}", "ms")
    line("a question, 99th percentile", f"{of_folder[1]:.1f}", f"{of_tables[1]:.1f}", "ms")
    each = 1e3 / options.questions
    line("CPU a question, server", f"{own[0] * each:.1f}", f"{own[1] * each:.1f}", "ms")
    line("CPU a question, database", "", f"{spent * each:.1f}", "ms")
    number = database("SELECT generation FROM wattwise_index.live")
    dimension = database(f"SELECT vector_dims(near::vector) FROM wattwise_index.vectors_{number} LIMIT 1")
    line("recall@10 of the graph", "", f"{recall(database, number, dimension, chance, rows):.3f}")
    line(f"questions a second, {CLIENTS} clients, one server", f"{together([folder], take()):.0f}",
         f"{together(servers, take()):.0f}")
    servers += [program.serve(program.address, *flags) for _ in range(2)]
    for port in servers[1:]:
        one_by_one(port, warm[:30])
    line(f"questions a second, {CLIENTS} clients, three servers", "", f"{together(servers, take()):.0f}")
    state = program.address.replace("/wattwise", "/state")
    node.sql("CREATE DATABASE state")
    durable = program.serve("index", *flags, state=state)
    line(f"`/ask` kept a second, {CLIENTS} clients", f"{kept(folder):.0f}", f"{kept(durable):.0f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("wattwise")
    parser.add_argument("--chunks", type=int, default=3000)
    parser.add_argument("--embedder", choices=("model", "words"), default="model")
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--shared-buffers", default="256MB")
    parser.add_argument("--first-port", type=int, default=9690)
    options = parser.parse_args()
    folder = folder_for_postgres("wattwise-bench-")
    node = Sized(output(POSTGRES, "tools"), folder, options.first_port, options.shared_buffers)
    program = Program(options.wattwise, folder, f"postgres://postgres@127.0.0.1:{options.first_port}/wattwise",
                      options.first_port + 1)
    with running(node, program, folder):
        bench(program, node, options)


if __name__ == "__main__":
    main()
