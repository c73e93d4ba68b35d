#!/usr/bin/env python3
"""Cuts the answers out of documents: make_gaps.py DOCUMENTS QUESTIONS.jsonl OUT

OUT/gap gets the Markdown, HTML and text files of DOCUMENTS without the sentences, cells or items that hold an answer
string, OUT/gap.jsonl the questions whose answer is gone. They must be refused, over documents that are otherwise the
same: nothing in the wording of a question tells whether it is answered. The answer strings of a question are its
`answers` or `want`; questions in a conversation are left out.
"""
import html
import json
import pathlib
import re
import sys
import unicodedata

KINDS = {".md", ".html", ".htm", ".txt"}
# What ends a piece of text that stands for itself: a full stop before a space, an empty line, the border of a cell or
# an item, a tag that begins or ends a block.
BORDER = re.compile(
    r"(?<=[.!?])[\"')\u201d]?(?=\s)|\n\s*\n|\n(?=\s*(?:[-*+|#]|\d+[.)]))|\||"
    r"</?(?:p|li|td|th|tr|h[1-6]|div|dd|dt|ul|ol|table|br|section)\b[^>]*>"
)


def plain(text):
    """Text without what typography and markup add, and where each letter of it stands."""
    letters, places = [], []
    skipped = re.compile(r"<[^>]{0,300}>|[\s\u00ad\-\u2010-\u2015*_`]+")
    at = 0
    while at < len(text):
        gap = skipped.match(text, at)
        if gap:
            at = gap.end()
            continue
        entity = re.match(r"&#?\w{1,10};", text[at : at + 12])
        written = entity.group() if entity else text[at]
        for letter in unicodedata.normalize("NFKC", html.unescape(written)).lower():
            if not letter.isspace():
                letters.append({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"'}.get(letter, letter))
                places.append(at)
        at += len(written)
    return "".join(letters), places


def pieces(text):
    borders = [border.end() for border in BORDER.finditer(text)]
    return zip([0, *borders], [*borders, len(text)])


def without(text, answer):
    """The text without the pieces that hold `answer`; whether there were any."""
    wanted = plain(answer)[0]
    letters, places = plain(text)
    cut, at = [], letters.find(wanted) if wanted else -1
    while at >= 0:
        cut.append((places[at], places[at + len(wanted) - 1]))
        at = letters.find(wanted, at + len(wanted))
    # The border itself stays: a row keeps its cells.
    kept = [
        re.search(r"(?:\||<[^>]*>|\s*)$", text[start:end]).group()
        if any(first < end and last >= start for first, last in cut)
        else text[start:end]
        for start, end in pieces(text)
    ]
    return "".join(kept), bool(cut)


def main(documents, questions, out):
    folder = pathlib.Path(out, "gap")
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        path: path.read_text(encoding="utf-8", errors="replace")
        for path in sorted(pathlib.Path(documents).rglob("*"))
        if path.suffix.lower() in KINDS
    }
    gone = []
    for line in open(questions, encoding="utf-8"):
        question = json.loads(line) if line.strip() else {}
        answers = question.get("answers") or question.get("want")
        if not answers or question.get("history"):
            continue
        was_there = False
        for answer in answers:
            for path, text in texts.items():
                texts[path], found = without(text, answer)
                was_there |= found
        if was_there:
            gone.append({"question": question["question"], "answers": []})
    for number, (path, text) in enumerate(texts.items()):
        (folder / f"{number}-{path.name}").write_text(text, encoding="utf-8")
    with pathlib.Path(out, "gap.jsonl").open("w", encoding="utf-8") as written:
        written.writelines(json.dumps(question, ensure_ascii=False) + "\n" for question in gone)


if __name__ == "__main__":
    main(*sys.argv[1:])
