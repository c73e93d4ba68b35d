#!/usr/bin/env python3
"""Three servers on one PostgreSQL with a replica, behind HAProxy, while things are killed.

Writers keep messages through the balancer; meanwhile servers are killed with SIGKILL, the primary is
killed and the replica promoted, and generations are published. At the end every write that was
acknowledged is looked for.

Usage: check_scale.py WATTWISE [--kills 10] [--failovers 3] [--writers 4] [--first-port 9650]
Prints a table; exits with 1 if a write was lost, kept twice or out of order, if a reply was neither
an answer nor 503 with Retry-After, or if a revoked key was still let in after 2 s.
HAProxy is Debian's and installed if it is not there; PostgreSQL comes from scripts/postgres.sh.
Standard library only.
"""

import argparse
import bisect
import http.client
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
POSTGRES = os.path.join(HERE, "postgres.sh")
SERVERS = 3
START_TIMEOUT_S = 90
# The aims.
MOST_REVOCATION_S = 2.0


def output(*command, **more):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, **more).stdout.strip()


def wait_for(what, is_there, seconds=START_TIMEOUT_S):
    end = time.monotonic() + seconds
    while not is_there():
        if time.monotonic() > end:
            raise SystemExit(f"{what} within {seconds} s: no")
        time.sleep(0.02)


class Node:
    """One PostgreSQL: a primary, or the replica of another node."""

    def __init__(self, tools, folder, port):
        self.tools, self.port = tools, port
        self.data = os.path.join(folder, f"data{port}")
        self.socket = os.path.join(folder, f"socket{port}")
        os.mkdir(self.socket)
        if os.geteuid() == 0:
            output(POSTGRES, "as", "true")
            shutil.chown(self.socket, "wattwise-postgres")

    def tool(self, name, *arguments):
        return output(POSTGRES, "as", os.path.join(self.tools, name), *arguments, stderr=subprocess.STDOUT)

    def make(self):
        self.tool("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "--no-sync",
                  "--encoding=UTF8", "--locale=C.UTF-8")
        self.write("sync.conf", "")
        with open(os.path.join(self.data, "postgresql.conf"), "a", encoding="utf8") as config:
            config.write("include 'sync.conf'\n")

    def copy(self, other):
        """Becomes the replica of `other`, from nothing."""
        shutil.rmtree(self.data, ignore_errors=True)
        self.tool("pg_basebackup", "-D", self.data, "-h", "127.0.0.1", "-p", str(other.port), "-U", "postgres",
                  "-R", "--checkpoint=fast", "--no-sync")
        self.write("sync.conf", "")
        self.start()
        streams = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
        wait_for("the replica streams", lambda: other.sql(streams) == "1")
        # From here on a commit is acknowledged only when the replica has it on disk too.
        other.write("sync.conf", "synchronous_standby_names = '*'\n")
        other.tool("pg_ctl", "-D", other.data, "reload")
        wait_for("the replica is synchronous", lambda: other.sql(
            "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") == "1")

    def write(self, name, text):
        path = os.path.join(self.data, name)
        with open(path, "w", encoding="utf8") as file:
            file.write(text)
        os.chmod(path, 0o644)

    def start(self):
        self.tool("pg_ctl", "-D", self.data, "-w", "-l", os.path.join(self.data, "log"), "start", "-o",
                  f"-p {self.port} -h 127.0.0.1 -k {self.socket} -c max_connections=200 -c shared_buffers=64MB")

    def sql(self, statement):
        return output(os.path.join(self.tools, "psql"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres",
                      "-Atc", statement)

    def kill(self):
        with open(os.path.join(self.data, "postmaster.pid"), encoding="utf8") as file:
            os.kill(int(file.readline()), signal.SIGKILL)

    def promote(self):
        self.tool("pg_ctl", "-D", self.data, "-w", "promote")

    def stop(self):
        subprocess.run([POSTGRES, "as", os.path.join(self.tools, "pg_ctl"), "-D", self.data, "-m", "immediate", "stop"],
                       check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Server:
    """One `wattwise serve` that is started again whenever it was killed."""

    def __init__(self, wattwise, folder, port, state):
        self.port = port
        self.command = [wattwise, "serve", "--index", os.path.join(folder, "index"), "--bind", f"127.0.0.1:{port}",
                        "--state", state, "--reload-interval", "1"]
        self.folder = folder
        self.log = open(os.path.join(folder, f"server{port}.log"), "ab")
        self.process = None

    def start(self):
        env = {name: value for name, value in os.environ.items() if not name.startswith("WATTWISE")}
        self.process = subprocess.Popen(self.command, cwd=self.folder, env=env, stdout=subprocess.DEVNULL,
                                        stderr=self.log)

    def get(self, path, key=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}")
        if key:
            request.add_header("X-API-Key", key)
        try:
            with urllib.request.urlopen(request, timeout=5) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            return error.code, None
        except OSError:
            return 0, None

    def is_ready(self):
        return self.get("/readyz")[0] == 200

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Tally:
    """What writers saw."""

    def __init__(self):
        self.lock = threading.Lock()
        self.acknowledged = []
        self.unavailable = self.cut_off = 0
        self.odd = []

    def ack(self):
        with self.lock:
            self.acknowledged.append(time.monotonic())

    def gap_after(self, moment):
        """Seconds from `moment` to the next acknowledged write; None if there is none yet."""
        with self.lock:
            place = bisect.bisect_right(self.acknowledged, moment)
            return self.acknowledged[place] - moment if place < len(self.acknowledged) else None


class Writer(threading.Thread):
    """Keeps messages in sessions of its own, half of them under names so that they can be repeated."""

    def __init__(self, number, port, key, tally, end):
        super().__init__(daemon=True)
        self.number, self.port, self.key, self.tally, self.end = number, port, key, tally, end
        self.sessions = {}
        self.connection = None
        self.longest_pause, self.last = 0, None

    def post(self, path, body, name=None):
        headers = {"Content-Type": "application/json", "X-API-Key": self.key}
        if name:
            headers["Idempotency-Key"] = name
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            self.connection.request("POST", path, json.dumps(body), headers)
            reply = self.connection.getresponse()
            text = reply.read()
        except (OSError, http.client.HTTPException):
            # The server that it was spoken to died, or nobody listens: not acknowledged.
            self.connection = None
            with self.tally.lock:
                self.tally.cut_off += 1
            time.sleep(0.02)
            return None
        if reply.status == 200:
            return json.loads(text)
        with self.tally.lock:
            if reply.status == 503 and reply.getheader("Retry-After"):
                self.tally.unavailable += 1
            else:
                self.tally.odd.append(f"{reply.status} {text[:200]!r}")
        time.sleep(0.05)
        return None

    def repeat(self, path, body, name):
        """Until it is acknowledged, or the time is over."""
        while not self.end.is_set():
            reply = self.post(path, body, name)
            if reply is not None:
                return reply
        return None

    def run(self):
        turn = 0
        while not self.end.is_set():
            turn += 1
            name = f"{self.number}-{turn}"
            opened = self.repeat("/get_session_id", None, name)
            if opened is None:
                return
            session = opened if isinstance(opened, str) else opened["session_id"]
            said = self.sessions[session] = []
            for place in range(20):
                if self.end.is_set():
                    return
                text = f"{name}-{place}"
                named = place % 2 == 0
                path = f"/ask?session_id={session}"
                body = {"message": text}
                reply = self.repeat(path, body, text) if named else self.post(path, body)
                if reply is not None:
                    said.append((text, named))
                    self.tally.ack()
                    now = time.monotonic()
                    self.longest_pause = max(self.longest_pause, now - (self.last or now))
                    self.last = now


def balancer(folder, port, servers):
    """A plain TCP balancer. It asks whether servers live, not whether their database does: while that is
    away, clients shall hear 503 with Retry-After instead of nothing."""
    config = os.path.join(folder, "haproxy.cfg")
    lines = "\n".join(f"  server s{s.port} 127.0.0.1:{s.port} check inter 200ms fall 1 rise 1" for s in servers)
    with open(config, "w", encoding="utf8") as file:
        file.write(f"""global
  maxconn 500
defaults
  mode tcp
  timeout connect 1s
  timeout client 60s
  timeout server 60s
  retries 3
  option redispatch 1
frontend all
  bind 127.0.0.1:{port}
  default_backend servers
backend servers
  balance leastconn
  option httpchk GET /healthz
  default-server on-marked-down shutdown-sessions
{lines}
""")
    return subprocess.Popen(["haproxy", "-f", config, "-db"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Check:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        port = options.first_port
        self.tools = output(POSTGRES, "tools")
        self.primary, self.replica = (Node(self.tools, folder, port + place) for place in (0, 1))
        hosts = f"127.0.0.1:{port},127.0.0.1:{port + 1}"
        self.state = f"postgres://postgres@{hosts}/wattwise"
        self.wattwise = os.path.abspath(options.wattwise)
        self.servers = [Server(self.wattwise, folder, port + 10 + place, self.state) for place in range(SERVERS)]
        self.front = port + 9
        self.haproxy = None
        self.tally, self.end = Tally(), threading.Event()
        self.recoveries = {"a server killed": [], "the database failed over": []}
        self.faults = []

    def command(self, *arguments):
        env = {name: value for name, value in os.environ.items() if not name.startswith("WATTWISE")}
        return output(self.wattwise, *arguments, env=env, cwd=self.folder, stderr=subprocess.DEVNULL)

    def publish(self, number):
        with open(os.path.join(self.folder, "docs", "number.md"), "w", encoding="utf8") as file:
            file.write(f"# Number\n\nThe number of this generation is {number}, and it was published while servers died.\n")
        self.command("ingest", "--docs", "docs", "--index", "index")

    def prepare(self):
        docs = os.path.join(self.folder, "docs")
        os.mkdir(docs)
        for name in ("loft-insulation.md", "draught-proofing.md"):
            shutil.copy(os.path.join(HERE, "..", "data", "guides", name), docs)
        self.publish(0)
        self.primary.make()
        self.primary.start()
        self.primary.sql("CREATE DATABASE wattwise")
        self.replica.copy(self.primary)
        self.command("migrate", "--state", self.state)
        self.key = self.command("keys", "create", "--state", self.state, "--name", "check")
        for server in self.servers:
            server.start()
        for server in self.servers:
            wait_for("a server is ready", server.is_ready)
        self.haproxy = balancer(self.folder, self.front, self.servers)

    def revoke(self):
        """How long each server goes on letting a revoked key in."""
        key = self.command("keys", "create", "--state", self.state, "--name", "leaving")
        lets_in = lambda server: server.get("/version", key)[0] == 200
        for server in self.servers:
            wait_for("a new key counts", lambda: lets_in(server), 10)
        self.command("keys", "revoke", "--state", self.state, "leaving")
        told = time.monotonic()
        for server in self.servers:
            wait_for("a revoked key is refused", lambda: not lets_in(server), 10)
        seconds = time.monotonic() - told
        if seconds > MOST_REVOCATION_S:
            self.faults.append(f"a revoked key was let in for {seconds:.1f} s")
        return seconds

    def recovered(self, what, moment):
        gap = None
        def is_back():
            nonlocal gap
            gap = self.tally.gap_after(moment)
            return gap is not None
        wait_for(f"a write is acknowledged after {what}", is_back, 60)
        self.recoveries[what].append(gap)

    def kill_server(self):
        server = random.choice(self.servers)
        server.kill()
        self.recovered("a server killed", time.monotonic())
        server.start()
        wait_for("a killed server is ready again", server.is_ready)

    def fail_over(self):
        moment = time.monotonic()
        self.primary.kill()
        self.replica.promote()
        self.primary, self.replica = self.replica, self.primary
        self.recovered("the database failed over", moment)
        self.replica.stop()
        self.replica.copy(self.primary)

    def run(self):
        self.prepare()
        revocation = self.revoke()
        writers = [Writer(number, self.front, self.key, self.tally, self.end) for number in range(self.options.writers)]
        for writer in writers:
            writer.start()
        time.sleep(1)
        events = ["kill"] * self.options.kills + ["fail"] * self.options.failovers + ["publish"] * 2
        random.Random(self.options.seed).shuffle(events)
        begun = time.monotonic()
        for number, event in enumerate(events, 1):
            if event == "kill":
                self.kill_server()
            elif event == "fail":
                self.fail_over()
            else:
                self.publish(number)
            time.sleep(0.3)
        self.end.set()
        for writer in writers:
            writer.join(60)
        seconds = time.monotonic() - begun
        generations = set()
        for server in self.servers:
            wait_for("a server is ready at the end", server.is_ready)
            generations.add(server.get("/readyz")[1]["generation"])
        if len(generations) != 1:
            self.faults.append(f"servers answer from several generations: {generations}")
        kept = self.verify(writers)
        self.report(seconds, revocation, kept, max(writer.longest_pause for writer in writers))

    def verify(self, writers):
        lost = twice = shuffled = count = 0
        for writer in writers:
            for session, said in writer.sessions.items():
                status, found = random.choice(self.servers).get(f"/sessions/{session}", self.key)
                texts = [message["text"] for message in found["messages"]] if status == 200 else []
                places = [texts.index(text) if text in texts else None for text, _ in said]
                count += len(said)
                lost += places.count(None)
                there = [place for place in places if place is not None]
                shuffled += there != sorted(there)
                twice += sum(texts.count(text) > 1 for text, named in said if named)
        if lost or twice or shuffled:
            self.faults.append(f"{lost} acknowledged writes lost, {twice} kept twice, {shuffled} sessions out of order")
        return count, lost, twice, shuffled

    def report(self, seconds, revocation, kept, pause):
        count, lost, twice, shuffled = kept
        tally = self.tally
        print(f"servers killed {self.options.kills}, failovers {self.options.failovers}, {seconds:.0f} s under load")
        print(f"acknowledged writes        {count}")
        print(f"of these lost              {lost}")
        print(f"repeatable ones kept twice {twice}")
        print(f"sessions out of order      {shuffled}")
        print(f"503 with Retry-After       {tally.unavailable}")
        print(f"cut off by a kill          {tally.cut_off}")
        print(f"other replies              {len(tally.odd)}")
        print(f"revoked key refused after  {revocation:.2f} s at the last server")
        for what, times in self.recoveries.items():
            if times:
                print(f"next write after {what}: median {statistics.median(times):.2f} s, most {max(times):.2f} s")
        print(f"longest pause of a writer  {pause:.2f} s")
        if tally.odd:
            self.faults.append(f"replies that are none: {tally.odd[:5]}")

    def stop(self):
        self.end.set()
        for server in self.servers:
            server.stop()
        if self.haproxy:
            self.haproxy.kill()
        for node in (self.primary, self.replica):
            node.stop()


def install_haproxy():
    if shutil.which("haproxy"):
        return
    try:
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "haproxy"], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"NOT RUN: HAProxy is not there and cannot be installed: {error}") from error


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("wattwise")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--failovers", type=int, default=3)
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--first-port", type=int, default=9650)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    install_haproxy()
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        check = Check(options, folder)
        try:
            check.run()
        except SystemExit:
            for server in check.servers:
                with open(server.log.name, encoding="utf8", errors="replace") as log:
                    print("".join(log.readlines()[-5:]), file=sys.stderr)
            raise
        finally:
            check.stop()
    for fault in check.faults:
        print(f"FAULT: {fault}", file=sys.stderr)
    return 1 if check.faults else 0


if __name__ == "__main__":
    sys.exit(main())
