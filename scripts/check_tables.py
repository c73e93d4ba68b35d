#!/usr/bin/env python3
"""An index in PostgreSQL through the program: publish, kill while publishing, follow, roll back, prune, lose the
database for a while.

Usage: check_tables.py WATTWISE [--first-port 9670]
Prints a line for each thing tried; exits with 1 at the first that is not so.
PostgreSQL with pgvector comes from scripts/postgres.sh. Standard library only.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

from check_scale import HERE, POSTGRES, Node, output, wait_for

TABLES = ("documents", "texts", "chunks", "vectors", "exact", "postings", "spellings")
QUESTION = "How thick should loft insulation be?"


class Program:
    """The command line and its servers, on an index in a database and beside it on one in a folder."""

    def __init__(self, wattwise, folder, address, first_port):
        self.wattwise, self.folder, self.address = os.path.abspath(wattwise), folder, address
        self.first_port, self.servers = first_port, []
        names = {name: value for name, value in os.environ.items() if not name.startswith("WATTWISE")}
        self.env = names | {"XDG_CACHE_HOME": os.path.join(folder, "cache")}

    def start(self, *arguments):
        return subprocess.Popen([self.wattwise, *arguments], cwd=self.folder, env=self.env, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, *arguments):
        process = self.start(*arguments)
        out, err = process.communicate(timeout=600)
        return process.returncode, out, err

    def must(self, *arguments):
        code, out, err = self.run(*arguments)
        if code != 0:
            raise SystemExit(f"{' '.join(arguments)} ended with {code}: {err}")
        return out

    def ingest(self, index):
        return self.must("ingest", "--docs", "docs", "--index", index)

    def serve(self, index, *flags, state=None):
        port = self.first_port + len(self.servers)
        log = open(os.path.join(self.folder, f"server{port}.log"), "ab")
        command = [self.wattwise, "serve", "--index", index, "--bind", f"127.0.0.1:{port}",
                   "--state", state or os.path.join(self.folder, f"state{port}"), "--reload-interval", "1", *flags]
        process = subprocess.Popen(command, cwd=self.folder, env=self.env, stdout=subprocess.DEVNULL, stderr=log)
        self.servers.append(process)
        wait_for(f"the server on {index.split('@')[-1]} is ready", lambda: ask(port, "/readyz")[0] == 200)
        return port

    def stop(self):
        for server in self.servers:
            server.kill()
            server.wait()


def ask(port, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=data,
                                     headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, json.load(reply), reply.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers
    except OSError:
        return 0, None, {}


def contexts(port, question):
    quoted = urllib.parse.quote(question)
    status, reply, headers = ask(port, f"/retrieve_contexts?message={quoted}&k=4", {})
    return status, reply, headers


def found(port, question=QUESTION):
    status, reply, _ = contexts(port, question)
    if status != 200:
        raise SystemExit(f"/retrieve_contexts ended with {status}: {reply}")
    return [(c["page_content"], round(c["metadata"].get("score", 0), 3)) for c in reply["contexts"]]


def generation(port):
    return ask(port, "/readyz")[1]["generation"]


def live(program, index):
    rows = [json.loads(line) for line in program.must("snapshot", "--index", index, "list", "--json").splitlines()]
    return next(row["generation"] for row in rows if row["live"]), [row["generation"] for row in rows]


def say(what, is_so, details=""):
    print(f"{'ok' if is_so else 'NO':3} {what}{f': {details}' if details else ''}", flush=True)
    if not is_so:
        raise SystemExit(1)


def write_doc(folder, number, size=1):
    with open(os.path.join(folder, "docs", f"number{number}.md"), "w", encoding="utf8") as file:
        for part in range(size):
            file.write(f"# Number {number}, part {part}\n\nThe meter {number}-{part} was read in the cellar of house "
                       f"{part}, where the loft is.\n\n")


def kill_while_publishing(program, node, database):
    """kill -9 to the run at the first COPY and, later, while indexes are made."""
    before = live(program, program.address)
    running = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'wattwise' AND query LIKE '{}'"
    for number, (what, words) in enumerate((("copies rows", "COPY%"), ("makes indexes", "%hnsw%")), 1):
        write_doc(program.folder, 100 + number, 400)
        process = program.start("ingest", "--docs", "docs", "--index", program.address)
        seen = running.format(words)
        while node.sql(seen) == "0":
            if process.poll() is not None:
                raise SystemExit(f"the run ended before it was killed: {process.communicate()[1]}")
        process.send_signal(signal.SIGKILL)
        process.wait()
        wait_for("the database notices", lambda: node.sql(running.format("%")) == "0" or
                 node.sql("SELECT count(*) FROM pg_stat_activity WHERE datname = 'wattwise' AND state <> 'idle' "
                          "AND pid <> pg_backend_pid()") == "0")
        left = database("SELECT count(*) FROM pg_tables WHERE schemaname = 'wattwise_index' AND tablename ~ '_[0-9]+$'")
        whole = len(before[1]) * len(TABLES)
        say(f"a run killed with -9 while it {what} leaves nothing", live(program, program.address) == before
            and int(left) == whole, f"{left} tables of {len(before[1])} generation(s)")


def check(program, node):
    address = program.address
    database = lambda statement: output(os.path.join(node.tools, "psql"), "-h", "127.0.0.1", "-p", str(node.port),
                                        "-U", "postgres", "-d", "wattwise", "-Atc", statement)
    code, _, err = program.run("serve", "--index", address, "--bind", f"127.0.0.1:{program.first_port + 9}", "--state", "s")
    say("a server without a generation says what to do", code != 0 and "wattwise ingest" in err, err.strip()[-160:])
    program.ingest(address)
    program.ingest("index")
    tables, folder = program.serve(address), program.serve("index")
    say("it answers as the folder does", found(tables) == found(folder), found(tables)[0][0][:60])
    first = live(program, address)[0]
    kill_while_publishing(program, node, database)
    say("servers answer meanwhile", found(tables) == found(folder))

    program.ingest(address)
    second = live(program, address)[0]
    started = time.monotonic()
    wait_for("the server moves over", lambda: generation(tables) == second, 20)
    say("the next run publishes, and the server moves over", second != first,
        f"{time.monotonic() - started:.2f} s after the run ended")
    program.ingest("index")
    wait_for("the other moves over", lambda: generation(folder) == live(program, "index")[0], 20)
    say("and answers as the folder does", found(tables, "meter 101-7") == found(folder, "meter 101-7"))

    told = program.must("snapshot", "--index", address, "verify")
    say("verify reads every row", "whole" in told, told.splitlines()[0])
    told = program.must("snapshot", "--index", address, "diff")
    say("diff names what came", "number101.md" in told, told.strip().splitlines()[-1])
    program.must("snapshot", "--index", address, "rollback")
    wait_for("the server goes back", lambda: generation(tables) == first, 20)
    say("rollback moves servers back", live(program, address)[0] == first)
    told = program.must("snapshot", "--index", address, "prune", "--keep", "0")
    left = database("SELECT count(*) FROM pg_tables WHERE schemaname = 'wattwise_index' AND tablename ~ '_[0-9]+$'")
    say("prune drops all of the others", second in told and int(left) == len(TABLES), f"{left} tables left")

    node.stop()
    status, reply, headers = contexts(tables, "What does a heat pump cost to run?")
    say("while the database is away a question gets 503 with Retry-After",
        status == 503 and headers.get("Retry-After"), f"{status} {str(reply)[:90]}")
    node.start()
    wait_for("it answers again", lambda: contexts(tables, "What does a heat pump cost to run?")[0] == 200, 30)
    say("and is answered once it is back", found(tables) != [])
    code, _, err = program.run("snapshot", "--index", address.replace("/wattwise", "/nowhere"), "list")
    say("no such database is said", code != 0 and "CREATE DATABASE" in err, err.strip()[-120:])
    say("no password is told", "hunter2" not in err + program.must("serve", "--index", address, "--print-config"))


def folder_for_postgres(prefix):
    """A temporary folder that the user of PostgreSQL may write to."""
    folder = tempfile.mkdtemp(prefix=prefix)
    os.chmod(folder, 0o755)
    if os.geteuid() == 0:
        output(POSTGRES, "as", "true")
        shutil.chown(folder, "wattwise-postgres")
    return folder


@contextlib.contextmanager
def running(node, program, folder):
    """A database called wattwise; in the end all is stopped and the folder deleted."""
    try:
        node.make()
        node.start()
        node.sql("CREATE DATABASE wattwise")
        yield
    finally:
        program.stop()
        node.stop()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("wattwise")
    parser.add_argument("--first-port", type=int, default=9670)
    options = parser.parse_args()
    folder = folder_for_postgres("wattwise-tables-")
    node = Node(output(POSTGRES, "tools"), folder, options.first_port)
    address = f"postgres://postgres:hunter2@127.0.0.1:{options.first_port}/wattwise"
    program = Program(options.wattwise, folder, address, options.first_port + 1)
    with running(node, program, folder):
        docs = os.path.join(folder, "docs")
        os.mkdir(docs)
        guides = os.path.join(HERE, "..", "data", "guides")
        for name in sorted(os.listdir(guides)):
            shutil.copy(os.path.join(guides, name), docs)
        check(program, node)


if __name__ == "__main__":
    main()
