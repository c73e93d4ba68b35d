#!/usr/bin/env python3
"""Attacks on a running server over loopback, and what they did to it.

Starts WATTWISE itself on a free port, with an index, and measures:
memory under HTTP/2 streams that let nothing through, the service to others while slow bodies are
held, and what a page of another site can post to a server without keys.

Usage: check_attack_server.py WATTWISE INDEX
Prints one row a figure and exits with 1 if one missed its aim. Standard library only.
"""

import http.client
import json
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

# The aims.
MOST_DURING_MB = 400
MOST_LEFT_MB = 40
SLOW_BODIES = 1000
MOST_P99_S = 1.0

CONNECTIONS = 20
STREAMS = 100
START_TIMEOUT_S = 60
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS, HEADERS = 4, 1
END_STREAM_AND_HEADERS = 5


class Server:
    """A server of its own, with an empty state."""

    def __init__(self, wattwise, index, *flags):
        self.folder = tempfile.TemporaryDirectory()
        self.log = open(os.path.join(self.folder.name, "log"), "w+", encoding="utf8")
        env = {name: value for name, value in os.environ.items() if not name.startswith("WATTWISE")}
        env.pop("AUTH_API_KEY", None)
        command = [wattwise, "serve", "--bind", "127.0.0.1:0", "--index", index, "--state",
                   os.path.join(self.folder.name, "state"),
                   "--log-format", "json", *flags]
        self.process = subprocess.Popen(command, stderr=self.log, stdout=subprocess.DEVNULL,
                                        env=env, cwd=self.folder.name)
        self.port = self._port()

    def _port(self):
        end = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < end and self.process.poll() is None:
            with open(self.log.name, encoding="utf8") as log:
                for line in log:
                    address = json.loads(line).get("server.address") if line.endswith("\n") else None
                    if address:
                        return int(address.rsplit(":", 1)[1])
            time.sleep(0.05)
        with open(self.log.name, encoding="utf8") as log:
            raise SystemExit(f"the server did not start: {log.read()[-800:]}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        self.folder.cleanup()

    def resident_mb(self):
        with open(f"/proc/{self.process.pid}/status", encoding="utf8") as status:
            line = next(line for line in status if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def request(self, method, path, body=None, headers=None, timeout=30):
        """Status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def header_block(headers):
    """HPACK: literals without indexing, names and values under 127 bytes (RFC 7541, 6.2.2)."""
    block = b""
    for name, value in headers:
        name, value = name.encode(), value.encode()
        block += b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value
    return block


def deaf_connection(server, path):
    """A connection that asks STREAMS times and lets no byte of a body through."""
    block = header_block([(":method", "GET"), (":path", path), (":scheme", "http"),
                          (":authority", "localhost")])
    window = struct.pack(">HI", 4, 0)
    requests = (frame(HEADERS, END_STREAM_AND_HEADERS, 2 * number + 1, block) for number in range(STREAMS))
    connection = server.connect()
    connection.sendall(PREFACE + frame(SETTINGS, 0, 0, window) + b"".join(requests))
    return connection


def zero_window(server, path="/docs/swagger-ui-bundle.js"):
    """Megabytes resident before, at most during, and after streams that nobody reads."""
    server.request("GET", path)
    server.request("POST", "/retrieve_contexts?message=loft")
    before = server.resident_mb()
    connections = [deaf_connection(server, path) for _ in range(CONNECTIONS)]
    during = before
    for _ in range(40):
        time.sleep(0.5)
        during = max(during, server.resident_mb())
    for connection in connections:
        connection.close()
    end = time.monotonic() + 10
    while (after := server.resident_mb()) > before + MOST_LEFT_MB and time.monotonic() < end:
        time.sleep(0.5)
    return before, during, after


def slow_bodies(server, seconds=10):
    """Requests of others, those of them that were answered, and their p99 in seconds, while
    SLOW_BODIES bodies are held; then how many of these the server had not given up at the end."""
    head = b"POST /ask?session_id=x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"
    held = []
    for _ in range(SLOW_BODIES):
        connection = server.connect()
        connection.sendall(head)
        held.append(connection)
    asked, answered, took = 0, 0, []
    lock = threading.Lock()
    end = time.monotonic() + seconds

    def others():
        nonlocal asked, answered
        kinds = [("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/version"),
                 ("POST", "/get_session_id"), ("POST", "/retrieve_contexts?message=loft")]
        number = 0
        while time.monotonic() < end:
            start = time.monotonic()
            try:
                status, _ = server.request(*kinds[number % len(kinds)], timeout=10)
            except OSError:
                status = 0
            with lock:
                asked += 1
                answered += status == 200
                took.append(time.monotonic() - start)
            number += 1
            time.sleep(0.05)

    threads = [threading.Thread(target=others) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    still_held = 0
    for connection in held:
        connection.setblocking(False)
        try:
            connection.recv(1)
        except BlockingIOError:
            still_held += 1
        except OSError:
            pass
    for connection in held:
        connection.close()
    took.sort()
    return asked, answered, took[int(len(took) * 0.99) - 1], still_held


def foreign_posts(server):
    """Posts that a page of another site can make a browser send, and those that were accepted."""
    origin = {"Origin": "https://evil.example"}
    site = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    message = json.dumps({"message": "written by a page"}).encode()
    summary = json.dumps({"session_id": "x", "contexts": ["c"], "message_history": ["m"]}).encode()
    model = json.dumps({"model": "wattwise", "messages": [{"role": "user", "content": "loft"}]}).encode()
    bodies = [("/chat", message), ("/generate_summary", summary), ("/v1/chat/completions", model),
              ("/save_records", summary), ("/feedback", message), ("/ask?session_id=x", message),
              ("/get_session_history", summary), ("/get_session_id", b"a=b"),
              ("/retrieve_contexts?message=loft", b"")]
    types = [None, "", "text/plain", "application/x-www-form-urlencoded", "application/json"]
    tried, accepted = 0, []
    for path, body in bodies:
        for kind in types:
            for marks in (origin, site, {**origin, **site}, {"Origin": "null"}):
                headers = dict(marks) if kind is None else {**marks, "Content-Type": kind}
                status, _ = server.request("POST", path, body, headers)
                tried += 1
                if status not in (403, 415):
                    accepted.append((path, kind, marks, status))
    for path, body in bodies[:3]:
        # A program says where it comes from by its content type; a page needs leave for that.
        status, _ = server.request("POST", path, body, {"Content-Type": "application/json"})
        if status != 200:
            raise SystemExit(f"{path} does not work at all: {status}")
    return tried, accepted


def allow_descriptors():
    """As many connections as there are slow bodies, and then some."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * SLOW_BODIES
    if most != resource.RLIM_INFINITY and most < wanted:
        raise SystemExit(f"{wanted} descriptors are needed and the hard limit is {most}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def figures(wattwise, index):
    """Rows of name, value, aim and whether it was met."""
    allow_descriptors()
    with Server(wattwise, index) as server:
        before, during, after = zero_window(server)
    rows = [
        ("zero window: resident before", f"{before:.0f} MB", "", True),
        ("zero window: most during", f"{during:.0f} MB", f"under {MOST_DURING_MB} MB", during < MOST_DURING_MB),
        ("zero window: left behind", f"{after - before:.0f} MB", f"within {MOST_LEFT_MB} MB",
         after - before <= MOST_LEFT_MB),
    ]
    with Server(wattwise, index) as server:
        asked, answered, p99, still_held = slow_bodies(server)
    rows += [
        ("slow bodies held meanwhile", f"{still_held} of {SLOW_BODIES}", "", True),
        (f"{SLOW_BODIES} slow bodies: others answered", f"{answered} of {asked}", "all", answered == asked > 0),
        (f"{SLOW_BODIES} slow bodies: p99 of others", f"{p99 * 1000:.0f} ms", f"under {MOST_P99_S:.0f} s",
         p99 < MOST_P99_S),
    ]
    with Server(wattwise, index) as server:
        tried, accepted = foreign_posts(server)
    for case in accepted[:5]:
        print("accepted:", *case, file=sys.stderr)
    rows.append(("foreign posts accepted", f"{len(accepted)} of {tried}", "0", not accepted))
    return rows


def main(arguments):
    if len(arguments) != 2:
        raise SystemExit(__doc__)
    wattwise, index = (os.path.abspath(argument) for argument in arguments)
    rows = figures(wattwise, index)
    print("| figure | value | aim | |\n| --- | --- | --- | --- |")
    for name, value, aim, is_met in rows:
        print(f"| {name} | {value} | {aim} | {'ok' if is_met else 'MISSED'} |")
    return 0 if all(is_met for *_, is_met in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
