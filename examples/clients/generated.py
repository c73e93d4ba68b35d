"""The five calls of a conversation through a client that was generated from /openapi.json.

pip install openapi-python-client
openapi-python-client generate --url http://127.0.0.1:8000/openapi.json --meta none --output-path wattwise_client

Usage: [WATTWISE_URL=…] [WATTWISE_KEY=…] generated.py QUESTION
"""

import os
import sys

from wattwise_client import AuthenticatedClient, Client
from wattwise_client.api.answers import generate_summary, retrieve_contexts
from wattwise_client.api.conversation import ask, open_session, save_records
from wattwise_client.models import Message, SaveRequest, SummaryRequest, SuppliedDocument

url = os.environ.get("WATTWISE_URL", "http://127.0.0.1:8000")
key = os.environ.get("WATTWISE_KEY")
client = AuthenticatedClient(base_url=url, token=key) if key else Client(base_url=url)
question = " ".join(sys.argv[1:])

session = open_session.sync(client=client).session_id
ask.sync(client=client, session_id=session, body=Message(message=question))
found = retrieve_contexts.sync(client=client, session_id=session)
contexts = [SuppliedDocument(id=piece.id, page_content=piece.page_content) for piece in found.contexts]
summary = generate_summary.sync(
    client=client,
    body=SummaryRequest(session_id=session, contexts=contexts, message_history=found.message_history),
)
print(summary.summary)
for citation in summary.citations:
    print(f"[{citation.marker}] {citation.title}: {citation.link}")
save_records.sync(client=client, body=SaveRequest(session_id=session, summary=summary.summary))
