#!/usr/bin/env python3
"""One index in a bucket, publishers and two servers over it, and what is done to it.

Starts moto's server (it speaks S3, conditional writes included) on a free port of this machine, publishes
with WATTWISE, starts two servers with a copy each, and looks at what they answer from: after a new
generation, after one whose object is damaged, after half an upload, after a rollback, and while the store
hangs.

Usage: check_objects.py WATTWISE
Prints one row a check and exits with 1 if one failed. Needs moto[server], which brings boto3.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

import boto3

SECRET = "check-objects-secret-0123456789"
BUCKET, PREFIX = "guides", "nightly/index"
START_S, MOVE_S = 120, 60
GUIDES = ["loft-insulation.md", "draught-proofing.md", "cooking.md", "floor-insulation.md"]

failed = 0


def row(name, passed, told=""):
    global failed
    failed += not passed
    print(f"{'ok' if passed else 'FAILED':<7} {name}{': ' + told if told else ''}", flush=True)


def until(limit_s, look):
    """What look returns, once it is true or the time is up; and the seconds that took."""
    begun = time.monotonic()
    while True:
        with contextlib.suppress(OSError, ValueError, KeyError):
            if found := look():
                return found, time.monotonic() - begun
        if time.monotonic() - begun > limit_s:
            return None, time.monotonic() - begun
        time.sleep(0.2)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Site:
    """The store, the folders of the machines that are played, and the program."""

    def __init__(self, program, work):
        self.program, self.work = os.path.realpath(program), work
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.index = f"s3://{BUCKET}/{PREFIX}"
        self.env = {name: value for name, value in os.environ.items()
                    if not name.startswith(("WATTWISE", "AWS_"))}
        self.env |= {"AWS_ACCESS_KEY_ID": "check", "AWS_SECRET_ACCESS_KEY": SECRET,
                     "AWS_REGION": "us-east-1", "AWS_ENDPOINT": self.endpoint, "AWS_ALLOW_HTTP": "true"}
        self.log = open(os.path.join(work, "store.log"), "w", encoding="utf8")
        self.store = subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
                                      stdout=self.log, stderr=self.log)
        self.s3 = boto3.client("s3", endpoint_url=self.endpoint, region_name="us-east-1",
                               aws_access_key_id="check", aws_secret_access_key=SECRET)
        until(START_S, lambda: urllib.request.urlopen(self.endpoint + "/moto-api/").status == 200)

    def run(self, *arguments, cache="publisher"):
        """Exit status and everything that the program said."""
        done = self.start(*arguments, cache=cache)
        said = done.communicate(timeout=300)[0]
        return done.returncode, said

    def start(self, *arguments, cache):
        command = [self.program, *arguments, "--index-cache", os.path.join(self.work, cache)]
        return subprocess.Popen(command, env=self.env, cwd=self.work, text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT)

    def docs(self, name, guides):
        folder = os.path.join(self.work, name)
        os.makedirs(folder, exist_ok=True)
        for guide in guides:
            shutil.copy(os.path.join("data/guides", guide), folder)
        return folder

    def ingest(self, name, guides, index=None, cache="publisher"):
        return self.run("ingest", self.docs(name, guides), "--index", index or self.index, cache=cache)

    def published(self, prefix=PREFIX):
        body = self.s3.get_object(Bucket=BUCKET, Key=f"{prefix}/CURRENT")["Body"].read()
        return body.decode().split()

    def names(self, generation, prefix=PREFIX):
        listed = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/{generation}/")
        return [entry["Key"].rsplit("/", 1)[1] for entry in listed.get("Contents", [])]

    def get(self, key):
        return self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()

    def put(self, key, body):
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)


class Server:
    def __init__(self, site, name, index=None):
        self.name, self.log = name, os.path.join(site.work, f"{name}.log")
        command = [site.program, "serve", "--index", index or site.index, "--bind", "127.0.0.1:0",
                   "--state", os.path.join(site.work, f"{name}-state"), "--reload-interval", "1",
                   "--index-cache", os.path.join(site.work, name), "--log-format", "json"]
        with open(self.log, "a", encoding="utf8") as log:
            self.process = subprocess.Popen(command, env=site.env, cwd=site.work, stdout=log, stderr=log)
        self.begins = os.path.getsize(self.log)
        self.url = until(START_S, self.address)[0]

    def lines(self):
        with open(self.log, encoding="utf8") as log:
            log.seek(self.begins)
            return [json.loads(line) for line in log if line.startswith("{") and line.endswith("\n")]

    def address(self):
        if self.process.poll() is not None:
            return "none"
        found = [line["server.address"] for line in self.lines() if "server.address" in line]
        return f"http://{found[0]}" if found else None

    def generation(self):
        with urllib.request.urlopen(self.url + "/readyz", timeout=5) as reply:
            return json.load(reply)["generation"]

    def answers(self):
        asked = urllib.parse.urlencode({"message": "How much does it cost to run?"})
        request = urllib.request.Request(f"{self.url}/retrieve_contexts?{asked}", b"")
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.status == 200 and len(json.load(reply)["contexts"]) > 0

    def said(self, words):
        return any(words in json.dumps(line) for line in self.lines())

    def end(self):
        self.process.terminate()
        self.process.wait(timeout=30)


def all_at(servers, generation):
    return lambda: all(server.generation() == generation for server in servers)


def publishing(site):
    status, said = site.ingest("docs-a", GUIDES[:2])
    row("without a bucket nothing is published, and the message says so",
        status == 3 and "NoSuchBucket" in said and "make the bucket" in said, said.strip()[-160:])
    site.s3.create_bucket(Bucket=BUCKET)
    server = site.run("ask", "How thick?", "--index", site.index)
    row("an empty prefix is told as one", server[0] == 3 and "no published generation" in server[1])
    status, said = site.ingest("docs-a", GUIDES[:2])
    row("a first generation is published", status == 0 and len(site.published()) == 1, said.strip()[-160:] * (status != 0))
    return site.published()[0]


def moving(site, servers, first):
    row("two servers answer from it", all(s.generation() == first and s.answers() for s in servers))
    # A publisher with an empty copy, as in a container.
    status, _ = site.ingest("docs-b", GUIDES[:3], cache="other-publisher")
    second = site.published()[0]
    moved, seconds = until(MOVE_S, all_at(servers, second))
    row("both move over to a new generation", status == 0 and second != first and bool(moved), f"{seconds:.1f} s")
    return second


def damaging(site, servers, before):
    """A generation made elsewhere, whose objects are put one by one."""
    site.ingest("docs-c", GUIDES, index=f"s3://{BUCKET}/elsewhere", cache="third-publisher")
    third = site.published("elsewhere")[0]
    names = site.names(third, "elsewhere")
    for name in names:
        site.put(f"{PREFIX}/{third}/{name}", site.get(f"elsewhere/{third}/{name}"))
    time.sleep(3)
    row("objects that nobody published are not served", all_at(servers, before)())
    whole = site.get(f"{PREFIX}/{third}/vectors.bin")
    site.put(f"{PREFIX}/{third}/vectors.bin", whole[:-1] + bytes([whole[-1] ^ 1]))
    site.put(f"{PREFIX}/CURRENT", "\n".join([third, *site.published()]) + "\n")
    refused, _ = until(MOVE_S, lambda: all(s.said("vectors.bin") and s.said("digest") for s in servers))
    row("one flipped bit: both refuse it by name and go on",
        bool(refused) and all_at(servers, before)() and all(s.answers() for s in servers))
    site.put(f"{PREFIX}/{third}/vectors.bin", whole)
    for server in servers:
        server.process.send_signal(signal.SIGHUP)
    moved, seconds = until(MOVE_S, all_at(servers, third))
    row("mended, and asked again: both move over", bool(moved), f"{seconds:.1f} s")
    return third


def commands(site, servers, live, before):
    status, said = site.run("snapshot", "list", "--index", site.index)
    row("snapshot list", status == 0 and said.count(" documents ") == 3 and f"{live}  live" in said)
    status, said = site.run("snapshot", "verify", "--index", site.index)
    row("snapshot verify", status == 0 and "is whole" in said, said.strip()[-160:] * (status != 0))
    status, said = site.run("snapshot", "diff", before, live, "--index", site.index)
    row("snapshot diff", status == 0 and "4 added, 3 removed" in said, said.strip()[-160:] * (status != 0))
    status, said = site.run("snapshot", "rollback", before, "--index", site.index)
    moved, seconds = until(MOVE_S, all_at(servers, before))
    row("snapshot rollback: both go back", status == 0 and bool(moved), f"{seconds:.1f} s")
    status, said = site.run("snapshot", "prune", "--keep", "0", "--index", site.index)
    row("snapshot prune", status == 0 and site.published() == [before] and not site.names(live),
        said.strip()[-160:] * (status != 0))


def at_once(site):
    """Two publishers with a copy each."""
    runs = []
    for number, guides in enumerate([GUIDES[:2], GUIDES[2:]]):
        docs = site.docs(f"docs-race-{number}", guides)
        runs.append(site.start("ingest", docs, "--index", site.index, cache=f"race-{number}"))
    said = [run.communicate(timeout=300)[0] for run in runs]
    statuses = sorted(run.returncode for run in runs)
    one_is_told = statuses == [0, 3] and any("changed by somebody else" in text for text in said)
    row("of two publishers at once one is refused, or they came one after the other",
        one_is_told or statuses == [0, 0], f"exit statuses {statuses}")


def hanging(site, servers):
    live = site.published()[0]
    until(MOVE_S, all_at(servers, live))
    site.store.send_signal(signal.SIGSTOP)
    try:
        time.sleep(3)
        row("while the store hangs, both answer", all(s.answers() for s in servers))
        servers[0].end()
        servers[0] = Server(site, servers[0].name)
        row("and a server that begins meanwhile answers from its copy",
            servers[0].url != "none" and servers[0].generation() == live)
    finally:
        site.store.send_signal(signal.SIGCONT)
    status, _ = site.ingest("docs-d", GUIDES[1:])
    moved, seconds = until(MOVE_S, all_at(servers, site.published()[0]))
    row("it is back: both move over to what is published then", status == 0 and bool(moved), f"{seconds:.1f} s")


def main():
    with tempfile.TemporaryDirectory() as work:
        site = Site(sys.argv[1], work)
        servers = []
        try:
            first = publishing(site)
            servers += [Server(site, "one"), Server(site, "two")]
            second = moving(site, servers, first)
            third = damaging(site, servers, second)
            commands(site, servers, third, second)
            at_once(site)
            hanging(site, servers)
            policy = {"Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}]}
            site.s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
            web = Server(site, "web", index=f"{site.endpoint}/{BUCKET}/{PREFIX}")
            servers.append(web)
            row("over plain HTTP it can be read", web.url != "none" and web.answers())
            status, said = site.ingest("docs-a", GUIDES[:2], index=f"{site.endpoint}/{BUCKET}/{PREFIX}")
            row("and not written", status == 3 and "can only be read" in said)
            logs = [open(os.path.join(work, f"{name}.log"), encoding="utf8").read() for name in ("one", "two", "web")]
            row("no log holds the secret", not any(SECRET in log for log in logs))
        finally:
            for server in servers:
                with contextlib.suppress(Exception):
                    server.end()
            site.store.kill()
            site.store.wait()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
