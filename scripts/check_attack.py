#!/usr/bin/env python3
"""What a hostile client, document or file can do to the program: a table of figures with their aims.

Usage: check_attack.py WATTWISE

Makes an index of two guides, attacks copies of it and servers over it on loopback, and ends with status 1 where an aim is
missed. The checks of connections and of ingest lie in check_attack_server.py and check_attack_ingest.py beside this file. A
debug build costs several times the CPU; its aims say so.
"""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import urllib.parse
from pathlib import Path

import check_attack_server

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

# Longer than this and a request, a command or an end counts as a hang.
HANG_SECONDS = 20
# A body just under --max-body.
BODY_BYTES = 1_900_000
# CPU that one request may cost, by build. A debug build runs our own code at a low level of optimisation.
CPU_AIM_SECONDS = {"release": 2.0, "debug": 8.0}
# The bodies stop here and say how many there were, so that the whole stays under 5 minutes.
BODIES_SECONDS = 60


class Server:
    """A server over an index, on a port that the system chose."""

    def __init__(self, binary, index, state, *flags, logs=None):
        self.log = (logs or Path(state).parent) / f"{Path(state).name}.log"
        command = [binary, "serve", "--index", index, "--state", state, "--bind", "127.0.0.1:0", "--log-format", "json"]
        environment = {**os.environ}
        environment.pop("AUTH_API_KEY", None)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([*map(str, command), *flags], stderr=log, env=environment, cwd=self.log.parent)
        deadline = time.monotonic() + 60
        while not (found := re.search(r'"server.address":"127.0.0.1:(\d+)"', self.log.read_text())):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"the server does not start: {self.log.read_text()[-2000:]}")
            time.sleep(0.05)
        self.port = int(found[1])

    def ask(self, method, path, body=None, timeout=HANG_SECONDS):
        """Status and body of a reply."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            headers = {"content-type": "application/json"} if body is not None else {}
            payload = json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass") if body is not None else None
            connection.request(method, path, payload, headers)
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def session(self):
        return json.loads(self.ask("POST", "/get_session_id")[1])["session_id"]

    def cpu(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        """Whether it ends by SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(HANG_SECONDS + 10)
            return True
        except subprocess.TimeoutExpired:
            self.kill()
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()


# What may lie where a regular file should.


def fifo(path):
    os.mkfifo(path)


def device(path):
    os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 5))


def directory(path):
    path.mkdir()


def link(path):
    path.symlink_to("/dev/zero")


def unix_socket(path):
    with socket.socket(socket.AF_UNIX) as listener:
        # The path of a socket is short; bind where it lies.
        here = os.getcwd()
        os.chdir(path.parent)
        try:
            listener.bind(path.name)
        finally:
            os.chdir(here)


KINDS = [fifo, device, directory, link, unix_socket]


def remove(path):
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink()


def files_of_an_index(binary, index, work):
    """Every file of a generation, and CURRENT, as something else: `snapshot verify` must say so and end."""
    copy = work / "files"
    shutil.copytree(index, copy)
    generation = (copy / "CURRENT").read_text().strip()
    cases = hangs = opened = 0
    left_out = set()
    for file in [copy / "CURRENT", *sorted((copy / generation).iterdir())]:
        whole = file.read_bytes()
        for kind in KINDS:
            file.unlink()
            try:
                kind(file)
            except PermissionError:
                left_out.add(kind.__name__)
                file.write_bytes(whole)
                continue
            command = [str(binary), "snapshot", "--index", str(copy), "verify", "--files-only"]
            cases += 1
            try:
                ended = subprocess.run(command, capture_output=True, timeout=HANG_SECONDS, cwd=work)
                opened += ended.returncode == 0
            except subprocess.TimeoutExpired:
                hangs += 1
            remove(file)
            file.write_bytes(whole)
    without = f", not tried: {', '.join(sorted(left_out))}" if left_out else ""
    yield "files of an index as something else", f"{hangs} hangs, {opened} opened, {cases} cases{without}", "0, 0", not (
        hangs or opened
    )


def current_under_a_server(binary, index, work):
    """CURRENT as something else while a server runs and when one starts: it answers, and it ends."""
    copy = work / "current"
    shutil.copytree(index, copy)
    current = copy / "CURRENT"
    whole = current.read_bytes()
    cases = faults = 0
    for kind in KINDS:
        server = Server(binary, copy, work / f"state-{kind.__name__}", "--reload-interval", "1")
        current.unlink()
        try:
            kind(current)
        except PermissionError:
            current.write_bytes(whole)
            server.stop()
            continue
        server.process.send_signal(signal.SIGHUP)
        time.sleep(1.5)
        faults += 1 - ready(server)
        faults += 1 - server.stop()
        server = Server(binary, copy, work / f"state-{kind.__name__}")
        faults += 1 - ready(server)
        faults += 1 - server.stop()
        cases += 4
        remove(current)
        current.write_bytes(whole)
    yield "CURRENT as something else, readiness and SIGTERM", f"{faults} of {cases} fail", "0", faults == 0 and cases > 0


def ready(server):
    try:
        return server.ask("GET", "/readyz", timeout=10)[0] == 200
    except OSError:
        return False


# One character or phrase for each class that sentence and word breaks, Markdown, JSON and the tokenizer tell apart.
CLASSES = {
    "letters": "a", "capitals": "A", "words": "loft ", "digits": "7", "spaces": " ", "tabs": "\t", "lines": "\n",
    "returns": "\r", "paragraph separators": "\u2029", "no-break spaces": "\u00a0", "full stops": ".", "ends": "!?",
    "closing marks": ")", "opening marks": "(", "quotes": '"', "curly quotes": "\u2019", "commas": ",", "hyphens": "-",
    "underscores": "_", "stars": "*", "ticks": "`", "brackets": "[", "closing brackets": "]", "angles": "<", "pipes": "|",
    "backslashes": "\\", "ampersands": "&", "hashes": "#", "nul": "\u0001", "combining marks": "\u0301",
    "joiners": "\u200d", "soft hyphens": "\u00ad", "marks of direction": "\u202e", "flags": "\U0001f1ec",
    "emoji": "\U0001f525", "skin tones": "\U0001f44d\U0001f3fd", "CJK": "\u5c4b", "ideographic stops": "\u3002",
    "kana": "\u30ab", "Hangul": "\ud55c", "Thai": "\u0e01", "Arabic": "\u0627", "Hebrew": "\u05d0", "Devanagari": "\u0915\u094d",
    "sharp s": "\u00df", "ligatures": "\ufdfa", "replacement": "\ufffd", "unassigned": "\U000e0080",
    "a stop and closing marks": ("a.", ")"), "a stop and spaces": ("a.", " "), "a stop and marks": ("a.", "\u0301"),
    "a stop, then lower case": ("a. ", "1"), "sentences": "It saves energy. ", "short sentences": "a. ", "numbers": "3.5 kWh, ",
    "citations": "[1]", "links": "[a](b)", "tables": "|a|b\n|-|-\n", "lists": "- a\n", "abbreviations": "e.g. Mr. ",
}  # fmt: skip


def text_of(kind):
    head, unit = kind if isinstance(kind, tuple) else ("", kind)
    return head + unit * ((BODY_BYTES - 200) // max(len(unit.encode()), len(json.dumps(unit, ensure_ascii=False).encode()) - 2))


def bodies(session):
    """The routes that take text, each with where the text goes."""
    quoted = urllib.parse.quote
    return {
        "/ask": lambda text: ("/ask?session_id=" + session, {"message": text}),
        "/retrieve_contexts": lambda text: ("/retrieve_contexts?message=" + quoted(text[:10_000]), None),
        "/generate_summary contexts": lambda text: (
            "/generate_summary",
            {"session_id": "x", "contexts": [text], "message_history": ["How do I insulate a loft?"]},
        ),
        "/generate_summary messages": lambda text: (
            "/generate_summary",
            {"session_id": "x", "contexts": ["Loft wool saves energy."], "message_history": [text]},
        ),
        "/chat": lambda text: ("/chat", {"message": text}),
        "/v1/chat/completions": lambda text: (
            "/v1/chat/completions",
            {"model": "wattwise", "messages": [{"role": "user", "content": text}]},
        ),
        "/save_records": lambda text: ("/save_records", {"session_id": session, "summary": text}),
        "/feedback": lambda text: ("/feedback", {"session_id": session, "rating": 1, "comment": text}),
    }


def cpu_of_bodies(binary, index, work):
    """The most CPU that one request costs, over every class of characters on every route that takes text."""
    build = "debug" if "debug" in Path(binary).parts else "release"
    aim = CPU_AIM_SECONDS[build]
    server = Server(binary, index, work / "state-bodies", "--max-session-size", "1000000")
    largest, where, tried, hangs = 0.0, "", 0, 0
    begun = time.monotonic()
    routes = bodies(server.session())
    # Each class on some route first, then on the next, so that a run that is cut short has met every class.
    names, paths = list(CLASSES), list(routes)
    cases = [(name, paths[(row + turn) % len(paths)]) for turn in range(len(paths)) for row, name in enumerate(names)]
    for name, route in cases:
        if time.monotonic() - begun > BODIES_SECONDS:
            break
        path, body = routes[route](text_of(CLASSES[name]))
        before = server.cpu()
        try:
            server.ask("POST", path, body)
        except OSError:
            # It may still be at work on it.
            hangs += 1
            largest, where = max((largest, where), (server.cpu() - before, f"{route}, {name}"))
            server.kill()
            server = Server(binary, index, work / "state-bodies", "--max-session-size", "1000000")
            routes = bodies(server.session())
            continue
        spent = server.cpu() - before
        tried += 1
        largest, where = max((largest, where), (spent, f"{route}, {name}"))
    ends = server.stop()
    found = f"{largest:.2f} s ({where}), {hangs} hangs, {tried} of {len(cases)} bodies"
    yield f"CPU of a 1.9 MB body, {build} build", found, f"{aim:g} s, 0", largest <= aim and not hangs and ends


def full_state(binary, index, work):
    """--max-state-size, and a disk that is full where one may be mounted: 507, readiness tells it, DELETE works."""
    yield filled("state at --max-state-size", Server(binary, index, work / "state-full", "--max-state-size", "1"))
    mount = work / "disk"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=24m", "none", str(mount)]
    if subprocess.run(command, capture_output=True).returncode != 0:
        yield "state on a full disk", "not tried, this user may not mount a small disk", "", True
        return
    try:
        server = Server(binary, index, mount / "state", logs=work)
        row = filled("state on a full disk (tmpfs)", server, ballast=mount / "ballast")
    finally:
        subprocess.run(["umount", "--lazy", str(mount)], check=True)
    yield row


def filled(name, server, ballast=None):
    doomed = [server.session() for _ in range(8)]
    text = {"message": "x" * 8_000}
    for session in doomed * 10:
        server.ask("POST", f"/ask?session_id={session}", text)
    if ballast:
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(b"x" * 4096):
                pass
    for _ in range(1000):
        full = server.ask("POST", f"/ask?session_id={doomed[0]}", text)[0]
        if full != 200:
            break
    ready_when_full, reason = server.ask("GET", "/readyz")
    deleted = [server.ask("DELETE", f"/sessions/{session}")[0] for session in doomed[1:]]
    if ballast:
        ballast.unlink()
    deadline = time.monotonic() + HANG_SECONDS
    again = 0
    while again != 200 and time.monotonic() < deadline:
        again = server.ask("POST", f"/ask?session_id={doomed[0]}", text)[0]
        time.sleep(0.2)
    ready_again = server.ask("GET", "/readyz")[0]
    ends = server.stop()
    gone = sum(status < 300 for status in deleted)
    found = f"write {full}, ready {ready_when_full}, {gone} of {len(deleted)} deleted, then {again} and {ready_again}"
    told = (b"disk" if ballast else b"--max-state-size") in reason
    met = (full, ready_when_full, again, ready_again) == (507, 503, 200, 200) and told and gone == len(deleted) and ends
    return name, found, "507, 503, all, 200, 200", met


def database_gone(binary, index, work):
    """A database that is deleted under a server takes no more writes, and readiness tells it."""
    state = work / "state-gone"
    server = Server(binary, index, state)
    session = server.session()
    (state / "wattwise.sqlite3").unlink()
    write = server.ask("POST", f"/ask?session_id={session}", {"message": "x"})[0]
    status, reason = server.ask("GET", "/readyz")
    ends = server.stop()
    met = write == status == 503 and b"deleted or replaced" in reason and ends
    yield "database deleted under a server", f"write {write}, ready {status}", "503, 503", met


def two_servers(binary, index, work):
    """A second server on one state directory is refused and told where the first is; after a kill one starts."""
    state = work / "state-two"
    first = Server(binary, index, state)
    try:
        Server(binary, index, state)
        refused = "not refused"
    except RuntimeError as error:
        refused = "refused" if f"127.0.0.1:{first.port}" in str(error) else "refused without an address"
    first.kill()
    started = Server(binary, index, state).stop()
    found = f"{refused}, {'one starts' if started else 'none starts'} after a kill"
    yield "second server on one state", found, "refused, one starts", refused == "refused" and started


def other_checks(binary, index):
    """Rows of the checks in the files beside this one."""
    try:
        yield from check_attack_server.figures(str(binary), str(index))
    except Exception as error:  # noqa: BLE001 - one part that fails must not hide the others
        yield "connections", f"failed: {error!r}", "", False
    # Its own table has a row for each class of documents.
    ingest = subprocess.run([sys.executable, HERE / "check_attack_ingest.py", binary], stderr=subprocess.PIPE, text=True)
    faults = ingest.stderr.count("FAULT")
    sys.stderr.write(ingest.stderr)
    yield "hostile documents, extract and ingest", f"{faults} faults, exit {ingest.returncode}", "0, 0", ingest.returncode == 0


def fuzz_figures():
    """What the last `make fuzz` found, where there was one."""
    logs = sorted((ROOT / "target/fuzz").glob("*.log"))
    if not logs:
        yield "fuzz executions and crashes", "not run here: make fuzz", "0 crashes", True
        return
    runs = sum(int(n) for log in logs for n in re.findall(r"number_of_executed_units: *(\d+)", log.read_text(errors="replace")))
    crashes = sum(log.with_suffix(".status").read_text().strip() != "0" for log in logs if log.with_suffix(".status").exists())
    yield "fuzz executions and crashes", f"{runs} over {len(logs)} targets, {crashes} crash", "0 crashes", crashes == 0


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    binary = Path(sys.argv[1]).resolve()
    begun = time.monotonic()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "docs").mkdir()
        for guide in ("loft-insulation.md", "draught-proofing.md"):
            shutil.copy(ROOT / "data/guides" / guide, work / "docs")
        index = work / "index"
        command = [str(binary), "ingest", "--docs", "docs", "--index", str(index)]
        subprocess.run(command, cwd=work, check=True, capture_output=True)
        for check in (files_of_an_index, current_under_a_server, full_state, database_gone, two_servers, cpu_of_bodies):
            try:
                rows.extend(check(binary, index, work))
            except Exception as error:  # noqa: BLE001 - the table names what failed
                rows.append((check.__name__, f"failed: {error!r}", "", False))
        rows.extend(other_checks(binary, index))
        rows.extend(fuzz_figures())
    widths = [max(len(str(row[column])) for row in rows) for column in range(3)]
    for name, found, aim, met in rows:
        print(f"{name:{widths[0]}}  {found:{widths[1]}}  {aim:{widths[2]}}  {'ok' if met else 'MISSED'}")
    print(f"{time.monotonic() - begun:.0f} s")
    sys.exit(0 if all(row[3] for row in rows) else 1)


if __name__ == "__main__":
    main()
