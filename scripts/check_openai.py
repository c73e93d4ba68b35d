"""Talks to a running server through the official `openai` client and says what does not hold.

Usage: check_openai.py BASE_URL API_KEY, with the base address up to and including /v1.
"""

import sys

import openai

QUESTION = "What is the usual target depth of mineral wool in a loft?"


def check(name, holds):
    if not holds:
        sys.exit(f"check_openai: {name} does not hold")
    print(f"ok  {name}")


def main():
    base_url, key = sys.argv[1:]
    client = openai.OpenAI(base_url=base_url, api_key=key, max_retries=0)

    models = [model.id for model in client.models.list()]
    check("the list of models names both", models == ["wattwise", "wattwise-embedding"])
    check("it can be looked up", client.models.retrieve("wattwise").owned_by == "wattwise")

    messages = [
        {"role": "system", "content": "You are helpful."},
        {"role": "user", "content": QUESTION},
    ]
    whole = client.chat.completions.create(model="wattwise", messages=messages)
    text = whole.choices[0].message.content
    check("an answer has the figure", "270 mm" in text and whole.choices[0].finish_reason == "stop")
    citations = whole.model_extra["citations"]
    check("every marker has its citation", all(f"[{c['marker']}]" in text for c in citations))
    check("every citation is verified", citations and all(c["verified"] for c in citations))
    check("tokens are counted", whole.usage.total_tokens > 0)

    options = {"include_usage": True}
    chunks = list(
        client.chat.completions.create(
            model="wattwise", messages=messages, stream=True, stream_options=options
        )
    )
    said = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    check("a stream says the same", said == text)
    check("it begins with the role", chunks[0].choices[0].delta.role == "assistant")
    check("its end has the citations", chunks[-2].model_extra["citations"] == citations)
    check("its usage comes last", chunks[-1].usage.total_tokens == whole.usage.total_tokens)
    with client.chat.completions.stream(model="wattwise", messages=messages) as stream:
        final = stream.get_final_completion()
    check("the client's own helper puts it together", final.choices[0].message.content == text)

    follow_up = messages + [
        {"role": "assistant", "content": text},
        {"role": "user", "content": "And how much does it cost to run a tumble dryer on the moon?"},
    ]
    client.chat.completions.create(model="wattwise", messages=follow_up)
    check("a conversation goes on", True)

    def refused(error, **request):
        try:
            client.chat.completions.create(**request)
        except error as caught:
            return caught
        return None

    caught = refused(openai.NotFoundError, model="gpt-4o", messages=messages)
    check("another model is not found", caught and caught.code == "model_not_found")
    caught = refused(openai.BadRequestError, model="wattwise", messages=[])
    check("no messages are a bad request", caught and caught.param == "messages")
    client = openai.OpenAI(base_url=base_url, api_key="wrong", max_retries=0)
    caught = refused(openai.AuthenticationError, model="wattwise", messages=messages)
    check("a wrong key is refused", caught and caught.code == "invalid_api_key")


main()
