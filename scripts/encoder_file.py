"""The file of an encoder of the BERT family as `src/encoder` runs it. Needs numpy and safetensors.

Used by `embedder/make_model.py` and `reader/export.py`. A file in the safetensors format; n layers N:

| tensor | type and shape |
| --- | --- |
| words.weight, words.scales | int8 [vocabulary, 384], float [vocabulary]: one scale a row |
| places, kinds | float [256, 384], [2, 384] |
| norm.weight, norm.bias | float [384]: of the embeddings |
| layers.N.attention.in, .attention.out, .up, .down | products, as below: [384, 1152], [384, 384], [384, 1536], [1536, 384] |
| layers.N.attention.norm, layers.N.norm | weight and bias, float [384] |

A product x W + b has W as `weight`, int8 [k, m], with one of `scales`, float [m], a column; `sums`, float [m],
of the columns of W; and `bias`, float [m]. Queries, keys and values lie side by side, and the scale of
queries times keys is in the queries. What is multiplied with W is uint8 with one scale and one offset
a row, so that a token's codes depend on no other token (per-token dynamic quantisation: Yao et al.,
"ZeroQuant", 2022).

Without VNNI, x86 adds two products u8 x i8 in 16 bits and saturates. The codes are kept so small
that this cannot happen: 2 * INPUT * WEIGHT <= 32767. Every machine then computes the same integers.
"""
from math import erf

import numpy as np
from safetensors.numpy import save_file

LAYERS, HEADS, WIDTH, LONGEST = 6, 12, 384, 256
# Largest codes. Of the pairs within the bound this one has the least error: weights and inputs
# contribute about equally.
INPUT, WEIGHT = 181, 90
assert 2 * INPUT * WEIGHT <= 2**15 - 1
# Queries times keys are divided by the root of a head's width.
SHRINK = np.concatenate([np.full(WIDTH, (WIDTH / HEADS) ** -0.5), np.ones(2 * WIDTH)]).astype(np.float32)


def words(weight):
    scales = (np.maximum(np.abs(weight).max(1), 1e-6) / 127).astype(np.float32)
    codes = np.clip(np.rint(weight / scales[:, None]), -127, 127).astype(np.int8)
    return {"words.weight": codes, "words.scales": scales}


def product(name, weight, bias, shrink=1):
    """`weight` is [k, m]; `shrink` [m] multiplies what comes out."""
    scales = (np.maximum(np.abs(weight).max(0), 1e-9) / WEIGHT).astype(np.float32)
    codes = np.clip(np.rint(weight / scales), -WEIGHT, WEIGHT).astype(np.int8)
    scales *= shrink
    sums = (codes.sum(0, dtype=np.int32) * scales).astype(np.float32)
    parts = {"weight": codes, "scales": scales, "sums": sums, "bias": (bias * shrink).astype(np.float32)}
    return {f"{name}.{part}": array for part, array in parts.items()}


def norm(name, weight, bias):
    return {f"{name}.weight": weight, f"{name}.bias": bias}


def save(tensors, path):
    save_file({name: np.ascontiguousarray(array) for name, array in tensors.items()}, path)


def states(tensors, tokens, kinds):
    """What `src/encoder` computes: the state of each token, [n, 384]."""
    gelu = np.vectorize(lambda value: 0.5 * value * (1 + erf(value * 0.5**0.5)), otypes=[np.float32])

    def multiplied(x, name):
        part = lambda kind: tensors[f"{name}.{kind}"]
        lowest, highest = np.minimum(x.min(1, keepdims=True), 0), np.maximum(x.max(1, keepdims=True), 0)
        span = np.maximum(highest - lowest, 1e-9)
        codes = np.floor((x - lowest) * (INPUT / span) + 0.5)
        # Whole numbers below 2^53: exact.
        whole = codes.astype(np.float64) @ part("weight").astype(np.float64)
        return (whole * part("scales") * (span / INPUT) + lowest * part("sums") + part("bias")).astype(np.float32)

    def normalised(x, name):
        centred = x - x.mean(1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(1, keepdims=True) + 1e-12)
        return centred / deviation * tensors[name + ".weight"] + tensors[name + ".bias"]

    x = tensors["words.weight"][tokens] * tensors["words.scales"][tokens][:, None]
    x = normalised(x + tensors["places"][: len(tokens)] + tensors["kinds"][kinds], "norm")
    for number in range(LAYERS):
        name = f"layers.{number}"
        together = multiplied(x, name + ".attention.in").reshape(len(tokens), 3, HEADS, -1)
        q, k, v = together.transpose(1, 2, 0, 3)
        near = q @ k.transpose(0, 2, 1)
        near = np.exp(near - near.max(-1, keepdims=True))
        mixed = near / near.sum(-1, keepdims=True) @ v
        mixed = mixed.transpose(1, 0, 2).reshape(len(tokens), WIDTH)
        x = normalised(x + multiplied(mixed, name + ".attention.out"), name + ".attention.norm")
        wide = gelu(multiplied(x, name + ".up"))
        x = normalised(x + multiplied(wide, name + ".down"), name + ".norm")
    return x
