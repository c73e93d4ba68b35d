"""What the API's description cannot say, for scripts/check_api.sh.

A client that uses an Idempotency-Key for two different requests gets 422; /retrieve_contexts wants
at least one of two parameters, days of the calendar, and ranges that do not end before they begin;
the last message of a chat completion must be a user's with content. None of these rules has a place
in OpenAPI, so requests that would only break these are turned into ones that do not.
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
