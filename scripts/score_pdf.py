#!/usr/bin/env python3
"""Scores the PDF text extraction of a `wattwise` binary (standard library only).

usage: score_pdf.py --binary PATH --pdfs DIR --truth FILE [--seed DIR] [--more DIR] [--questions FILE] [--worst N]

  --pdfs DIR        a directory of PDF files, healthy to hostile: each is extracted in a process of
                    its own with 5 s of CPU and 512 MB; reports failures, crashes and slow files
  --truth FILE      the true text of DIR/<same name>.pdf: word F1 and order against it
                    with pypdf and pdfplumber also: is each quote on the page that we name (page truth), and
                    are the rows of ruled tables the same
  --seed DIR        the seed PDFs: "efficien*" kept, CPU, and word F1 against pypdf if it is installed
  --questions FILE  JSON lines with `source`, `pages`, `answers`: is each answer in the text, on its
                    page, in one block? (needs --seed)

Runs `PATH extract FILE --json`, which prints {"title", "text", "blocks": [{"kind", "start", "end",
"page"}], "page_count", "warnings"}; start and end count bytes of the UTF-8 text (--chars: characters).
Words are runs of letters and digits after NFKC and lower case. F1 compares them as multisets; order is
2 * M / (words of both), M being the matching words that difflib finds in sequence. Running headers and
page numbers are dropped by design, so both figures are also given against the truth without them.
"""
import argparse
import collections
import difflib
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
import unicodedata

CPU_SECONDS = 5
MEMORY_BYTES = 512 << 20


def limit():
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


class Run:
    """One extraction in a process of its own."""

    def __init__(self, options, path):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.monotonic()
        try:
            done = subprocess.run(
                [*options.command, path, *options.arguments],
                capture_output=True, preexec_fn=limit, timeout=CPU_SECONDS * 6,
            )
            self.code, out, self.error = done.returncode, done.stdout, done.stderr.decode(errors="replace")
        except subprocess.TimeoutExpired:
            self.code, out, self.error = -signal.SIGXCPU, b"", "timed out"
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.wall = time.monotonic() - started
        self.document = json.loads(out) if self.code == 0 else None
        if self.document and not options.chars:
            raw = self.document["text"].encode()
            for block in self.document["blocks"]:
                block["text"] = raw[block["start"]:block["end"]].decode()
        elif self.document:
            for block in self.document["blocks"]:
                block["text"] = self.document["text"][block["start"]:block["end"]]

    @property
    def crashed(self):
        return self.code < 0 or self.code > 100 or "panicked" in self.error


def words(text):
    text = unicodedata.normalize("NFKC", text).lower()
    # With or without its hyphen a compound is the same word, at a line end or not.
    return re.findall(r"\w+", re.sub(r"(?<=[^\W\d])[-\u00ad\u2010\u2011]\s*(?=[^\W\d])", "", text))


def f1(ours, truth):
    same = sum((collections.Counter(ours) & collections.Counter(truth)).values())
    return 2 * same / max(len(ours) + len(truth), 1)


def order(ours, truth):
    matcher = difflib.SequenceMatcher(None, ours, truth, autojunk=False)
    same = sum(block.size for block in matcher.get_matching_blocks())
    return 2 * same / max(len(ours) + len(truth), 1)


def without_running_lines(pages, numbered=False):
    """The text without what stands at the edges of pages and is a number or repeats, numbers aside.
    Where `pages` are all pages of a file (numbered), what begins or ends with the number of its page goes
    too: some readers glue it to the word beside it."""
    def shape(line):
        return re.sub(r"\d+", "#", line)

    def numbers(line):
        return [int(number) for number in re.findall(r"^\d{1,4}(?= )|\d{1,4}$", line)]

    edges = []
    for page in pages:
        lines = [line.strip() for line in page.splitlines() if line.strip()]
        edges.append(set(lines[:2] + lines[-2:]))
    counts = collections.Counter(kind for edge in edges for kind in {shape(line) for line in edge})
    anywhere = collections.Counter(kind for page in pages for kind in {shape(line.strip()) for line in page.splitlines()})
    # What stands in the middle of many pages too is text: `Definition 12`.
    repeats = collections.Counter({kind: count for kind, count in counts.items() if count > 0.8 * anywhere[kind]})
    offsets = collections.Counter(
        offset for index, edge in enumerate(edges) for offset in {number - index for line in edge for number in numbers(line)}
    )
    offset, often = offsets.most_common(1)[0] if offsets else (0, 0)
    kept = []
    for index, (page, edge) in enumerate(zip(pages, edges)):
        for line in map(str.strip, page.splitlines()):
            running = line in edge and (
                re.fullmatch(r"\d{1,4}|[ivxlc]{1,6}", line)
                or (repeats[shape(line)] >= 2 and re.match(r"\d+ |.* \d+$", line))
                or repeats[shape(line)] >= 5
                or (numbered and often * 2 > len(pages) and index + offset in numbers(line))
            )
            running = running or (numbered and len(line) > 12 and anywhere[shape(line)] >= 5 and anywhere[shape(line)] * 4 > len(pages))
            if not running:
                kept.append(line)
    return "\n".join(kept)


def plain(text):
    """For looking answers up: no case, no kinds of quotes, no white space, no hyphens."""
    text = unicodedata.normalize("NFKC", text).lower()
    text = text.translate({0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"'})
    return re.sub(r"[\s\u00ad\u2010\u2011-]", "", text)


def score_robustness(options):
    paths = sorted(os.path.join(options.pdfs, name) for name in os.listdir(options.pdfs) if name.endswith(".pdf"))
    refused, over, crashed, slow, cpu = collections.Counter(), [], [], [], 0.0
    for path in paths:
        run = Run(options, path)
        cpu += run.cpu
        name = os.path.basename(path)
        if run.code in (-signal.SIGXCPU, -signal.SIGKILL) or "memory allocation" in run.error:
            over.append(f"{name} ({run.code}, {run.cpu:.1f} s)")
        elif run.crashed:
            crashed.append(f"{name} ({run.code}) {run.error.strip()[:200]}")
        elif run.code:
            refused[re.sub(r"\d+", "#", run.error.strip().splitlines()[-1] if run.error.strip() else "?")] += 1
        if run.cpu > 1:
            slow.append(f"{name} {run.cpu:.1f} s")
    print(f"files {len(paths)}: extracted {len(paths) - sum(refused.values()) - len(crashed) - len(over)}, "
          f"refused {sum(refused.values())}, crashed {len(crashed)}, over the limits {len(over)}, CPU {cpu:.1f} s")
    for reason, count in refused.most_common():
        print(f"  refused {count}: {reason}")
    for line in crashed:
        print(f"  crashed: {line}")
    for line in over:
        print(f"  over the limits: {line}")
    for line in slow:
        print(f"  slow: {line}")


def score_truth(options):
    truth = open(options.truth, encoding="utf-8").read()
    name = os.path.splitext(os.path.basename(options.truth))[0] + ".pdf"
    run = Run(options, os.path.join(options.pdfs, name))
    if not run.document:
        print(f"{name}: failed: {run.error.strip()[:200]}")
        return
    ours = words(run.document["text"])
    for label, text in (("as it is", truth), ("without running lines", without_running_lines(re.split(r"\f|\n{4,}", truth)))):
        expected = words(text)
        print(f"{name}, truth {label}: word F1 {f1(ours, expected):.4f}, order {order(ours, expected):.4f}, CPU {run.cpu:.2f} s")


def pypdf_text(path):
    try:
        import pypdf
    except ImportError:
        return None, 0.0
    started = time.process_time()
    pages = [page.extract_text() for page in pypdf.PdfReader(path).pages]
    return pages, time.process_time() - started


def score_seed(options):
    documents, kept, cpu, slow, ours, theirs, bare = {}, 0, 0.0, 0.0, [], [], []
    for name in sorted(os.listdir(options.seed)):
        if not name.endswith(".pdf"):
            continue
        run = Run(options, os.path.join(options.seed, name))
        documents[name] = run.document
        if not run.document:
            print(f"{name}: failed: {run.error.strip()[:200]}")
            continue
        cpu += run.cpu
        kept += len(re.findall(r"\befficien", run.document["text"], re.IGNORECASE))
        ours += words(run.document["text"])
        pages, seconds = pypdf_text(os.path.join(options.seed, name))
        slow += seconds
        if pages is not None:
            theirs += words("\n".join(pages))
            bare += words(without_running_lines(pages, numbered=True))
    print(f'seed: "efficien*" {kept}, CPU {cpu * 1000:.0f} ms')
    if theirs:
        print(f"seed against pypdf ({slow * 1000:.0f} ms): word F1 {f1(ours, theirs):.4f}, without running lines {f1(ours, bare):.4f}")
        if options.worst:
            a, b = collections.Counter(ours), collections.Counter(bare)
            print("  only ours:", (a - b).most_common(options.worst))
            print("  only pypdf:", (b - a).most_common(options.worst))
    return documents


def score_speed(options):
    """Healthy files, several pages each: the median of five runs over all of them in one process."""
    truth = os.path.splitext(os.path.basename(options.truth))[0]
    paths = [os.path.join(options.pdfs, truth + ".pdf")]
    if options.seed:
        paths += sorted(os.path.join(options.seed, name) for name in os.listdir(options.seed) if name.endswith(".pdf"))
    pages, runs = 0, []
    for path in paths:
        run = Run(options, path)
        pages += run.document["page_count"] if run.document else 0
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*options.command, *options.arguments, *paths], capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        runs.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    cpu = sorted(runs)[2]
    print(f"PDF: {pages} pages of {len(paths)} files in one process, {pages / cpu:.0f} pages a CPU second")


def letters(text):
    """Letters and digits alone, so that no two readers differ in their spaces and signs."""
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", text).lower())


def quotes(document):
    """What may be quoted: sentences of paragraphs, other blocks whole; and the page that we name."""
    for block in document["blocks"]:
        parts = re.split(r"(?<=[.!?]) +", block["text"]) if block["kind"] == "paragraph" else [block["text"]]
        for part in parts:
            yield part, block["page"]


def score_pages(options, others):
    """A quote is right if its first letters stand on the page that we name, as another reader sees it, and
    wrong if they stand on another page only; short ones say nothing."""
    right, wrong, unknown = 0, [], 0
    for path, run, pages in others:
        seen = {number + 1: letters(" ".join(texts)) for number, texts in enumerate(pages)}
        for quote, page in quotes(run.document):
            begin = letters(quote)[:24]
            if len(begin) < 12:
                continue
            if begin in seen.get(page, ""):
                right += 1
            elif any(begin in text for text in seen.values()):
                wrong.append(f"{os.path.basename(path)} page {page}: {quote[:60]!r}")
            else:
                unknown += 1
    print(f"page truth: {right / max(right + len(wrong), 1):.4f} ({right} quotes right, {len(wrong)} wrong, "
          f"{unknown} that the other readers do not see)")
    for line in wrong[: max(options.worst, 10)]:
        print(f"  wrong page: {line}")


def row_key(cells):
    keys = [letters(cell or "") for cell in cells]
    while keys and not keys[-1]:
        keys.pop()
    return tuple(keys)


def score_tables(options, others):
    """Rows of the tables that pdfplumber finds between rules, cell by cell, against ours."""
    import pdfplumber
    same = theirs = ours = tables = 0
    missed = []
    for path, run, _ in others:
        try:
            with pdfplumber.open(path) as pdf:
                for page in pdf.pages[:60]:
                    rows = collections.Counter()
                    for table in page.extract_tables():
                        filled = [row for row in table if sum(bool((cell or "").strip()) for cell in row) >= 2]
                        columns = [column for column in zip(*table) if any((cell or "").strip() for cell in column)]
                        if len(filled) < 2 or len(columns) < 2:
                            continue
                        tables += 1
                        kept = [index for index, column in enumerate(zip(*table)) if any((cell or "").strip() for cell in column)]
                        rows.update(row_key([row[index] for index in kept]) for row in filled)
                    if not rows:
                        continue
                    found = collections.Counter(
                        row_key(block["text"].split("|")) for block in run.document["blocks"]
                        if block["kind"] == "table_row" and block["page"] == page.page_number
                    )
                    same += sum((rows & found).values())
                    theirs += sum(rows.values())
                    ours += sum(found.values())
                    missed += [f"{os.path.basename(path)} page {page.page_number}: {row}" for row in list(rows - found)[:2]]
        except Exception as error:  # whatever pdfplumber cannot read is no truth
            if options.worst:
                print(f"  pdfplumber: {os.path.basename(path)}: {error!r:.80}")
    print(f"tables against pdfplumber: {tables} tables, {theirs} rows, {same} of them ours cell by cell "
          f"(recall {same / max(theirs, 1):.3f}, precision on their pages {same / max(ours, 1):.3f})")
    for line in missed[: options.worst]:
        print(f"  missed row: {line[:200]}")


def score_against_others(options, documents):
    try:
        import logging
        import pdfplumber
        import pypdf
        logging.disable(logging.CRITICAL)
    except ImportError:
        print("SKIPPED: page truth and tables (python3 -m pip install pypdf pdfplumber)")
        return
    others = []
    folders = [options.pdfs] + ([options.seed] if options.seed else []) + options.more
    for folder in folders:
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            run = Run(options, path) if name.endswith(".pdf") else None
            if not run or not run.document:
                continue
            pages = []
            for read in (lambda: [page.extract_text() or "" for page in pypdf.PdfReader(path).pages],
                         lambda: [page.extract_text() or "" for page in pdfplumber.open(path).pages]):
                try:
                    texts = read()
                except Exception:  # a file that one of them cannot read
                    continue
                pages += [[] for _ in range(len(texts) - len(pages))]
                for page, text in zip(pages, texts):
                    page.append(text)
            others.append((path, run, pages))
    score_pages(options, others)
    score_tables(options, others)


def score_questions(options, documents):
    total = anywhere = on_page = in_block = adjacent = 0
    for line in open(options.questions, encoding="utf-8"):
        question = json.loads(line)
        document = documents.get(question.get("source"))
        if not document:
            continue
        pages = [block["text"] for block in document["blocks"] if block["page"] in question["pages"]]
        for answer in map(plain, question["answers"]):
            total += 1
            found = answer in plain(document["text"])
            one = any(answer in plain(text) for text in pages)
            two = one or any(answer in plain(a + b) for a, b in zip(pages, pages[1:]))
            anywhere, in_block, adjacent = anywhere + found, in_block + one, adjacent + two
            on_page += answer in plain("".join(pages))
            if not two:
                print(f"  {question['id']}: {answer!r} {'elsewhere' if found else 'missing'}")
    print(f"answers {total}: in the text {anywhere}, on the page {on_page}, in one block {in_block}, in one or two adjacent {adjacent}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--pdfs", required=True)
    parser.add_argument("--truth", required=True)
    parser.add_argument("--seed")
    parser.add_argument("--more", action="append", default=[], help="further folders for page truth and tables")
    parser.add_argument("--questions")
    parser.add_argument("--worst", type=int, default=0, help="print the N words that differ most from pypdf")
    parser.add_argument("--chars", action="store_true", help="block positions count characters, not bytes")
    parser.add_argument("--bare", action="store_true", help="the binary takes only the file (a development program)")
    options = parser.parse_args()
    # What an installed OCR program reads would differ from machine to machine.
    os.environ["WATTWISE_OCR_COMMAND"] = "off"
    options.command = [options.binary] if options.bare else [options.binary, "extract"]
    options.arguments = [] if options.bare else ["--json"]
    score_truth(options)
    documents = {}
    if options.seed:
        documents = score_seed(options)
        if options.questions:
            score_questions(options, documents)
    score_against_others(options, documents)
    if not options.bare:
        score_speed(options)
    score_robustness(options)


if __name__ == "__main__":
    sys.exit(main())
