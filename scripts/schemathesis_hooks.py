"""What the API's description cannot say, for scripts/check_api.sh.

A client that uses an Idempotency-Key for two different requests gets 422, /retrieve_contexts wants
at least one of two parameters, and the last message of a chat completion must be a user's with
content. None of these rules has a place in OpenAPI, so requests that would only break these are
turned into ones that do not.
"""

import uuid

import schemathesis


def is_valid_key(value):
    return isinstance(value, str) and 1 <= len(value) <= 255 and all("!" <= c <= "~" for c in value)


@schemathesis.hook
def before_call(context, case, kwargs):
    headers = case.headers or {}
    for name in list(headers):
        if name.lower() == "idempotency-key" and is_valid_key(headers[name]):
            headers[name] = str(uuid.uuid4())
    if case.path == "/retrieve_contexts":
        query = dict(case.query or {})
        if "session_id" not in query and "message" not in query:
            query["message"] = "heating"
            case.query = query
    if case.path == "/v1/chat/completions" and isinstance(case.body, dict):
        messages = case.body.get("messages")
        if isinstance(messages, list) and all(isinstance(m, dict) for m in messages):
            for message in messages:
                if message.get("role") == "user" and message.get("content") is None:
                    message["content"] = "heating"
            if messages and isinstance(messages[-1].get("role"), str):
                messages[-1]["role"] = "user"
                if messages[-1].get("content") is None:
                    messages[-1]["content"] = "heating"
