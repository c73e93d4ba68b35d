"""Wattwise as a retriever of LlamaIndex. Needs: pip install llama-index-core httpx"""

import httpx
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, TextNode


class WattwiseRetriever(BaseRetriever):
    """Finds passages for a question through `POST /retrieve_contexts`."""

    def __init__(self, url="http://127.0.0.1:8000", key=None, k=4):
        super().__init__()
        self.url, self.key, self.k = url, key, k

    def _retrieve(self, query_bundle):
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        parameters = {"message": query_bundle.query_str, "k": self.k}
        reply = httpx.post(f"{self.url}/retrieve_contexts", params=parameters, headers=headers)
        reply.raise_for_status()
        return [
            NodeWithScore(
                node=TextNode(id_=found["id"], text=found["page_content"], metadata=found["metadata"]),
                score=found["metadata"]["score"],
            )
            for found in reply.json()["contexts"]
        ]


if __name__ == "__main__":
    import sys

    for found in WattwiseRetriever().retrieve(" ".join(sys.argv[1:])):
        print(f"{found.score:.2f}", found.metadata["title"], "-", found.text[:80])
