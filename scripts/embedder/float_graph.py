"""An ONNX graph of the BERT family in float, written node by node. Needs numpy and onnx."""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HEADS, WIDTH = 12, 384


class Graph:
    """Nodes and constants in the order in which they are added."""

    def __init__(self):
        self.nodes, self.constants, self.count = [], [], 0

    def constant(self, array):
        self.count += 1
        name = f"c{self.count}"
        self.constants.append(numpy_helper.from_array(np.array(array, order="C"), name))
        return name

    def number(self, value):
        return self.constant(np.array(value, np.float32))

    def op(self, kind, *inputs, outputs=1, **attributes):
        self.count += 1
        names = [f"n{self.count}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def normalised(self, x, weight, bias):
        return self.op("LayerNormalization", x, self.constant(weight), self.constant(bias), axis=-1, epsilon=1e-12)

    def linear(self, x, weight, bias):
        return self.op("Add", self.op("MatMul", x, self.constant(weight)), self.constant(bias))

    def gelu(self, x):
        erf = self.op("Erf", self.op("Mul", x, self.number(0.5**0.5)))
        return self.op("Mul", self.op("Mul", x, self.op("Add", erf, self.number(1))), self.number(0.5))

    def attended(self, together):
        """Attention of all tokens to all, from their queries, keys and values side by side, [n, 3 width]."""
        thirds = self.op("Split", together, self.constant(np.array([WIDTH] * 3, np.int64)), outputs=3, axis=-1)
        heads = self.constant(np.array([-1, HEADS, WIDTH // HEADS], np.int64))
        q, k, v = (
            self.op("Transpose", self.op("Reshape", third, heads), perm=perm)
            for third, perm in zip(thirds, ([1, 0, 2], [1, 2, 0], [1, 0, 2]))
        )
        near = self.op("Softmax", self.op("MatMul", q, k), axis=-1)
        mixed = self.op("Transpose", self.op("MatMul", near, v), perm=[1, 0, 2])
        return self.op("Reshape", mixed, self.constant(np.array([-1, WIDTH], np.int64)))

    def save(self, x, path):
        """Writes the graph whose last value is `x`."""
        self.op("Reshape", x, self.constant(np.array([1, -1, WIDTH], np.int64)))
        self.nodes[-1].output[0] = "last_hidden_state"
        inputs = [helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, "n"])]
        outputs = [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, [1, "n", WIDTH])]
        graph = helper.make_graph(self.nodes, "all-MiniLM-L6-v2", inputs, outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model)
        onnx.save(model, path)
