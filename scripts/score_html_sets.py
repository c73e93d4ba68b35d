#!/usr/bin/env python3
"""Extraction of public HTML sets that lie outside the repository, each by path; one that is absent is named.

score_html_sets.py WATTWISE [--trafilatura DIR] [--readability DIR] [--manual DIR] [--half 0|1]

--trafilatura: a checkout of adbar/trafilatura. F over the `with` and `without` strings of tests/evaldata.json,
               counted as its own tests/eval_common.py counts them.
--readability: a checkout of mozilla/readability. Mean recall and precision of words against expected.html.
--manual:      a folder of HTML pages. The share of each page's visible words outside landmarks that is kept.
--half:        every second page only, the even ones (0) or the odd ones (1): to develop on one half and report on the other.
"""

import argparse
import html.parser
import json
import os
import re
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

LANDMARKS = {"nav", "header", "footer", "aside"}
LANDMARK_ROLES = {"navigation", "banner", "contentinfo", "complementary", "search"}
UNSEEN = {"script", "style", "template", "head", "noscript", "title"}
VOID = set("area base br col embed hr img input link meta param source track wbr".split())
WORD = re.compile(r"\w+")


def extract(wattwise, path):
    run = subprocess.run([wattwise, "extract", "--json", path], capture_output=True)
    if run.returncode != 0:
        return "", [run.stderr.decode(errors="replace")[-200:]]
    page = json.loads(run.stdout)
    return page["text"], page["warnings"]


def extract_all(wattwise, paths):
    with ThreadPoolExecutor(max_workers=2) as pool:
        return list(pool.map(lambda path: extract(wattwise, path), paths))


def words(text):
    return Counter(WORD.findall(text.lower()))


class Visible(html.parser.HTMLParser):
    """Words outside landmarks and what is never shown."""

    def __init__(self, without):
        super().__init__()
        self.without, self.open, self.depth, self.text = without, [], 0, []

    def handle_starttag(self, tag, attrs):
        if tag in VOID:
            return
        attrs = dict(attrs)
        out = tag in self.without or attrs.get("role") in LANDMARK_ROLES or "hidden" in attrs
        self.open.append((tag, out))
        self.depth += out

    def handle_endtag(self, tag):
        if tag in [name for name, _ in self.open]:
            while True:
                name, out = self.open.pop()
                self.depth -= out
                if name == tag:
                    break

    def handle_data(self, data):
        if not self.depth:
            self.text.append(data)


def visible(page, without):
    reader = Visible(without)
    reader.feed(page)
    return " ".join(reader.text)


def read(path):
    with open(path, "rb") as file:
        return file.read().decode("utf-8", "replace")


def squeeze(text):
    return re.sub(r"\s+", " ", text).strip()


def trafilatura(wattwise, folder, take):
    tests = os.path.join(folder, "tests")
    with open(os.path.join(tests, "evaldata.json"), encoding="utf-8") as file:
        items = take(sorted(json.load(file).values(), key=lambda item: item["file"]))
    places = [[os.path.join(tests, sub, item["file"]) for sub in ("cache", "eval")] for item in items]
    paths = [next(path for path in place if os.path.isfile(path)) for place in places]
    tp = fp = fn = tn = empty = 0
    worst = []
    for item, (text, _) in zip(items, extract_all(wattwise, paths)):
        text = squeeze(text)
        kept = sum(squeeze(piece) in text for piece in item["with"])
        unwanted = sum(squeeze(piece) in text for piece in item["without"])
        tp, fn = tp + kept, fn + len(item["with"]) - kept
        fp, tn = fp + unwanted, tn + len(item["without"]) - unwanted
        empty += not text
        worst.append((kept / len(item["with"]), -unwanted, item["file"]))
    print(f"trafilatura: {len(items)} pages, F {2 * tp / (2 * tp + fp + fn):.3f} precision {tp / (tp + fp):.3f} "
          f"recall {tp / (tp + fn):.3f}, {empty} empty")
    return worst


def readability(wattwise, folder, take):
    pages = os.path.join(folder, "test", "test-pages")
    names = take(sorted(os.listdir(pages)))
    results = extract_all(wattwise, [os.path.join(pages, name, "source.html") for name in names])
    recalls, precisions, rows = [], [], []
    for name, (text, _) in zip(names, results):
        right, found = words(visible(read(os.path.join(pages, name, "expected.html")), {"script", "style"})), words(text)
        both = sum((right & found).values())
        recall, precision = both / max(sum(right.values()), 1), both / max(sum(found.values()), 1)
        recalls.append(recall)
        precisions.append(precision)
        rows.append((recall, precision, name))
    print(f"readability: {len(names)} pages, recall {sum(recalls) / len(names):.3f} precision {sum(precisions) / len(names):.3f}")
    return rows


def manual(wattwise, folder, take):
    names = take(sorted(name for name in os.listdir(folder) if name.endswith((".html", ".htm"))))
    rows = []
    for name, (text, warnings) in zip(names, extract_all(wattwise, [os.path.join(folder, name) for name in names])):
        there = words(visible(read(os.path.join(folder, name)), LANDMARKS | UNSEEN))
        kept = sum((there & words(text)).values())
        rows.append((kept / max(sum(there.values()), 1), 0, name))
    shares = [row[0] for row in rows]
    print(f"manual: {len(names)} pages, mean {sum(shares) / len(shares):.3f}, least {min(shares):.3f}, "
          f"{sum(share < 0.9 for share in shares)} under .90")
    return rows


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("wattwise")
    arguments.add_argument("--half", type=int, choices=(0, 1))
    arguments.add_argument("--worst", type=int, default=0, help="print so many of the worst pages of each set")
    sets = {"trafilatura": trafilatura, "readability": readability, "manual": manual}
    for name in sets:
        arguments.add_argument(f"--{name}")
    options = arguments.parse_args()
    for name, score in sets.items():
        folder = getattr(options, name)
        if not folder or not os.path.isdir(folder):
            print(f"{name}: absent ({folder or 'no path given'}), not measured")
            continue
        rows = score(options.wattwise, folder, lambda items: items if options.half is None else items[options.half :: 2])
        for row in sorted(rows)[: options.worst]:
            print("   ", *row)


if __name__ == "__main__":
    main()
