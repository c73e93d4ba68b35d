"""What the API's description cannot say, for scripts/check_api.sh.

A client that uses an Idempotency-Key for two different requests gets 422; /retrieve_contexts wants
at least one of two parameters, days of the calendar, and ranges that do not end before they begin;
a chat completion needs a message of the user's with content, an embedding texts that are not blank; a response
goes on behind one that is kept. None of these rules has a place in OpenAPI, so requests that would only break
these are turned into ones that do not.
"""

import datetime
import re
import uuid

import schemathesis

DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"


def is_valid_key(value):
    return isinstance(value, str) and 1 <= len(value) <= 255 and all("!" <= c <= "~" for c in value)


def is_day(text):
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return True


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
        for name in ("date_from", "date_to"):
            if re.fullmatch(DAY, str(query.get(name, ""))) and not is_day(query[name]):
                query[name] = "2020-02-29"
        for first, last, form in (("page_from", "page_to", r"\d+"), ("date_from", "date_to", DAY)):
            bounds = [str(query.get(first, "")), str(query.get(last, ""))]
            if all(re.fullmatch(form, bound) for bound in bounds):
                query[first], query[last] = sorted(bounds, key=lambda bound: (len(bound), bound))
        case.query = query
    if case.path == "/documents":
        query = dict(case.query or {})
        for name in ("date_from", "date_to"):
            if re.fullmatch(DAY, str(query.get(name, ""))) and not is_day(query[name]):
                query[name] = "2020-02-29"
        case.query = query
    body = case.body if isinstance(case.body, dict) else {}
    if case.path == "/v1/chat/completions":
        ask_something(body.get("messages"))
        stop = body.get("stop")
        if stop == "":
            body["stop"] = "END"
        if isinstance(stop, list) and all(isinstance(text, str) for text in stop):
            body["stop"] = [text or "END" for text in stop[:4]]
    if case.path == "/v1/responses":
        if body.get("input") == []:
            body["input"] = "heating"
        ask_something(body.get("input"))
        if isinstance(body.get("previous_response_id"), str):
            body.pop("previous_response_id")
    if case.path == "/v1/embeddings":
        texts = body.get("input")
        if isinstance(texts, str):
            body["input"] = texts if texts.strip() else "heating"
        if isinstance(texts, list) and all(isinstance(text, str) for text in texts):
            body["input"] = [text if text.strip() else "heating" for text in texts] or ["heating"]
        if isinstance(body.get("truncate"), bool):
            body["truncate"] = True


def ask_something(messages):
    if not isinstance(messages, list) or not messages:
        return
    if not all(isinstance(m, dict) and isinstance(m.get("role"), str) for m in messages):
        return
    messages[-1]["role"] = "user"
    for message in messages:
        content = message.get("content")
        if message["role"] == "user" and (content in (None, []) or says_nothing(content)):
            message["content"] = "heating"


def says_nothing(content):
    """Whether well-formed parts have no text among them."""
    parts = content if isinstance(content, list) else []
    if not all(isinstance(part, dict) and isinstance(part.get("text", ""), str) for part in parts):
        return False
    return bool(parts) and not any(part.get("text", "").strip() for part in parts)
