#!/usr/bin/env python3
"""Writes the reader's network as ONNX that multiplies in int8: export.py WEIGHTS.safetensors... OUT.onnx

WEIGHTS are what was trained (README.md), and the word embeddings of all-MiniLM-L6-v2 (`model.safetensors`).
Inputs: input_ids, token_type_ids and position_ids, int64 [n], one question and passage without
padding. Outputs: logits, float32 [1, 2]: the passage answers the question, the passage supports the
claim; spans, float32 [n, 2]: the answer begins, and ends, at each token (at the first token where
there is none). `onnx_graph` says how it is quantised.
Needs numpy, safetensors and onnx.
"""
import sys

import numpy as np
from onnx import TensorProto, helper
from safetensors.numpy import load_file

sys.path.append(sys.path[0] + "/..")
from onnx_graph import GELU_LEAST, HEADS, LAYERS, WIDTH, Graph  # noqa: E402

LONGEST = 256


def normalised(graph, x, weights, name):
    return graph.normalised(x, weights[name + ".weight"], weights[name + ".bias"])


def attention(graph, x, weights, name):
    kinds = ("q", "k", "v")
    weight = np.concatenate([weights[f"{name}.{kind}.weight"].T for kind in kinds], 1)
    bias = np.concatenate([weights[f"{name}.{kind}.bias"] for kind in kinds])
    rows = graph.attended(graph.linear(x, weight, bias), (WIDTH / HEADS) ** -0.5)
    return graph.linear(rows, weights[name + ".o.weight"].T, weights[name + ".o.bias"])


def main(*paths):
    weights = {}
    for path in paths[:-1]:
        weights |= {name: array.astype(np.float32) for name, array in load_file(path).items()}
    graph = Graph()
    embedded = graph.embedded(weights["embeddings.word_embeddings.weight"], "input_ids")
    places = graph.op("Gather", graph.constant(weights["pos.weight"][:LONGEST]), "position_ids")
    sides = graph.op("Gather", graph.constant(weights["typ.weight"]), "token_type_ids")
    x = normalised(graph, graph.op("Add", graph.op("Add", embedded, places), sides), weights, "ln")
    for layer in range(LAYERS):
        name = f"layers.{layer}"
        x = normalised(graph, graph.op("Add", x, attention(graph, x, weights, name)), weights, name + ".ln1")
        wide = graph.gelu(graph.linear(x, weights[name + ".f1.weight"].T, weights[name + ".f1.bias"]))
        narrow = graph.linear(wide, weights[name + ".f2.weight"].T, weights[name + ".f2.bias"], GELU_LEAST)
        x = normalised(graph, graph.op("Add", x, narrow), weights, name + ".ln2")
    first = graph.op("Gather", x, graph.constant(np.array([0], np.int64)), axis=0)
    both = graph.op("Concat", first, graph.op("ReduceMean", x, axes=[0], keepdims=1), axis=-1)
    pooled = graph.op("MatMul", both, graph.constant(weights["pool.weight"].T))
    hidden = graph.op("Tanh", graph.op("Add", pooled, graph.constant(weights["pool.bias"])))
    logits = graph.op("MatMul", hidden, graph.constant(weights["cls.weight"].T))
    graph.nodes.append(helper.make_node("Add", [logits, graph.constant(weights["cls.bias"])], ["logits"]))
    spans = graph.op("MatMul", x, graph.constant(weights["span.weight"].T))
    graph.nodes.append(helper.make_node("Add", [spans, graph.constant(weights["span.bias"])], ["spans"]))

    names = ("input_ids", "token_type_ids", "position_ids")
    inputs = [(name, TensorProto.INT64, ["n"]) for name in names]
    outputs = [("logits", TensorProto.FLOAT, [1, 2]), ("spans", TensorProto.FLOAT, ["n", 2])]
    graph.save(paths[-1], "reader", inputs, outputs)


if __name__ == "__main__":
    main(*sys.argv[1:])
