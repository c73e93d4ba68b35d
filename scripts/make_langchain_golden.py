#!/usr/bin/env python3
"""Writes the texts and chunks that the port of LangChain's splitter is tested against.

    pip install langchain-text-splitters==1.1.3
    scripts/make_langchain_golden.py data/guides >src/chunk/golden/langchain.json
"""

import json
import pathlib
import random
import sys

from langchain_text_splitters import RecursiveCharacterTextSplitter

# What texts are mixed of: words, long runs without a space, white space of all kinds, other scripts.
PARTS = ["heat", "pump", "a", "insulation", "£1,200", "Größe", "日本語", "🏠", "x" * 30, "y" * 499, "z" * 500, "w" * 1203]
SPACES = [" ", "  ", "\n", "\n\n", "\n\n\n", "\t", "\u00a0", "\u2003", "\r\n", "\x1c", " \n ", "\x0b"]


def mixed(random_):
    parts = random_.choices(PARTS, weights=[9, 9, 9, 9, 5, 5, 5, 5, 3, 0.1, 0.1, 0.1], k=random_.randint(1, 160))
    spaces = random_.choices(SPACES, weights=[60, 4, 8, 5, 2, 2, 1, 1, 1, 1, 1, 1], k=len(parts))
    return "".join(part + space for part, space in zip(parts, spaces))


def main():
    random_ = random.Random(1)
    texts = ["", " ", "\n\n", "a", "a" * 500, "a" * 501, " " * 600, "ab " * 400, "a\n\n" * 300]
    texts += [("b" * length + sep) * 3 for length in (248, 249, 250, 479, 480, 481, 498, 499) for sep in ("\n\n", "\n", " ")]
    for guide in sorted(pathlib.Path(sys.argv[1]).glob("*.md")):
        whole = guide.read_text(encoding="utf-8")
        start = random_.randrange(max(1, len(whole) - 2600))
        texts += [whole[:700], whole[start : start + 2600]]
    texts += [mixed(random_) for _ in range(70)]
    splitter = RecursiveCharacterTextSplitter(chunk_size=500, chunk_overlap=20)
    rows = [{"text": text, "chunks": splitter.split_text(text)} for text in texts]
    print("[" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "]")


main()
