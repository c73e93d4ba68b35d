#!/usr/bin/env python3
"""Writes the reader's network for `src/reader`: export.py WEIGHTS.safetensors... OUT.safetensors

WEIGHTS are what was trained (README.md), and the word embeddings of all-MiniLM-L6-v2 (`model.safetensors`).
The encoder is quantised as `../encoder_file.py` says. Above it are float: pool.weight [384, 768] and
pool.bias, of the first token's state beside the mean of all; judge.weight [2, 384] and judge.bias, of
its tanh: the passage answers the question, the passage supports the claim; span.weight [2, 384] and
span.bias, of each token's state: the answer begins, and ends, at it (at the first token where there
is none). Needs numpy and safetensors.
"""
import sys

import numpy as np
from safetensors.numpy import load_file

sys.path.append(sys.path[0] + "/..")
import encoder_file as file  # noqa: E402

# Parts above the encoder, by their names in training.
HEADS = {"pool": "pool", "judge": "cls", "span": "span"}


def main(*paths):
    weights = {}
    for path in paths[:-1]:
        weights |= {name: array.astype(np.float32) for name, array in load_file(path).items()}
    dense = lambda name: (weights[name + ".weight"].T, weights[name + ".bias"])
    norm = lambda name: (weights[name + ".weight"], weights[name + ".bias"])
    tensors = file.words(weights["embeddings.word_embeddings.weight"])
    tensors |= {"places": weights["pos.weight"][: file.LONGEST], "kinds": weights["typ.weight"]}
    tensors |= file.norm("norm", *norm("ln"))
    for number in range(file.LAYERS):
        name = f"layers.{number}"
        parts = [dense(f"{name}.{part}") for part in "qkv"]
        together = (np.concatenate([weight for weight, _ in parts], 1), np.concatenate([bias for _, bias in parts]))
        tensors |= file.product(name + ".attention.in", *together, file.SHRINK)
        tensors |= file.product(name + ".attention.out", *dense(name + ".o"))
        tensors |= file.norm(name + ".attention.norm", *norm(name + ".ln1"))
        tensors |= file.product(name + ".up", *dense(name + ".f1"))
        tensors |= file.product(name + ".down", *dense(name + ".f2"))
        tensors |= file.norm(name + ".norm", *norm(name + ".ln2"))
    for ours, theirs in HEADS.items():
        tensors |= {ours + ".weight": weights[theirs + ".weight"], ours + ".bias": weights[theirs + ".bias"]}
    file.save(tensors, paths[-1])


if __name__ == "__main__":
    main(*sys.argv[1:])
