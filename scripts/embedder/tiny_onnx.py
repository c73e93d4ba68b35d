#!/usr/bin/env python3
"""Writes tests/it/golden/tiny.onnx: tiny_onnx.py OUT.onnx. Needs numpy and onnx.

Has the inputs and the output of a BERT-family export and no weights: the state of a token is the
sines of six multiples of its number.
"""
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

NAMES = ("input_ids", "attention_mask", "token_type_ids")

nodes = [
    helper.make_node("Add", ["input_ids", "token_type_ids"], ["kinds"]),
    helper.make_node("Mul", ["kinds", "attention_mask"], ["masked"]),
    helper.make_node("Cast", ["masked"], ["numbers"], to=TensorProto.FLOAT),
    helper.make_node("Unsqueeze", ["numbers", "last"], ["columns"]),
    helper.make_node("Mul", ["columns", "factors"], ["angles"]),
    helper.make_node("Sin", ["angles"], ["last_hidden_state"]),
]
constants = [
    numpy_helper.from_array(np.array([2], np.int64), "last"),
    numpy_helper.from_array(np.array([0.1, 0.23, 0.37, 0.51, 0.77, 0.93], np.float32), "factors"),
]
inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, [1, "n"]) for name in NAMES]
outputs = [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, [1, "n", 6])]
graph = helper.make_graph(nodes, "tiny", inputs, outputs, constants)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.checker.check_model(model)
onnx.save(model, sys.argv[1])
