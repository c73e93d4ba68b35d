#!/usr/bin/env python3
"""Feeds hostile documents to `wattwise extract` and `wattwise ingest` and checks that their limits hold.

usage: check_attack_ingest.py PROGRAM

Makes documents of every class in a scratch folder: long runs of each kind of character, nesting,
single huge elements, PDFs that expand when they are read. Each must end within the limits of time and
memory that the program is given, as a row of the report at worst; the program itself must neither
hang nor crash. Prints a table and ends with 1 if a limit is passed.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from dataclasses import dataclass, field
from pathlib import Path

TIMEOUT_S = 3  # --extract-timeout: for one document, and again for its splitting
EMBED_TIMEOUT_S = 20  # --embed-timeout: for one document, which has some twenty chunks here
MEMORY_MIB = 384  # --extract-memory
SLACK_S = 4  # starting processes, loading the model, a busy machine
MAIN_MIB = 700  # the program itself with the model and every document of a class
RUN_BYTES = 200_000
EMBEDDED_RUN_BYTES = 2_000
SENTENCE = "Loft insulation saves energy in every home in the land. "

# One character, or a short sequence, of each class by which text is segmented (UAX #29, UAX #15).
RUNS = {
    "close": ")", "quote": "\u201d", "space": " ", "no-break": "\u00a0", "line": "\u2028", "newline": "\n",
    "cr": "\r", "form-feed": "\f", "stop": ".", "term": "!", "comma": ",", "colon": ":", "lower": "a", "upper": "A",
    "other-letter": "\u5c4b", "katakana": "\u30a2", "hebrew": "\u05d0", "thai": "\u0e01", "digit": "1", "underscore": "_",
    "mid-letter": "a'", "mid-number": "1,", "extend": "\u0301", "extend-many": "\u0315\u0301\u05ae", "format": "\u00ad",
    "joiner": "\u200d", "emoji": "\U0001f525", "emoji-joined": "\U0001f525\u200d", "flag": "\U0001f1ec", "hangul": "\u1100",
    "bidi": "\u202e", "private": "\ue000", "nul": "\0", "abbreviation": "e.g. ", "hyphen": "a-\n", "bullet": "- a\n",
}


@dataclass
class Tally:
    """What a class of documents cost."""

    files: int = 0
    refused: int = 0
    overdue: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0
    peak_mib: int = 0
    hangs: list = field(default_factory=list)
    crashes: list = field(default_factory=list)
    over: list = field(default_factory=list)


# ---- documents


def runs(kind):
    """A run of every class between two sentences, in one markup."""
    for name, unit in RUNS.items():
        run = unit * (RUN_BYTES // len(unit.encode()))
        text = f"{SENTENCE}a.{run} {SENTENCE}"
        if kind == "html":
            text = f"<!doctype html><html><body><main><p>{text}</p></main></body></html>"
        yield f"{name}.{kind}", text.encode()


def markdown():
    pairs = {
        "quotes": "> " * 100_000 + "x", "lists": "- " * 100_000 + "x", "brackets": "[" * 200_000, "links": "[a](" * 100_000,
        "emphasis": "*a **a " * 100_000, "ticks": "".join("`" * i + " " for i in range(1_500)), "references": "[x]: y\n" * 100_000,
        "footnotes": "".join(f"[^{i}]: [^{i + 1}]\n" for i in range(20_000)), "comments": "<!--" * 100_000, "table": "|a" * 50_000,
        "headings": "# h\n" * 100_000, "one-heading": "# " + "loft " * 200_000 + "\n\n" + "Wool.\n\n" * 20_000,
        "title": "---\ntitle: " + "x" * 1_000_000 + "\n---\n\n" + "Wool is warm.\n\n" * 20_000,
        "word": "x" * 4_000_000, "words": ("x" * 200 + " ") * 20_000, "entities": "&a" * 300_000,
    }
    for name, text in pairs.items():
        yield f"{name}.md", f"{text}\n\n{SENTENCE}".encode()


def html():
    pairs = {
        "div": "<div>" * 300_000, "bold": "<b>" * 100_000, "table": "<table><tr><td>" * 30_000, "list": "<ul><li>" * 50_000,
        "svg": "<svg>" + "<g>" * 100_000, "adoption": "<a><p>" * 20_000, "formatting": "<b><i><u><s>" * 5_000 + "<p>" * 5_000,
        "colspan": "<table><tr><td colspan=99999999>x" + "<tr><td rowspan=65534 colspan=1000>y" * 300 + "</table>",
        "attributes": "<p " + " ".join(f"a{i}=1" for i in range(100_000)) + ">", "comments": "<!--" * 300_000,
        "title": "<title>" + "x" * 4_000_000 + "</title>", "pre": "<pre>" + "a\n" * 3_000_000 + "</pre>",
        "pre-line": "<pre>" + "a " * 2_000_000 + "</pre>", "breaks": "<br>" * 300_000, "word": "<p>" + "x" * 6_000_000 + "</p>",
        "paragraphs": f"<p>{SENTENCE}</p>" * 60_000, "links": "<a href=/x>y</a> " * 60_000, "json": "<script>" + "[" * 1_000_000,
        "template": "<template>" * 50_000, "select": "<select><option>" * 50_000,
    }
    for name, text in pairs.items():
        yield f"{name}.html", f"<!doctype html><html><body>{text}<p>{SENTENCE}</p>".encode()


def text():
    pairs = {
        "lines": "Loft wool is warm.\n" * 200_000, "columns": ("a" + " " * 300 + "b\n") * 10_000, "tabs": "\t" * 2_000_000 + "x",
        "underlined": "a\n===\n" * 100_000, "pages": "a\f" * 200_000, "base64": "QUJD" * 500_000,
    }
    for name, body in pairs.items():
        yield f"{name}.txt", f"{body}\n\n{SENTENCE}".encode()
    yield "invalid.txt", b"\xc3(" * 1_000_000 + SENTENCE.encode()
    yield "utf16.txt", (SENTENCE * 10_000).encode("utf-16")


def stream(data, entries=b""):
    packed = zlib.compress(data, 9)
    return b"<<%s/Filter/FlateDecode/Length %d>>\nstream\n%s\nendstream" % (entries, len(packed), packed)


def pdf(content, resources=b"", more=()):
    """A page with one content stream; objects from number 6 on are `more`."""
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R%s>>%s>>>>"
    fonts = b"/F2 6 0 R" if b"/F2" in content[:200] else b""
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>", page % (fonts, resources),
               stream(content), b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>", *more]
    out, offsets = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    count = len(objects) + 1
    return out + b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (
        count, table, count, len(out))


def pdfs():
    shown = b"BT /F1 12 Tf 72 700 Td (Loft insulation saves energy.) Tj ET\n"
    yield "plain.pdf", pdf(shown)
    # Code ranges of four thousand million entries, many times.
    ranges = b"1 beginbfrange <00000000> <ffffffff> <0041> endbfrange\n" * 20_000
    cmap = stream(b"begincmap 1 begincodespacerange <0000> <ffffffff> endcodespacerange\n" + ranges + b"endcmap")
    font = b"<</Type/Font/Subtype/Type0/BaseFont/X/Encoding/Identity-H/ToUnicode 7 0 R/DescendantFonts[<</Type/Font" \
           b"/Subtype/CIDFontType2/BaseFont/X/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>" \
           b"/W[0 4294967295 500]>>]>>"
    yield "code-ranges.pdf", pdf(b"BT /F2 12 Tf <0041> Tj ET", more=[font, cmap])
    # Twelve forms, each of which shows the next ten times.
    forms = []
    for number in range(12):
        last = number == 11
        body = shown if last else b"/X%d Do " % (number + 1) * 10
        entries = b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</Font<</F1 5 0 R>>/XObject<</X%d %d 0 R>>>>"
        forms.append(stream(body, entries % (number + 1, 6 + min(number + 1, 11))))
    yield "forms.pdf", pdf(b"/X0 Do", b"/XObject<</X0 6 0 R>>", forms)
    nested = stream(b"{" * 100_000 + b"}" * 100_000, b"/FunctionType 4/Domain[0 1 0 1]/Range[0 1 0 1 0 1]")
    shading = b"/Shading<</S<</ShadingType 1/ColorSpace/DeviceRGB/Function 6 0 R>>>>"
    yield "function.pdf", pdf(b"/S sh " + shown, shading, [nested])
    yield "string.pdf", pdf(b"BT /F1 12 Tf 72 700 Td (" + b"a" * 20_000_000 + b") Tj ET")
    yield "deflated.pdf", pdf(shown + b" " * 100_000_000)
    yield "glyphs.pdf", pdf(b"BT /F1 1 Tf " + b"1 0 Td (a) Tj " * 400_000 + b"ET")
    yield "one-place.pdf", pdf(b"BT /F1 9 Tf " + b"1 0 0 1 50 50 Tm (word) Tj " * 100_000 + b"ET")
    yield "rules.pdf", pdf(shown + b"".join(b"%d 0 m %d 790 l S\n" % (i % 600, i % 600) for i in range(60_000)))
    yield "states.pdf", pdf(b"q " * 1_000_000 + shown)
    yield "strings.pdf", b"%PDF-1.7\n1 0 obj\n" + b"(" * 2_000_000


CLASSES = {
    "runs, Markdown": lambda: runs("md"), "runs, text": lambda: runs("txt"), "runs, HTML": lambda: runs("html"),
    "Markdown": markdown, "HTML": html, "text": text, "PDF": pdfs,
}

# ---- measuring


def processes(pid):
    """The process and those below it."""
    found, waiting = [], [pid]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                waiting.extend(int(child) for child in task.read_text().split())
            except OSError:
                pass
    return found


def look(pid):
    """CPU seconds and the most resident memory in MiB of one process, as far as it is still there."""
    try:
        # utime and stime, after the name, which may hold spaces.
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        status = Path(f"/proc/{pid}/status").read_text()
        peak = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")), 0)
        return cpu, peak // 1024
    except (OSError, IndexError):
        return 0.0, 0


def measure(command, limit_s, tally, name):
    """Runs a command and notes what it and its workers used. The exit status; None after a hang."""
    begun = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    cpu, main_peak = {}, 0
    while process.poll() is None:
        for pid in processes(process.pid):
            used, peak = look(pid)
            cpu[pid] = max(cpu.get(pid, 0.0), used)
            if pid == process.pid:
                main_peak = max(main_peak, peak)
            else:
                tally.peak_mib = max(tally.peak_mib, peak)
        if time.monotonic() - begun > limit_s:
            below = processes(process.pid)
            for pid in below:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            process.wait()
            tally.hangs.append(name)
            return None
        time.sleep(0.02)
    tally.wall_s = max(tally.wall_s, time.monotonic() - begun)
    tally.cpu_s = max([tally.cpu_s, *cpu.values()])
    if main_peak > MAIN_MIB:
        tally.over.append(f"{name}: {main_peak} MiB in the program itself")
    return process.returncode


def extract(program, files, tally):
    for file in files:
        command = [program, "extract", "--json", "--extract-timeout", str(TIMEOUT_S), "--extract-memory", str(MEMORY_MIB), file]
        begun = time.monotonic()
        status = measure(command, TIMEOUT_S + SLACK_S, tally, file.name)
        tally.files += 1
        tally.refused += status == 1
        tally.overdue += status == 1 and time.monotonic() - begun > TIMEOUT_S
        if status not in (0, 1, None):
            tally.crashes.append(f"{file.name}: exit status {status}")


def ingest(program, folder, files, tally, dry_run):
    index, report = folder / "index", folder / "report.json"
    command = [program, "ingest", "--docs", folder / "docs", "--index", index, "--report", report,
               "--extract-timeout", str(TIMEOUT_S), "--extract-memory", str(MEMORY_MIB),
               "--embed-timeout", str(EMBED_TIMEOUT_S), *(["--dry-run"] if dry_run else [])]
    workers = max(1, min(os.cpu_count() or 1, 8))
    each = 2 * TIMEOUT_S if dry_run else 2 * TIMEOUT_S + 2 * EMBED_TIMEOUT_S
    status = measure(command, len(files) * each / workers + 2 * SLACK_S + each, tally, folder.name)
    tally.files += len(files)
    if status is None:
        return
    if status not in (0, 1):
        tally.crashes.append(f"{folder.name}: exit status {status}")
        return
    rows = json.loads(report.read_text())["sources"]
    reasons = [row["reason"] or "" for row in rows if row["status"] in ("failed", "kept_stale")]
    tally.refused += len(reasons)
    tally.overdue += sum("took longer" in reason for reason in reasons)
    if len(rows) != len(files):
        tally.crashes.append(f"{folder.name}: {len(rows)} rows for {len(files)} files")


def write(folder, documents):
    docs = folder / "docs"
    docs.mkdir(parents=True)
    files = []
    for name, body in documents:
        (docs / name).write_bytes(body)
        files.append(docs / name)
    return files


def check(program, scratch):
    """All classes; a list of what passed a limit."""
    tallies = {}
    for number, (name, documents) in enumerate(CLASSES.items()):
        folder = scratch / str(number)
        files = write(folder, documents())
        # The command alone sees what stands out; ingest sees every file.
        extract(program, files if name == "PDF" else files[::6], tallies.setdefault(f"extract: {name}", Tally()))
        ingest(program, folder, files, tallies.setdefault(f"ingest --dry-run: {name}", Tally()), dry_run=True)
    folder = scratch / "embedded"
    small = [(f"{name}.md", f"{SENTENCE}a.{unit * (EMBEDDED_RUN_BYTES // len(unit.encode()))} {SENTENCE}".encode()) for name, unit in RUNS.items()]
    files = write(folder, [*small, *(entry for entry in pdfs() if entry[0] in ("forms.pdf", "plain.pdf"))])
    ingest(program, folder, files, tallies.setdefault("ingest: all kinds", Tally()), dry_run=False)

    faults = []
    print(f"{'':34} {'files':>6} {'refused':>8} {'overdue':>8} {'CPU s':>7} {'wall s':>7} {'peak MiB':>9} {'hangs':>6} {'crashes':>8}")
    for name, tally in tallies.items():
        print(f"{name:34} {tally.files:6} {tally.refused:8} {tally.overdue:8} {tally.cpu_s:7.2f} {tally.wall_s:7.2f} {tally.peak_mib:9}"
              f" {len(tally.hangs):6} {len(tally.crashes):8}")
        if tally.peak_mib > MEMORY_MIB:
            tally.over.append(f"a worker used {tally.peak_mib} MiB of {MEMORY_MIB}")
        faults += [f"{name}: {fault}" for fault in [*(f"hang: {hang}" for hang in tally.hangs), *tally.crashes, *tally.over]]
    return faults


def main(program):
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        faults = check(program, Path(scratch))
    print(f"{time.monotonic() - begun:.0f} s")
    for fault in faults:
        print(f"FAULT {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]).resolve()))
