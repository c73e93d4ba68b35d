"""An ONNX graph of the BERT family, written node by node. Needs numpy and onnx.

Used by `embedder/make_model.py` and `reader/export.py`.

Products with weights are of uint8 inputs and int8 weights. A weight has one scale a column, an input
one scale and one offset a row, so that a token's codes depend on no other token (per-token
dynamic quantisation: Yao et al., "ZeroQuant", 2022). The offset is added after the product: zero
points a row are in ONNX, but onnxruntime refuses them and rten 0.27 multiplies wrongly with them.

Without VNNI, x86 adds two products u8 x i8 in 16 bits and saturates. The codes are kept so small
that this cannot happen: 2 * INPUT * WEIGHT <= 32767. Every machine then computes the same integers.
"""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LAYERS, HEADS, WIDTH = 6, 12, 384
# Largest codes. Of the pairs within the bound this one has the least error: weights and inputs
# contribute about equally.
INPUT, WEIGHT = 181, 90
assert 2 * INPUT * WEIGHT <= 2**15 - 1
# GELU has no value below this.
GELU_LEAST = -0.17


class Graph:
    """Nodes and constants in the order in which they are added; equal calls give equal bytes."""

    def __init__(self, in_floats=False):
        self.in_floats = in_floats
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

    def normalised(self, x, weight, bias):
        return self.op("LayerNormalization", x, self.constant(weight), self.constant(bias), axis=-1, epsilon=1e-12)

    def embedded(self, words, ids):
        """Rows of `words`, float [vocabulary, width], for `ids`; kept as int8 with one scale a row."""
        scales = (np.maximum(np.abs(words).max(1, keepdims=True), 1e-6) / 127).astype(np.float32)
        codes = np.clip(np.rint(words / scales), -127, 127).astype(np.int8)
        rows = self.op("Cast", self.op("Gather", self.constant(codes), ids), to=TensorProto.FLOAT)
        return self.op("Mul", rows, self.op("Gather", self.constant(scales), ids))

    def quantised(self, x, least=None):
        """The rows of x as uint8, with their scales, float [n, 1], and what a code of zero stands for.

        That is `least`, a bound for all values of x, where one is known; else it differs from row to
        row and is float [n, 1].
        """
        zero = self.number(0)
        highest = self.op("Max", self.op("ReduceMax", x, axes=[-1], keepdims=1), zero)
        if least is None:
            lowest = self.op("Min", self.op("ReduceMin", x, axes=[-1], keepdims=1), zero)
        else:
            lowest = self.number(least)
        span = self.op("Max", self.op("Sub", highest, lowest), self.number(1e-9))
        per_unit = self.op("Div", self.number(INPUT), span)
        # The cast drops what is behind the point, so that adding a half rounds.
        offset = self.op("Sub", self.number(0.5), self.op("Mul", lowest, per_unit))
        codes = self.op("Cast", self.op("Add", self.op("Mul", x, per_unit), offset), to=TensorProto.UINT8)
        return codes, self.op("Mul", span, self.number(1 / INPUT)), lowest

    def linear(self, x, weight, bias, least=None):
        """x W + b for rows x and W [k, m]; see `quantised` for `least`."""
        if self.in_floats:
            return self.op("Add", self.op("MatMul", x, self.constant(weight)), self.constant(bias))
        codes, scale, lowest = self.quantised(x, least)
        scales = (np.maximum(np.abs(weight).max(0), 1e-9) / WEIGHT).astype(np.float32)
        whole = np.clip(np.rint(weight / scales), -WEIGHT, WEIGHT).astype(np.int8)
        zeros = (self.number(0, np.uint8), self.number(0, np.int8))
        product = self.op("MatMulInteger", codes, self.constant(whole), *zeros)
        columns = self.op("Mul", self.op("Cast", product, to=TensorProto.FLOAT), self.constant(scales))
        result = self.op("Mul", columns, scale)
        # x = scale * code + lowest, so that lowest times the sums of the columns is still missing.
        sums = (whole.sum(0, dtype=np.int32) * scales).astype(np.float32)
        if least is None:
            result = self.op("Add", result, self.op("Mul", lowest, self.constant(sums)))
        else:
            bias = (bias + np.float32(least) * sums).astype(np.float32)
        return self.op("Add", result, self.constant(bias))

    def gelu(self, x):
        """In the shape that rten takes for one operation."""
        erf = self.op("Erf", self.op("Mul", x, self.number(0.5**0.5)))
        return self.op("Mul", self.op("Mul", x, self.op("Add", erf, self.number(1))), self.number(0.5))

    def attended(self, together, scale=None):
        """Attention of all tokens to all, from their queries, keys and values side by side, [n, 3 width].

        `scale` multiplies queries times keys, if their weights do not hold it already.
        """
        thirds = self.op("Split", together, self.constant(np.array([WIDTH] * 3, np.int64)), outputs=3, axis=-1)
        heads = self.constant(np.array([-1, HEADS, WIDTH // HEADS], np.int64))
        q, k, v = (
            self.op("Transpose", self.op("Reshape", third, heads), perm=perm)
            for third, perm in zip(thirds, ([1, 0, 2], [1, 2, 0], [1, 0, 2]))
        )
        near = self.op("MatMul", q, k)
        if scale is not None:
            near = self.op("Mul", near, self.number(scale))
        mixed = self.op("Transpose", self.op("MatMul", self.op("Softmax", near, axis=-1), v), perm=[1, 0, 2])
        return self.op("Reshape", mixed, self.constant(np.array([-1, WIDTH], np.int64)))

    def save(self, path, name, inputs, outputs):
        """Writes the graph; `inputs` and `outputs` are names with type and shape."""
        info = helper.make_tensor_value_info
        graph = helper.make_graph(
            self.nodes, name, [info(*value) for value in inputs], [info(*value) for value in outputs], self.constants
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model)
        onnx.save(model, path)
