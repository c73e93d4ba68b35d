#!/usr/bin/env python3
"""Weights out of a network that export.py wrote, for export.py: read_back.py MODEL.onnx OUT.safetensors

What was rounded stays rounded; everything else is as it was. It reads networks that quantise per token,
and the first one, which quantised whole tensors.
Needs numpy, safetensors and onnx.
"""
import sys

import numpy as np
import onnx
from onnx import numpy_helper
from safetensors.numpy import save_file

sys.path.append(sys.path[0] + "/..")
from onnx_graph import GELU_LEAST, LAYERS, WIDTH  # noqa: E402


class Network:
    def __init__(self, path):
        graph = onnx.load(path).graph
        self.nodes = list(graph.node)
        self.constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        self.made_by = {name: node for node in self.nodes for name in node.output}
        self.users = {}
        for node in self.nodes:
            for name in node.input:
                self.users.setdefault(name, []).append(node)

    def of_kind(self, kind):
        return [node for node in self.nodes if node.op_type == kind]

    def constant(self, node):
        return next((self.constants[name] for name in node.input if name in self.constants), None)

    def next(self, node):
        return self.users[node.output[0]][0]

    def dense(self, product, least):
        """Weight [k, m] and bias of a product; `least` as in `onnx_graph.linear`."""
        codes = self.constants[product.input[1]]
        scaled = self.next(self.next(product))
        scales = self.constant(scaled)
        per_token = scales is not None
        if not per_token:
            scales = next(self.constant(self.made_by[name]) for name in scaled.input if self.made_by[name].op_type == "Mul")
        after = self.next(scaled)
        while after.op_type != "Add" or self.constant(after) is None:
            after = self.next(after)
        bias = self.constant(after)
        if per_token and least is not None:
            bias = bias - np.float32(least) * codes.sum(0, dtype=np.int32) * scales
        return codes * scales, bias


def main(model, out):
    network, weights = Network(model), {}

    def keep(name, weight, bias):
        weights[name + ".weight"], weights[name + ".bias"] = weight, bias

    products = iter(network.of_kind("MatMulInteger"))
    norms = iter(network.of_kind("LayerNormalization"))
    norm = lambda name: keep(name, *(network.constants[part] for part in next(norms).input[1:3]))
    norm("ln")
    for layer in range(LAYERS):
        name = f"layers.{layer}"
        weight, bias = network.dense(next(products), None)
        for at, part in enumerate("qkv"):
            columns = slice(WIDTH * at, WIDTH * (at + 1))
            keep(f"{name}.{part}", weight[:, columns].T, bias[columns])
        for part, least in (("o", None), ("f1", None), ("f2", GELU_LEAST)):
            weight, bias = network.dense(next(products), least)
            keep(f"{name}.{part}", weight.T, bias)
        norm(name + ".ln1")
        norm(name + ".ln2")
    codes, scales, places, sides, *_ = (network.constant(node) for node in network.of_kind("Gather"))
    weights |= {"embeddings.word_embeddings.weight": codes * scales, "pos.weight": places, "typ.weight": sides}
    last = [node for node in network.of_kind("MatMul") if network.constant(node) is not None]
    for name, node in zip(("pool", "cls", "span"), last):
        keep(name, network.constant(node).T, network.constant(network.next(node)))
    save_file({name: np.ascontiguousarray(array, np.float32) for name, array in weights.items()}, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
