#!/usr/bin/env python3
"""CPU milliseconds per text of the same model in onnxruntime on one thread.

    pip install onnxruntime tokenizers
    embedding_reference.py MODEL_DIR < texts.json     # a JSON list of strings

The yardstick of `make bench-embedding`. Warms up first; mean pooling and L2 as the embedder does.
"""
import json
import sys
import time

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

model, texts = sys.argv[1], json.load(sys.stdin)
tokenizer = Tokenizer.from_file(f"{model}/tokenizer.json")
tokenizer.no_padding()
tokenizer.enable_truncation(256)
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(f"{model}/model.onnx", options, providers=["CPUExecutionProvider"])


def embed(text):
    encoding = tokenizer.encode(text)
    ids, mask = np.array([encoding.ids]), np.array([encoding.attention_mask])
    inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    hidden = session.run(None, inputs)[0][0]
    vector = hidden.mean(0)
    return vector / np.linalg.norm(vector)


for text in texts[:4]:
    embed(text)
before = time.process_time()
for text in texts:
    embed(text)
print((time.process_time() - before) * 1e3 / len(texts))
