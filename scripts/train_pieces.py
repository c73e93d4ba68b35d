#!/usr/bin/env python3
"""Fits the weights of data/html/pieces.tsv: a logistic regression over the numbers of a page's pieces.

train_pieces.py HTML_PIECES TRAFILATURA MANUAL > data/html/pieces.tsv

HTML_PIECES: the example of that name (cargo build --example html_pieces).
TRAFILATURA: a checkout of adbar/trafilatura. Of its pages, those of one half of the hosts are used; the other
             half is for the report. A piece with a `with` string is text, one with a `without` string is not.
MANUAL:      a folder of HTML pages, of which every second is used, all of it text, for a tenth of the weight.

Needs scikit-learn.
"""

import hashlib
import html
import json
import os
import re
import subprocess
import sys
from urllib.parse import urlsplit

import numpy
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

MANUAL_WEIGHT = 0.1
REGULARIZATION = 0.3


def squeeze(text):
    return re.sub(r"\s+", " ", text).strip()


def plain(piece):
    return squeeze(html.unescape(re.sub(r"<[^>]*>", "", piece.replace("<br>", " "))))


def half(address):
    host = ".".join((urlsplit(address).hostname or address).split(".")[-2:])
    return hashlib.sha256(host.encode()).digest()[0] % 2


def pieces(program, paths):
    for begin in range(0, len(paths), 400):
        run = subprocess.run([program, *paths[begin : begin + 400]], capture_output=True, check=True)
        for line in run.stdout.splitlines():
            yield json.loads(line)["pieces"]


def labelled(program, folder):
    tests = os.path.join(folder, "tests")
    with open(os.path.join(tests, "evaldata.json"), encoding="utf-8") as file:
        pages = [(address, page) for address, page in json.load(file).items() if half(address) == 1]
    places = [[os.path.join(tests, sub, page["file"]) for sub in ("cache", "eval")] for _, page in pages]
    paths = [next(path for path in place if os.path.isfile(path)) for place in places]
    for (_, page), found in zip(pages, pieces(program, paths)):
        found = [(plain(text), numbers) for text, numbers in found]
        for name, label in (("with", 1), ("without", 0)):
            for string in page[name]:
                hits = [numbers for text, numbers in found if squeeze(string) in text]
                # Of several pieces, the longest is the text; all are noise.
                hits = sorted(hits, key=lambda numbers: -numbers[1])[:1] if label else hits
                yield from ((numbers, label) for numbers in hits)


def main():
    program, trafilatura, manual = sys.argv[1:]
    rows = list(labelled(program, trafilatura))
    names = sorted(os.listdir(manual))[1::2]
    added = [(numbers, 1) for page in pieces(program, [os.path.join(manual, name) for name in names]) for _, numbers in page]
    weights = [1.0] * len(rows) + [MANUAL_WEIGHT * len(rows) / max(len(added), 1)] * len(added)
    numbers = numpy.array([row[0] for row in rows + added])
    scaler = StandardScaler().fit(numbers[: len(rows)])
    model = LogisticRegression(C=REGULARIZATION, max_iter=3000)
    model.fit(scaler.transform(numbers), [row[1] for row in rows + added], sample_weight=weights)
    found = model.coef_[0] / scaler.scale_
    print(f"bias\t{model.intercept_[0] - (found * scaler.mean_).sum():.4f}")
    for at, weight in enumerate(found):
        print(f"number_{at}\t{weight:.4f}")


if __name__ == "__main__":
    main()
