"""Wattwise as a component of a Haystack pipeline. Needs: pip install haystack-ai httpx"""

import httpx
from haystack import Document, component


@component
class WattwiseRetriever:
    """Finds passages for a question through `POST /retrieve_contexts`."""

    def __init__(self, url: str = "http://127.0.0.1:8000", key: str | None = None, k: int = 4):
        self.url, self.key, self.k = url, key, k

    @component.output_types(documents=list[Document])
    def run(self, query: str):
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        parameters = {"message": query, "k": self.k}
        reply = httpx.post(f"{self.url}/retrieve_contexts", params=parameters, headers=headers)
        reply.raise_for_status()
        documents = [
            Document(
                id=found["id"],
                content=found["page_content"],
                meta=found["metadata"],
                score=found["metadata"]["score"],
            )
            for found in reply.json()["contexts"]
        ]
        return {"documents": documents}


if __name__ == "__main__":
    import sys

    for document in WattwiseRetriever().run(query=" ".join(sys.argv[1:]))["documents"]:
        print(f"{document.score:.2f}", document.meta["title"], "-", document.content[:80])
