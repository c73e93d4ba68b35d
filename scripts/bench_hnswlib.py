#!/usr/bin/env python3
"""hnswlib over the vectors of `make bench-index`: bench_hnswlib.py FILE ROWS QUESTIONS DIMENSION

    pip install hnswlib numpy

FILE holds rows, then questions, as float32. Prints the CPU seconds of building (M 16, ef_construction
200, all cores), then for each ef the recall@10 and the CPU microseconds of a search on one thread.
"""
import sys
import time

import hnswlib
import numpy as np

path, rows, questions, dimension = sys.argv[1], *map(int, sys.argv[2:])
vectors = np.fromfile(path, np.float32).reshape(rows + questions, dimension)
vectors, asked = vectors[:rows], vectors[rows:]
truth = np.argsort(-(asked @ vectors.T), axis=1)[:, :10]
index = hnswlib.Index("ip", dimension)
index.init_index(rows, ef_construction=200, M=16)
before = time.process_time()
index.add_items(vectors)
print(time.process_time() - before)
index.set_num_threads(1)
for ef in (16, 24, 32, 48, 64, 96, 128, 192, 256):
    index.set_ef(ef)
    before = time.process_time()
    found = [index.knn_query(question, 10)[0][0] for question in asked]
    cost = (time.process_time() - before) * 1e6 / questions
    recall = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, truth)])
    print(recall, cost)
