#!/usr/bin/env python3
"""Asks a running server for the contexts of questions: contexts.py BASE_URL QUESTIONS.jsonl OUT.jsonl

The server runs with `--reader off`, so that contexts come in the order of retrieval. Each line of OUT: the question and
its contexts with `heading` and `text` as the reader gets them, and `score`.
"""
import json
import sys
import urllib.parse
import urllib.request


def ask(base, question):
    query = urllib.parse.urlencode({"message": question, "k": 10})
    request = urllib.request.Request(f"{base}/retrieve_contexts?{query}", method="POST")
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)["contexts"]


def as_read(context):
    """The headings go out in front of the text; a chunk without any is read under its document's title."""
    place, letters = context["metadata"], context["page_content"].encode()
    length = place["end"] - place["start"]
    text, above = letters[len(letters) - length :].decode(), letters[: len(letters) - length].decode()
    heading = above.strip().replace("\n\n", " > ") or place["title"]
    return {"heading": heading, "text": text, "score": place["score"]}


def main(base, questions, out):
    with open(out, "w", encoding="utf-8") as written:
        for line in open(questions, encoding="utf-8"):
            question = json.loads(line)["question"]
            contexts = [as_read(context) for context in ask(base.rstrip("/"), question)]
            written.write(json.dumps({"question": question, "contexts": contexts}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
