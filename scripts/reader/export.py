#!/usr/bin/env python3
"""Writes the reader's network as ONNX that multiplies in int8: export.py WEIGHTS.safetensors... OUT.onnx

WEIGHTS are what was trained (README.md), and the word embeddings of all-MiniLM-L6-v2 (`model.safetensors`).
Inputs: input_ids, token_type_ids and position_ids, int64 [n], one question and passage without
padding. Output: logits, float32 [1, 2]: the passage answers the question, the passage supports the
claim. Weights are int8 with one scale a column; inputs of a product are uint8, quantised as they come.
Needs numpy, safetensors and onnx.
"""
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

LAYERS, HEADS, WIDTH = 6, 12, 384
LONGEST = 256


class Graph:
    def __init__(self):
        self.nodes, self.constants, self.count = [], [], 0

    def constant(self, array):
        self.count += 1
        name = f"c{self.count}"
        self.constants.append(numpy_helper.from_array(np.array(array, order="C"), name))
        return name

    def number(self, value, kind=np.float32):
        return self.constant(np.array(value, kind))

    def op(self, kind, *inputs, outputs=1, **attributes):
        self.count += 1
        names = [f"n{self.count}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def quantised(self, x):
        """x as uint8, its scale and its zero point."""
        return self.op("DynamicQuantizeLinear", x, outputs=3)

    def linear(self, quantised, weight, bias):
        """x W + b, W [k, m] with one scale a column."""
        codes, scale, zero = quantised
        scales = np.maximum(np.abs(weight).max(0) / 127, 1e-9).astype(np.float32)
        whole = np.clip(np.rint(weight / scales), -127, 127).astype(np.int8)
        product = self.op("MatMulInteger", codes, self.constant(whole), zero, self.number(0, np.int8))
        unscaled = self.op("Cast", product, to=TensorProto.FLOAT)
        scaled = self.op("Mul", unscaled, self.op("Mul", scale, self.constant(scales)))
        return self.op("Add", scaled, self.constant(bias))

    def normalised(self, x, weights, name):
        return self.op(
            "LayerNormalization", x, self.constant(weights[name + ".weight"]), self.constant(weights[name + ".bias"]),
            axis=-1, epsilon=1e-12,
        )


def attention(graph, x, weights, name):
    kinds = ("q", "k", "v")
    weight = np.concatenate([weights[f"{name}.{kind}.weight"].T for kind in kinds], 1)
    bias = np.concatenate([weights[f"{name}.{kind}.bias"] for kind in kinds])
    together = graph.linear(graph.quantised(x), weight, bias)
    thirds = graph.op("Split", together, graph.constant(np.array([WIDTH] * 3, np.int64)), outputs=3, axis=-1)
    heads = graph.constant(np.array([-1, HEADS, WIDTH // HEADS], np.int64))
    q, k, v = (
        graph.op("Transpose", graph.op("Reshape", third, heads), perm=perm)
        for third, perm in zip(thirds, ([1, 0, 2], [1, 2, 0], [1, 0, 2]))
    )
    near = graph.op("Mul", graph.op("MatMul", q, k), graph.number((WIDTH / HEADS) ** -0.5))
    mixed = graph.op("Transpose", graph.op("MatMul", graph.op("Softmax", near, axis=-1), v), perm=[1, 0, 2])
    rows = graph.op("Reshape", mixed, graph.constant(np.array([-1, WIDTH], np.int64)))
    return graph.linear(graph.quantised(rows), weights[name + ".o.weight"].T, weights[name + ".o.bias"])


def gelu(graph, x):
    """In the shape that rten takes for one operation."""
    erf = graph.op("Erf", graph.op("Mul", x, graph.number(0.5**0.5)))
    return graph.op("Mul", graph.op("Mul", x, graph.op("Add", erf, graph.number(1))), graph.number(0.5))


def main(*paths):
    weights = {}
    for path in paths[:-1]:
        weights |= {name: array.astype(np.float32) for name, array in load_file(path).items()}
    graph = Graph()
    words = weights["embeddings.word_embeddings.weight"]
    scales = (np.maximum(np.abs(words).max(1, keepdims=True), 1e-6) / 127).astype(np.float32)
    codes = np.clip(np.rint(words / scales), -127, 127).astype(np.int8)
    embedded = graph.op(
        "Mul",
        graph.op("Cast", graph.op("Gather", graph.constant(codes), "input_ids"), to=TensorProto.FLOAT),
        graph.op("Gather", graph.constant(scales), "input_ids"),
    )
    places = graph.op("Gather", graph.constant(weights["pos.weight"][:LONGEST]), "position_ids")
    sides = graph.op("Gather", graph.constant(weights["typ.weight"]), "token_type_ids")
    x = graph.normalised(graph.op("Add", graph.op("Add", embedded, places), sides), weights, "ln")
    for layer in range(LAYERS):
        name = f"layers.{layer}"
        x = graph.normalised(graph.op("Add", x, attention(graph, x, weights, name)), weights, name + ".ln1")
        wide = gelu(graph, graph.linear(graph.quantised(x), weights[name + ".f1.weight"].T, weights[name + ".f1.bias"]))
        narrow = graph.linear(graph.quantised(wide), weights[name + ".f2.weight"].T, weights[name + ".f2.bias"])
        x = graph.normalised(graph.op("Add", x, narrow), weights, name + ".ln2")
    first = graph.op("Gather", x, graph.constant(np.array([0], np.int64)), axis=0)
    both = graph.op("Concat", first, graph.op("ReduceMean", x, axes=[0], keepdims=1), axis=-1)
    pooled = graph.op("MatMul", both, graph.constant(weights["pool.weight"].T))
    hidden = graph.op("Tanh", graph.op("Add", pooled, graph.constant(weights["pool.bias"])))
    logits = graph.op("MatMul", hidden, graph.constant(weights["cls.weight"].T))
    graph.nodes.append(helper.make_node("Add", [logits, graph.constant(weights["cls.bias"])], ["logits"]))

    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["n"])
        for name in ("input_ids", "token_type_ids", "position_ids")
    ]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 2])]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "reader", inputs, outputs, graph.constants),
        opset_imports=[helper.make_opsetid("", 17)], ir_version=8,
    )
    onnx.checker.check_model(model)
    onnx.save(model, paths[-1])


if __name__ == "__main__":
    main(*sys.argv[1:])
