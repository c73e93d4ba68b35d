#!/usr/bin/env python3
"""CPU milliseconds per text of a model in onnxruntime on one thread: in float, and in its dynamic int8.

    pip install onnx onnxruntime tokenizers
    scripts/embedder/build.sh MODEL_DIR --float
    embedding_reference.py MODEL_DIR < texts.json     # a JSON list of strings

The yardstick of `make bench-embedding`. Warms up first; mean pooling and L2 as the embedder does.
"""
import json
import os
import sys
import time

import numpy as np
import onnxruntime
from onnxruntime.quantization import QuantType, quantize_dynamic
from tokenizers import Tokenizer

model, texts = sys.argv[1], json.load(sys.stdin)
tokenizer = Tokenizer.from_file(f"{model}/tokenizer.json")
tokenizer.no_padding()
tokenizer.enable_truncation(256)
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
quantised = f"{model}/dynamic.onnx"
if not os.path.exists(quantised):
    quantize_dynamic(f"{model}/model.onnx", quantised, weight_type=QuantType.QInt8, per_channel=True)


def embed(session, text):
    ids = np.array([tokenizer.encode(text).ids])
    hidden = session.run(None, {"input_ids": ids})[0][0]
    vector = hidden.mean(0)
    return vector / np.linalg.norm(vector)


for path in (f"{model}/model.onnx", quantised):
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    for text in texts[:4]:
        embed(session, text)
    before = time.process_time()
    for text in texts:
        embed(session, text)
    print((time.process_time() - before) * 1e3 / len(texts))
