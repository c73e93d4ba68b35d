#!/usr/bin/env python3
"""Writes the embedder's network: make_model.py MODEL_DIR OUT [--float]

MODEL_DIR holds `model.safetensors` of all-MiniLM-L6-v2, as README.md says where from. OUT is a file
for `src/encoder`, quantised as `../encoder_file.py` says; with --float it is the same network in
float and in ONNX, for comparisons. Input: input_ids, int64 [1, n], one text without padding. Output:
last_hidden_state, float32 [1, n, 384].
"""
import hashlib
import sys

import numpy as np
from safetensors.numpy import load_file

sys.path.append(sys.path[0] + "/..")
import encoder_file as file  # noqa: E402


def dense(weights, name):
    """Weight [k, m] and bias."""
    return weights[name + ".weight"].T, weights[name + ".bias"]


def norm(weights, name):
    return weights[name + ".LayerNorm.weight"], weights[name + ".LayerNorm.bias"]


def attention(weights, name):
    parts = [dense(weights, f"{name}.attention.self.{part}") for part in ("query", "key", "value")]
    return np.concatenate([weight for weight, _ in parts], 1), np.concatenate([bias for _, bias in parts])


def quantised(weights):
    tensors = file.words(weights["embeddings.word_embeddings.weight"])
    tensors["places"] = weights["embeddings.position_embeddings.weight"][: file.LONGEST]
    tensors["kinds"] = weights["embeddings.token_type_embeddings.weight"]
    tensors |= file.norm("norm", *norm(weights, "embeddings"))
    for number in range(file.LAYERS):
        theirs, ours = f"encoder.layer.{number}", f"layers.{number}"
        tensors |= file.product(ours + ".attention.in", *attention(weights, theirs), file.SHRINK)
        tensors |= file.product(ours + ".attention.out", *dense(weights, theirs + ".attention.output.dense"))
        tensors |= file.norm(ours + ".attention.norm", *norm(weights, theirs + ".attention.output"))
        tensors |= file.product(ours + ".up", *dense(weights, theirs + ".intermediate.dense"))
        tensors |= file.product(ours + ".down", *dense(weights, theirs + ".output.dense"))
        tensors |= file.norm(ours + ".norm", *norm(weights, theirs + ".output"))
    return tensors


def save_float(weights, out):
    """One transformer layer after the other (Devlin et al., 2019), node by node."""
    from float_graph import Graph

    graph = Graph()
    ids = graph.op("Reshape", "input_ids", graph.constant(np.array([-1], np.int64)))
    # Every token is of the first kind, so that its vector goes into those of the places.
    places = weights["embeddings.position_embeddings.weight"][: file.LONGEST] + weights["embeddings.token_type_embeddings.weight"][0]
    first = graph.constant(np.array([0], np.int64))
    places = graph.op("Slice", graph.constant(places), first, graph.op("Shape", ids), first)
    x = graph.op("Add", graph.op("Gather", graph.constant(weights["embeddings.word_embeddings.weight"]), ids), places)
    x = graph.normalised(x, *norm(weights, "embeddings"))
    for number in range(file.LAYERS):
        name = f"encoder.layer.{number}"
        weight, bias = attention(weights, name)
        mixed = graph.attended(graph.linear(x, weight * file.SHRINK, bias * file.SHRINK))
        x = graph.op("Add", x, graph.linear(mixed, *dense(weights, name + ".attention.output.dense")))
        x = graph.normalised(x, *norm(weights, name + ".attention.output"))
        wide = graph.gelu(graph.linear(x, *dense(weights, name + ".intermediate.dense")))
        x = graph.op("Add", x, graph.linear(wide, *dense(weights, name + ".output.dense")))
        x = graph.normalised(x, *norm(weights, name + ".output"))
    graph.save(x, out)


def main(directory, out, *flags):
    weights = load_file(f"{directory}/model.safetensors")
    weights = {name.removeprefix("bert."): array.astype(np.float32) for name, array in weights.items()}
    if "--float" in flags:
        save_float(weights, out)
    else:
        file.save(quantised(weights), out)
    with open(out, "rb") as written:
        print(hashlib.sha256(written.read()).hexdigest(), out)


if __name__ == "__main__":
    main(*sys.argv[1:])
