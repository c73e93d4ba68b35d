#!/usr/bin/env python3
"""Writes the embedder's network as ONNX that multiplies in int8: make_model.py MODEL_DIR OUT.onnx [--float]

MODEL_DIR holds `model.safetensors` of all-MiniLM-L6-v2, as README.md says where from.
Input: input_ids, int64 [1, n], one text without padding. Output: last_hidden_state, float32
[1, n, 384]. Weights are int8 with one scale a column. What is multiplied with them is uint8 with one
scale and one offset a row; `onnx_graph` says how. With --float nothing is quantised but the word
embeddings: for comparisons.
"""
import hashlib
import sys

import numpy as np
from onnx import TensorProto
from safetensors.numpy import load_file

sys.path.append(sys.path[0] + "/..")
from onnx_graph import GELU_LEAST, HEADS, LAYERS, WIDTH, Graph  # noqa: E402

# The longest input in tokens; src/embed/transformer cuts there.
LONGEST = 256


def layer(graph, x, weights, name):
    """One transformer layer (Devlin et al., 2019)."""
    own = lambda part: (weights[f"{name}.{part}.weight"], weights[f"{name}.{part}.bias"])
    parts = [own("attention.self." + part) for part in ("query", "key", "value")]
    # The scale of the products of queries and keys goes into the queries.
    shrink = [np.float32((WIDTH / HEADS) ** -0.5), np.float32(1), np.float32(1)]
    weight = np.concatenate([part[0].T * by for part, by in zip(parts, shrink)], 1)
    bias = np.concatenate([part[1] * by for part, by in zip(parts, shrink)])
    mixed = graph.attended(graph.linear(x, weight, bias))
    weight, bias = own("attention.output.dense")
    x = graph.op("Add", x, graph.linear(mixed, weight.T, bias))
    x = graph.normalised(x, *own("attention.output.LayerNorm"))
    weight, bias = own("intermediate.dense")
    wide = graph.gelu(graph.linear(x, weight.T, bias))
    weight, bias = own("output.dense")
    x = graph.op("Add", x, graph.linear(wide, weight.T, bias, GELU_LEAST))
    return graph.normalised(x, *own("output.LayerNorm"))


def main(directory, out, *flags):
    weights = load_file(f"{directory}/model.safetensors")
    weights = {name.removeprefix("bert."): array.astype(np.float32) for name, array in weights.items()}
    graph = Graph(in_floats="--float" in flags)
    ids = graph.op("Reshape", "input_ids", graph.constant(np.array([-1], np.int64)))
    # Every token is of the first kind, so that its vector goes into those of the places.
    places = weights["embeddings.position_embeddings.weight"][:LONGEST] + weights["embeddings.token_type_embeddings.weight"][0]
    first = graph.constant(np.array([0], np.int64))
    places = graph.op("Slice", graph.constant(places), first, graph.op("Shape", ids), first)
    x = graph.op("Add", graph.embedded(weights["embeddings.word_embeddings.weight"], ids), places)
    x = graph.normalised(x, weights["embeddings.LayerNorm.weight"], weights["embeddings.LayerNorm.bias"])
    for number in range(LAYERS):
        x = layer(graph, x, weights, f"encoder.layer.{number}")
    shape = graph.constant(np.array([1, -1, WIDTH], np.int64))
    output = graph.op("Reshape", x, shape)
    graph.nodes[-1].output[0] = "last_hidden_state"
    assert output not in {name for node in graph.nodes for name in node.input}
    graph.save(
        out, "all-MiniLM-L6-v2", [("input_ids", TensorProto.INT64, [1, "n"])],
        [("last_hidden_state", TensorProto.FLOAT, [1, "n", WIDTH])],
    )
    with open(out, "rb") as file:
        print(hashlib.sha256(file.read()).hexdigest(), out)


if __name__ == "__main__":
    main(*sys.argv[1:])
