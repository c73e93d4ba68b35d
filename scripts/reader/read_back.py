#!/usr/bin/env python3
"""Weights out of a network that export.py wrote, for export.py: read_back.py MODEL.safetensors OUT.safetensors

What was rounded stays rounded; everything else is as it was. Needs numpy and safetensors.
"""
import sys

import numpy as np
from safetensors.numpy import load_file, save_file

sys.path.append(sys.path[0] + "/..")
import encoder_file as file  # noqa: E402
from export import HEADS  # noqa: E402


def main(model, out):
    tensors, weights = load_file(model), {}

    def keep(name, weight, bias):
        weights[name + ".weight"], weights[name + ".bias"] = weight, bias

    def dense(name, shrink=1):
        """Weight [m, k] and bias."""
        whole = tensors[name + ".weight"] * (tensors[name + ".scales"] / shrink)
        return whole.T, tensors[name + ".bias"] / shrink

    norm = lambda name: (tensors[name + ".weight"], tensors[name + ".bias"])
    weights["embeddings.word_embeddings.weight"] = tensors["words.weight"] * tensors["words.scales"][:, None]
    weights |= {"pos.weight": tensors["places"], "typ.weight": tensors["kinds"]}
    keep("ln", *norm("norm"))
    for number in range(file.LAYERS):
        name = f"layers.{number}"
        weight, bias = dense(name + ".attention.in", file.SHRINK)
        for part, rows in zip("qkv", np.split(np.arange(3 * file.WIDTH), 3)):
            keep(f"{name}.{part}", weight[rows], bias[rows])
        keep(name + ".o", *dense(name + ".attention.out"))
        keep(name + ".f1", *dense(name + ".up"))
        keep(name + ".f2", *dense(name + ".down"))
        keep(name + ".ln1", *norm(name + ".attention.norm"))
        keep(name + ".ln2", *norm(name + ".norm"))
    for ours, theirs in HEADS.items():
        keep(theirs, *norm(ours))
    save_file({name: np.ascontiguousarray(array, np.float32) for name, array in weights.items()}, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
