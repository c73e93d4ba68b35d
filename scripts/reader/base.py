"""The starting weights, rows in int8, for training elsewhere: base.py model.safetensors prep.npz base.npz.xz"""

import io, lzma, sys

import numpy as np
from safetensors.numpy import load_file

w = load_file(sys.argv[1])
P = np.load(sys.argv[2])
used = set(np.unique(np.concatenate([P["ct"], P["qt"], P["tt"]])).tolist()) | {0, 100, 101, 102, 103, 1012}
out = {}
for k, v in w.items():
    if k.startswith("pooler") or k.endswith("position_ids"):
        continue
    if v.ndim == 2 and v.shape[0] > 2:
        s = (np.abs(v).max(1) / 127).astype(np.float16)
        s[s == 0] = 1e-4
        s = s.astype(np.float32)
        out[k + ".q"] = np.clip(np.rint(v / s[:, None]), -127, 127).astype(np.int8)
        out[k + ".s"] = s.astype(np.float16)
    else:
        out[k] = v.astype(np.float32)
b = io.BytesIO()
np.savez(b, **out)
open(sys.argv[3], "wb").write(lzma.compress(b.getvalue(), preset=1))
print(len(b.getvalue()))
