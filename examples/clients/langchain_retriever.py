"""Wattwise as a retriever of LangChain. Needs: pip install langchain-core httpx"""

import httpx
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever


class WattwiseRetriever(BaseRetriever):
    """Finds passages for a question through `POST /retrieve_contexts`."""

    url: str = "http://127.0.0.1:8000"
    key: str | None = None
    k: int = 4

    def _get_relevant_documents(self, query, *, run_manager):
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        parameters = {"message": query, "k": self.k}
        reply = httpx.post(f"{self.url}/retrieve_contexts", params=parameters, headers=headers)
        reply.raise_for_status()
        return [
            Document(id=found["id"], page_content=found["page_content"], metadata=found["metadata"])
            for found in reply.json()["contexts"]
        ]


if __name__ == "__main__":
    import sys

    for document in WattwiseRetriever().invoke(" ".join(sys.argv[1:])):
        print(document.metadata["title"], "-", document.page_content[:80])
