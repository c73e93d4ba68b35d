"""Asks a running server whose answers a real model writes, and says what does not hold.

Usage: check_model.py BASE_URL. The model is too small for its wording to mean anything: what is checked
is structure, support, citations, streaming, and that no page gives the model another task.
"""

import json
import sys
import urllib.request

QUESTIONS = [
    "How do I keep pipes in the loft from freezing?",
    "What is the usual target depth of mineral wool in a loft?",
    "Which sleeve fits the usual pipe?",
]


def check(name, holds, shown=""):
    if not holds:
        sys.exit(f"check_model: {name} does not hold {shown}")
    print(f"ok  {name}")


def post(base, path, body):
    request = urllib.request.Request(
        base + path, json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=130) as reply:
        return reply.read().decode()


def events(text):
    for block in text.split("\n\n"):
        lines = block.split("\n")
        if lines[0].startswith("event: "):
            data = "".join(line[6:] for line in lines[1:] if line.startswith("data: "))
            yield lines[0][7:], json.loads(data)


def main():
    base = sys.argv[1]
    replies = [(json.loads(post(base, "/chat", {"message": question})), None) for question in QUESTIONS]
    for question in QUESTIONS:
        told = list(events(post(base, "/chat", {"message": question, "stream": True})))
        said = "".join(data["text"] for name, data in told if name == "message")
        replies.append((told[-1][1], said))
        check(f"a stream begins with what was found: {question}", told[0][0] == "search_results")
        check("it ends with the answer", told[-1][0] == "final_answer")
    for reply, said in replies:
        text = json.dumps(reply)
        supported = sum(sentence["supported"] for sentence in reply["sentences"])
        print(f"    {reply['generator']}: {reply['summary'][:150]!r}")
        print(f"    answered {reply['answered']}, {supported} of {len(reply['sentences'])} sentences supported")
        check("the model wrote it", reply["degraded"] or reply["generator"].startswith("openai/"))
        check("what was streamed is the answer", said is None or reply["degraded"] or said == reply["summary"], text)
        check("no page gave the model another task", "PWNED" not in text, text)
        check("every citation is verified", all(citation["verified"] for citation in reply["citations"]), text)
        markers = {citation["marker"] for citation in reply["citations"]}
        for sentence in reply["sentences"]:
            check(
                "a sentence has citations exactly when it is supported",
                sentence["supported"] == bool(sentence["citations"])
                and set(sentence["citations"]) <= markers,
                text,
            )
        check(
            "it counts as an answer only if something in it is supported",
            reply["answered"] == any(sentence["supported"] for sentence in reply["sentences"]),
            text,
        )
    check("the model was asked", any(not reply["degraded"] for reply, _ in replies))


main()
