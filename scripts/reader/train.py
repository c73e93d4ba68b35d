"""Trains the reader: train.py --dir FOLDER --secs SECONDS, where FOLDER holds base.npz.xz (base.py) and prep.npz.xz
(prepare.py's result, packed by xz), and gap.npz.xz where the fields left out are to be scored meanwhile. PyTorch, numpy, safetensors.
"""

import argparse, io, json, lzma, math, os, random, sys, time
import numpy as np, torch, torch.nn as nn, torch.nn.functional as F

T0 = time.time()
ap = argparse.ArgumentParser()
for k, v in dict(
    dir=".",
    out=os.environ.get("OUT", "out"),
    secs=180.0,
    bt=49152,
    lr=1.2e-4,
    seed=17,
    workers=12,
    steps=0,
    auth=6,
    tag="r",
    claims=0.3,
    fin=0,
    init="",
).items():
    ap.add_argument("--" + k, default=v, type=type(v))
A = ap.parse_args()
os.makedirs(A.out, exist_ok=True)
LOG = open(f"{A.out}/{A.tag}.log", "a")


def log(*a):
    s = f"{time.time()-T0:6.1f}s " + " ".join(map(str, a))
    print(s, flush=True)
    LOG.write(s + "\n")
    LOG.flush()


dev = "cuda" if torch.cuda.is_available() else "cpu"
if dev == "cpu":
    torch.set_num_threads(1)
torch.manual_seed(A.seed)
random.seed(A.seed)
unx = lambda f: np.load(io.BytesIO(lzma.decompress(open(os.path.join(A.dir, f), "rb").read())))
B = unx("base.npz.xz")
P = unx("prep.npz.xz")
P = {k: P[k] for k in P.files}
names = json.loads(bytes(P["names"]))
log(torch.__version__, dev, {k: v.shape for k, v in P.items() if k in ("U", "E", "CL", "co")})


def base(n):
    return (
        torch.from_numpy(B[n + ".q"].astype(np.float32) * B[n + ".s"].astype(np.float32)[:, None])
        if n + ".q" in B.files
        else torch.from_numpy(B[n].astype(np.float32))
    )


H, NH, FF, ML, PL = 384, 12, 1536, 224, 160


class Layer(nn.Module):
    def __init__(s):
        super().__init__()
        s.q = nn.Linear(H, H)
        s.k = nn.Linear(H, H)
        s.v = nn.Linear(H, H)
        s.o = nn.Linear(H, H)
        s.ln1 = nn.LayerNorm(H, eps=1e-12)
        s.f1 = nn.Linear(H, FF)
        s.f2 = nn.Linear(FF, H)
        s.ln2 = nn.LayerNorm(H, eps=1e-12)

    def forward(s, x, m, p):
        b, L, _ = x.shape
        sh = lambda t: t.view(b, L, NH, H // NH).transpose(1, 2)
        a = F.scaled_dot_product_attention(sh(s.q(x)), sh(s.k(x)), sh(s.v(x)), attn_mask=m)
        x = s.ln1(x + F.dropout(s.o(a.transpose(1, 2).reshape(b, L, H)), p, s.training))
        return s.ln2(x + F.dropout(s.f2(F.gelu(s.f1(x))), p, s.training))


class Reader(nn.Module):
    def __init__(s, n=6):
        super().__init__()
        s.emb = nn.Embedding(30522, H)
        s.pos = nn.Embedding(512, H)
        s.typ = nn.Embedding(2, H)
        s.ln = nn.LayerNorm(H, eps=1e-12)
        s.layers = nn.ModuleList([Layer() for _ in range(n)])
        s.pool = nn.Linear(2 * H, H)
        s.cls = nn.Linear(H, 2)
        s.span = nn.Linear(H, 2)
        s.p = 0.1

    def forward(s, ids, mask, typ):
        x = s.ln(s.emb(ids) + s.pos(torch.arange(ids.shape[1], device=ids.device))[None] + s.typ(typ))
        x = F.dropout(x, s.p, s.training)
        m = mask.bool()[:, None, None, :]
        for l in s.layers:
            x = l(x, m, s.p)
        mf = mask.to(x.dtype)
        mean = (x * mf[:, :, None]).sum(1) / mf.sum(1, keepdim=True)
        h = torch.tanh(s.pool(torch.cat([x[:, 0], mean], 1)))
        h = F.dropout(h, s.p, s.training)
        sp = s.span(x)
        return s.cls(h), sp[..., 0], sp[..., 1]


def build():
    r = Reader()
    with torch.no_grad():
        e = "embeddings."
        r.emb.weight.copy_(base(e + "word_embeddings.weight"))
        r.pos.weight.copy_(base(e + "position_embeddings.weight"))
        r.typ.weight.copy_(base(e + "token_type_embeddings.weight"))
        r.ln.weight.copy_(base(e + "LayerNorm.weight"))
        r.ln.bias.copy_(base(e + "LayerNorm.bias"))
        for i, l in enumerate(r.layers):
            for a, b in (
                ("q", "attention.self.query"),
                ("k", "attention.self.key"),
                ("v", "attention.self.value"),
                ("o", "attention.output.dense"),
                ("ln1", "attention.output.LayerNorm"),
                ("f1", "intermediate.dense"),
                ("f2", "output.dense"),
                ("ln2", "output.LayerNorm"),
            ):
                m = getattr(l, a)
                m.weight.copy_(base(f"encoder.layer.{i}.{b}.weight"))
                m.bias.copy_(base(f"encoder.layer.{i}.{b}.bias"))
    if A.init:
        from safetensors.torch import load_file

        sd = {}
        for f in A.init.split(","):
            sd.update({k: v.float() for k, v in load_file(os.path.join(A.dir, f)).items()})
        log("init", r.load_state_dict(sd, strict=False).missing_keys)
    r.emb.weight.requires_grad_(False)
    return r.to(dev)


amp = lambda: torch.autocast("cuda", dtype=torch.bfloat16, enabled=dev == "cuda")
O = lambda a, o, i: a[o[i] : o[i + 1]]
ct, co, qt, qo, tt, to, bt, bo, no, nt = [
    P[k].astype(np.int64) for k in ("ct", "co", "qt", "qo", "tt", "to", "bt", "bo", "no", "nt")
]
tid = P["ctit"]
coll = P["ccoll"]
U, E, CL, CB, NQ = P["U"], P["E"], P["CL"], P["cb"], P["NQ"]
C = lambda c: ct[co[c] : co[c + 1]]
Q = lambda q: qt[qo[q] : qo[q + 1]]


def sents(c):
    b = O(bt, bo, c).tolist() + [int(co[c + 1] - co[c])]
    return [(b[i], b[i + 1]) for i in range(len(b) - 1) if b[i + 1] > b[i]]


same = {}  # contexts of one title, or of one collection
for c in range(len(tid)):
    if len(O(tt, to, tid[c])):
        same.setdefault(("t", int(tid[c]), int(coll[c])), []).append(c)
    same.setdefault(int(coll[c]), []).append(c)


def contains(x, a):
    n = len(a)
    if n == 0 or len(x) < n:
        return False
    if n == 1:
        return bool((x == a[0]).any())
    w = np.flatnonzero(x[: len(x) - n + 1] == a[0])
    return any((x[i : i + n] == a).all() for i in w)


def pack(q, x, title, s, e, rng, train=True):
    """[CLS] q [SEP] title . x [SEP]"""
    qq = q[:48]
    if train and len(qq) > 4 and qq[-1] == 1029 and rng.random() < 0.25:
        qq = qq[:-1]
    t = title[:24]
    t = np.concatenate([t, [1012]]) if len(t) and (not train or rng.random() < 0.7) else t[:0]
    room = ML - 3 - len(qq) - len(t)
    if len(x) > room:
        x = x[:room]
    if e >= len(x):
        s = e = -1
    b = len(qq) + 2
    off = b + len(t)
    ids = np.concatenate([[101], qq, [102], t, x, [102]]).astype(np.int64)
    return ids, b, (s + off if s >= 0 else -1), (e + off if s >= 0 else -1)


def window(c, s, e, rng, size=PL):
    """sentences of a context that fit, with the answer among them: list of (start,end)"""
    ss = sents(c)
    n = sum(b - a for a, b in ss)
    if n <= size:
        return ss
    if s < 0:
        k = rng.randrange(len(ss)) if rng.random() < 0.3 else 0
    else:
        k = max(0, [i for i, (a, b) in enumerate(ss) if a <= s][-1])
    lo = hi = k
    tot = ss[k][1] - ss[k][0]
    first = True
    while True:
        opts = []
        if lo > 0 and tot + ss[lo - 1][1] - ss[lo - 1][0] <= size:
            opts.append(-1)
        if hi < len(ss) - 1 and tot + ss[hi + 1][1] - ss[hi + 1][0] <= size:
            opts.append(1)
        if not opts:
            break
        o = rng.choice(opts)
        if o < 0:
            lo -= 1
            tot += ss[lo][1] - ss[lo][0]
        else:
            hi += 1
            tot += ss[hi][1] - ss[hi][0]
    return ss[lo : hi + 1]


def join(x, spans, s=-1, e=-1):
    out = []
    p = 0
    ns = ne = -1
    for a, b in spans:
        out.append(x[a:b])
        if s >= 0 and a <= s < b:
            ns = p + s - a
            ne = ns + (e - s)
        p += b - a
    return (np.concatenate(out) if out else x[:0]), ns, ne


def title(c):
    return O(tt, to, tid[c])


def neighbour(u, q, c, ans, rng, k=8):
    n = nt[no[u] : no[u + 1]] if u >= 0 else []
    n = [x for x in n][:k]
    st = same.get(("t", int(tid[c]), int(coll[c])), [])
    for _ in range(4):
        d = (
            int(rng.choice(n))
            if len(n) and (rng.random() < 0.7 or len(st) < 2)
            else (rng.choice(st) if len(st) > 1 else rng.choice(same[int(coll[c])]))
        )
        if d != c and not (ans is not None and contains(C(d), ans)):
            return d
    return None


def unit_q(u, rng):
    q, c, s, e = [int(v) for v in U[u][:4]]
    x = C(c)
    ans = x[s : e + 1] if s >= 0 else None
    qq = Q(q)
    out = []
    t = title(c)
    w = window(c, s, e, rng)
    size = sum(b - a for a, b in w)
    fill = None
    if size < 70 and rng.random() < 0.8:  # short: put it among others of its kind
        st = same.get(("t", int(tid[c]), int(coll[c])), []) or same[int(coll[c])]
        if len(st) < 3:
            st = same[int(coll[c])]
        fs = []
        for _ in range(rng.randrange(1, 4)):
            d = rng.choice(st)
            if (
                d != c
                and not (ans is not None and contains(C(d), ans))
                and size + sum(map(len, fs)) + co[d + 1] - co[d] <= PL
            ):
                fs.append(C(d))
        if fs:
            k = rng.randrange(len(fs) + 1)
            fill = (np.concatenate(fs[:k] + [x[:0]]), np.concatenate(fs[k:] + [x[:0]]))

    def emit(sp, lab, s_, e_):
        y, ns, ne = join(x, sp, s_, e_)
        if fill is not None:
            y = np.concatenate([fill[0], y, fill[1]])
            ns, ne = (ns + len(fill[0]), ne + len(fill[0])) if ns >= 0 else (ns, ne)
        if len(y) < 4:
            return False
        i, b, a, z = pack(qq, y, t, ns, ne, rng)
        out.append((i, b, a, z, lab, 0, 0.0, 1.0))
        return True

    k = [i for i, (a, b) in enumerate(w) if s >= 0 and a <= e and b > s]
    rest = [i for i in range(len(w)) if i not in k]
    # with its passage, often without some other sentence
    wp = w
    if s >= 0 and len(rest) > 1 and rng.random() < 0.5:
        d = rng.choice(rest)
        wp = [v for i, v in enumerate(w) if i != d]
    emit(wp, 1.0, s, e)
    if s >= 0:
        wn = [w[i] for i in rest]
        y = np.concatenate([x[a:b] for a, b in wn]) if wn else x[:0]
        if (len(y) >= 12 or fill is not None) and not contains(y, ans):
            emit(wn, 0.0, -1, -1)
    for _ in range(1 if rng.random() < 0.7 else 2):
        d = neighbour(u, q, c, ans, rng)
        if d is not None:
            y, _, _ = join(C(d), window(d, -1, -1, rng))
            i, b, _, _ = pack(qq, y, title(d), -1, -1, rng)
            out.append((i, b, -1, -1, 0.0, 0, 0.0, 1.0))
    return out if len(out) > 1 else []


def replace(x, o, n):
    L = len(o)
    w = [i for i in np.flatnonzero(x == o[0]) if i + L <= len(x) and (x[i : i + L] == o).all()]
    out = []
    p = 0
    for i in w:
        if i < p:
            continue
        out += [x[p:i], n]
        p = i + L
    return np.concatenate(out + [x[p:]])


def unit_e(k, rng):
    t, q, q2, c = [int(v) for v in E[k]]
    o = O(P["eot"], P["eoo"], k).astype(np.int64)
    n = O(P["ent"], P["eno"], k).astype(np.int64)
    x = C(c)
    tl = title(c)
    if not len(o) or not len(n):
        return []
    i0 = [i for i in range(len(x) - len(o) + 1) if (x[i : i + len(o)] == o).all()]
    if not i0:
        return []
    w = window(c, i0[0], i0[0], rng, PL - 8)
    y, _, _ = join(x, w)
    y2 = replace(y, o, n)
    tl2 = replace(tl, o, n) if len(tl) >= len(o) else tl
    if len(y2) == len(y) and (y2 == y).all():
        return []
    A_, B_ = Q(q), Q(q2)
    out = []
    for qq, p, h, lab in ((A_, y, tl, 1.0), (B_, y, tl, 0.0), (A_, y2, tl2, 0.0), (B_, y2, tl2, 1.0)):
        i, b, _, _ = pack(qq, p, h, -1, -1, rng)
        out.append((i, b, -2, -2, lab, t, 0.0, 1.0))
    return out


def unit_c(k, rng):
    q, c, l, src, _ = [int(v) for v in CL[k]]
    x = C(c)
    tl = title(c)
    qq = Q(q)
    b0 = float(CB[k])
    out = []
    ss = sents(c)
    cs = [int(v) for v in O(P["cst"], P["cso"], k)]
    f = min(cs[0], len(ss) - 1) if cs[0] >= 0 else -1
    w = window(c, ss[f][0], ss[f][0], rng) if f >= 0 else window(c, -1, -1, rng)
    y, _, _ = join(x, w)
    i, b, _, _ = pack(qq, y, tl, -1, -1, rng)
    out.append((i, b, -2, -2, float(l), 1, b0, 1.0))
    if l == 1:
        cut = [v for j, v in enumerate(ss) if j in cs]
        wn = [v for v in w if v not in cut]
        y, _, _ = join(x, wn)
        if len(y) >= 12:
            i, b, _, _ = pack(qq, y, tl, -1, -1, rng)
            out.append((i, b, -2, -2, 0.0, 1, b0, 1.0))
        if len(y) < 12 or rng.random() < 0.4:
            st = same.get(("t", int(tid[c]), int(coll[c])), [])
            st = st if len(st) > 1 else same[int(coll[c])]
            d = rng.choice(st)
            if d != c:
                y, _, _ = join(C(d), window(d, -1, -1, rng))
                i, b, _, _ = pack(qq, y, title(d), -1, -1, rng)
                out.append((i, b, -2, -2, 0.0, 1, b0, 1.0))
    return out


SRCN = [n.split(":")[0] for n in names]
WU = {
    "auth": A.auth,
    "qamr": 0.4,
    "squad_nqg": 0.4,
    "squad_sent": 0.4,
    "medquad": 0.35,
    "boolq": 0.3,
    "pubmedqa": 0.5,
    "selqa": 0.7,
    "world": 0.15,
    "hand": 3,
    "nq": 1.5,
    "quotesum": 2,
}
WC = {"auth": 4, "hand": 3, "world": 0.2, "synth": 0.5, "qa2claim": 0.5, "feversym": 2, "begin": 1.5}
HOLDU = U[:, 5] == 1
HOLDC = CL[:, 4] == 1
ETOT = np.array([t for t in E[:, 0]])


def plan(seed):
    rng = random.Random(seed)
    L = []
    times = lambda w: int(w) + (rng.random() < w - int(w))
    for u in np.flatnonzero(~HOLDU):
        for _ in range(times(WU.get(SRCN[U[u][4]], 1))):
            L.append((0, int(u)))
    for k in range(len(E)):
        if rng.random() < (0.35 if E[k][0] == 0 else 0.5):
            L.append((1, k))
    for k in np.flatnonzero(~HOLDC):
        for _ in range(times(WC.get(SRCN[CL[k][3]], 1) * A.claims / 0.3)):
            L.append((2, int(k)))
    rng.shuffle(L)
    return L


class Stream(torch.utils.data.IterableDataset):
    def __iter__(s):
        w = torch.utils.data.get_worker_info()
        wid, nw = (w.id, w.num_workers) if w else (0, 1)
        ep = 0
        while True:
            L = plan(A.seed * 1000 + ep)[wid::nw]
            rng = random.Random(A.seed * 77 + wid * 1009 + ep)
            ep += 1
            for a in range(0, len(L), 1500):
                us = []
                for kind, k in L[a : a + 1500]:
                    try:
                        r = (unit_q, unit_e, unit_c)[kind](k, rng)
                    except (IndexError, ValueError):
                        r = []
                    if r:
                        us.append(r)
                us.sort(key=lambda r: max(len(x[0]) for x in r))
                bs = []
                cur = []
                m = 0
                for r in us:
                    l = (max(len(x[0]) for x in r) + 15) // 16 * 16
                    if cur and (sum(map(len, cur)) + len(r)) * max(m, l) > A.bt:
                        bs.append((cur, m))
                        cur = []
                        m = 0
                    cur.append(r)
                    m = max(m, l)
                if cur:
                    bs.append((cur, m))
                rng.shuffle(bs)
                for b in bs:
                    yield collate([(i,) + x for i, r in enumerate(b[0]) for x in r], b[1])


def collate(rows, L):
    n = len(rows)
    ids = np.zeros((n, L), np.int32)
    typ = np.zeros((n, L), np.int8)
    mask = np.zeros((n, L), np.int8)
    for i, r in enumerate(rows):
        x = r[1]
        ids[i, : len(x)] = x
        mask[i, : len(x)] = 1
        typ[i, r[2] : len(x)] = 1
    f = lambda k, t: torch.from_numpy(np.array([r[k] for r in rows], t))
    return dict(
        ids=torch.from_numpy(ids),
        typ=torch.from_numpy(typ),
        mask=torch.from_numpy(mask),
        unit=f(0, np.int64),
        st=f(3, np.int64),
        en=f(4, np.int64),
        y=f(5, np.float32),
        task=f(6, np.int64),
        bias=f(7, np.float32),
    )


# ---- evaluation
def auc(p, n):
    p = np.asarray(p, float)
    n = np.asarray(n, float)
    if not len(p) or not len(n):
        return float("nan")
    a = np.concatenate([p, n])
    r = np.empty(len(a))
    o = np.argsort(a, kind="mergesort")
    s = a[o]
    i = 0
    while i < len(a):
        j = i
        while j + 1 < len(a) and s[j + 1] == s[i]:
            j += 1
        r[o[i : j + 1]] = (i + j) / 2 + 1
        i = j + 1
    return float((r[: len(p)].sum() - len(p) * (len(p) + 1) / 2) / (len(p) * len(n)))


def scores(m, rows):
    """rows: (ids,b); gives cls0, cls1, span minus null"""
    m.eval()
    out = np.zeros((len(rows), 3))
    o = np.argsort([len(r[0]) for r in rows])
    bs = 256 if dev == "cuda" else 32
    for a in range(0, len(o), bs):
        k = o[a : a + bs]
        L = (max(len(rows[i][0]) for i in k) + 15) // 16 * 16
        d = collate([(0, rows[i][0], rows[i][1], -1, -1, 0, 0, 0) for i in k], L)
        with torch.no_grad(), amp():
            lg, s, e = m(d["ids"].long().to(dev), d["mask"].to(dev), d["typ"].long().to(dev))
        bad = ((d["typ"] == 0) | (d["mask"] == 0)).to(dev)
        s = s.float()
        e = e.float()
        S = s.masked_fill(bad, -1e4)
        Z = e.masked_fill(bad, -1e4)
        t = S[:, :, None] + Z[:, None, :]
        n = t.shape[1]
        ok = torch.ones(n, n, device=dev, dtype=torch.bool).triu().tril(29)
        best = t.masked_fill(~ok, -1e9).flatten(1).max(1)[0]
        null = s[:, 0] + e[:, 0]
        out[k] = torch.cat([lg.float(), (best - null)[:, None]], 1).cpu().numpy()
    m.train()
    return out


EV = {}


def evalsets():
    rng = random.Random(9)
    SET = {}
    add = lambda name, ids, b, **k: SET.setdefault(name, []).append((ids, b, k))
    # fields left out: pairs of a question with its passage, cut, neighbour, a random one
    for u in np.flatnonzero(HOLDU):
        f = names[U[u][4]]
        f = f if f.startswith("auth:") or f in ("covidqa", "tatqa") else "public-dev"
        q, c, s, e = [int(v) for v in U[u][:4]]
        if s < 0 or (f == "public-dev" and rng.random() > 0.3):
            continue
        r = unit_q.__wrapped__(u, rng) if hasattr(unit_q, "__wrapped__") else None
        x = C(c)
        w = window(c, s, e, rng)
        k = [i for i, (a, b) in enumerate(w) if a <= e and b > s]
        rest = [w[i] for i in range(len(w)) if i not in k]
        ans = x[s : e + 1]
        wp = w if len(rest) < 2 or rng.random() < 0.5 else [v for v in w if v != rng.choice(rest)]
        y, _, _ = join(x, wp)
        a = pack(Q(q), y, title(c), -1, -1, rng, False)
        add("u|" + f, a[0], a[1], k="pos", u=int(u))
        y, _, _ = join(x, rest)
        if len(y) >= 12 and not contains(y, ans):
            a = pack(Q(q), y, title(c), -1, -1, rng, False)
            add("u|" + f, a[0], a[1], k="cut", u=int(u))
        d = neighbour(u, q, c, ans, rng, 1)
        if d is not None:
            y, _, _ = join(C(d), window(d, -1, -1, rng))
            a = pack(Q(q), y, title(d), -1, -1, rng, False)
            add("u|" + f, a[0], a[1], k="nei", u=int(u))
        d = rng.choice(same[int(coll[c])])
        y, _, _ = join(C(d), window(d, -1, -1, rng))
        a = pack(Q(q), y, title(d), -1, -1, rng, False)
        add("u|" + f, a[0], a[1], k="rnd", u=int(u))
    for q, c, s, h in NQ:
        if h:
            y, _, _ = join(C(c), window(c, -1, -1, rng))
            a = pack(Q(q), y, title(c), -1, -1, rng, False)
            add("u|" + names[s], a[0], a[1], k="near", u=-1)
            d = rng.choice(same[int(coll[c])])
            y, _, _ = join(C(d), window(d, -1, -1, rng))
            a = pack(Q(q), y, title(d), -1, -1, rng, False)
            add("u|" + names[s], a[0], a[1], k="nearrnd", u=-1)
    for k in np.flatnonzero(HOLDC):
        q, c, l, s, _ = [int(v) for v in CL[k]]
        f = names[s]
        f = f if f.startswith("auth:") else "public-claims"
        if f == "public-claims" and rng.random() > 0.5:
            continue
        y, _, _ = join(C(c), sents(c))
        a = pack(Q(q), y[:PL], title(c), -1, -1, rng, False)
        add("c|" + f, a[0], a[1], k=l)
        d = rng.choice(same[int(coll[c])])
        y, _, _ = join(C(d), sents(d))
        a = pack(Q(q), y[:PL], title(d), -1, -1, rng, False)
        add("c|" + f, a[0], a[1], k=l + 10)
    # the product's own contexts, whole and cut
    try:
        G = unx("gap.npz.xz")
    except FileNotFoundError:
        return SET
    g = json.loads(bytes(G["meta"]))
    o = G["o"].astype(np.int64)
    t = G["t"].astype(np.int64)
    for i, (f, v, qi, rank, b, sc) in enumerate(g):
        add("g|" + f, t[o[i] : o[i + 1]], b, k=v, q=qi, r=rank, s=sc)
    return SET


def evaluate(m, full=False):
    if not EV:
        EV.update(evalsets())
    R = {}
    for n, rows in sorted(EV.items(), key=lambda x: x[0][0] != "g"):
        s = scores(m, rows)
        R_ = {}
        K = [r[2] for r in rows]
        if n[0] == "u":
            for j, nm in ((0, ""), (2, "_sp")):
                v = {
                    k: [s[i, j] for i in range(len(rows)) if K[i]["k"] == k]
                    for k in ("pos", "cut", "nei", "rnd", "near", "nearrnd")
                }
                R_["cut" + nm] = auc(v["pos"], v["cut"])
                R_["nei" + nm] = auc(v["pos"], v["nei"])
                if not nm and v["near"]:
                    R_["near"] = auc(v["pos"], v["near"])
                    R_["near_qonly"] = auc(v["rnd"], v["nearrnd"])
        elif n[0] == "c":
            R_["auc"] = auc(
                [s[i, 1] for i in range(len(rows)) if K[i]["k"] == 1],
                [s[i, 1] for i in range(len(rows)) if K[i]["k"] == 0],
            )
            R_["claim_only"] = auc(
                [s[i, 1] for i in range(len(rows)) if K[i]["k"] == 11],
                [s[i, 1] for i in range(len(rows)) if K[i]["k"] == 10],
            )
        else:
            for j, nm in ((0, ""), (2, "_sp"), (3, "_both"), (4, "_ret")):
                z = s[:, j] if j < 3 else s[:, 0] + 0.5 * s[:, 2] if j == 3 else np.array([k["s"] for k in K])
                for depth in (3, 6):
                    mx = {}
                    for i, k in enumerate(K):
                        if k["r"] < depth:
                            key = (k["k"], k["q"])
                            mx[key] = max(mx.get(key, -1e9), z[i])
                    p = [v for (w, _), v in mx.items() if w == "whole"]
                    g = [v for (w, _), v in mx.items() if w == "gap"]
                    th = np.quantile(p, 0.08) if p else 0
                    R_[f"d{depth}{nm}"] = auc(p, g)
                    if depth == 6:
                        R_[f"ref08{nm}"] = float(np.mean(np.array(g) < th))
        R[n] = {k: round(v, 3) for k, v in R_.items()}
        if full:
            (
                np.savez(f'{A.out}/{A.tag}-{n.replace("|","_").replace(":","_").replace("/","_")}.npz', s=s)
                if False
                else None
            )
    return R


def save(sd, name, limit=15 * 2**20):
    from safetensors.torch import save_file

    parts = [{}]
    n = 0
    for k, v in sd.items():
        if k == "emb.weight":
            continue
        v = v.detach().half().contiguous().cpu()
        sz = v.numel() * 2
        if n + sz > limit:
            parts.append({})
            n = 0
        parts[-1][k] = v
        n += sz
    for i, p in enumerate(parts):
        save_file(p, f"{A.out}/{name}-{i+1}of{len(parts)}.safetensors")


def main():
    m = build()
    m.train()
    ps = [p for p in m.parameters() if p.requires_grad]
    opt = torch.optim.AdamW(
        [
            {"params": [p for p in ps if p.dim() > 1], "weight_decay": 0.01},
            {"params": [p for p in ps if p.dim() < 2], "weight_decay": 0},
        ],
        lr=A.lr,
        betas=(0.9, 0.98),
        eps=1e-6,
        fused=dev == "cuda",
    )
    ema = [p.detach().clone() for p in ps]
    dl = torch.utils.data.DataLoader(
        Stream(), batch_size=None, num_workers=A.workers, prefetch_factor=8 if A.workers else None
    )
    t0 = time.time()
    step = 0
    nex = 0
    agg = torch.zeros(6, device=dev)
    nl = 20
    for b in dl:
        pr = (time.time() - t0) / A.secs if not A.steps else step / A.steps
        if pr >= 1:
            break
        lr = A.lr * min(1, pr / 0.06 + 0.01) * max(0.02, 1 - max(0, pr - 0.06) / 0.94)
        for g in opt.param_groups:
            g["lr"] = lr
        b = {k: v.to(dev, non_blocking=True) for k, v in b.items()}
        y = b["y"]
        task = b["task"]
        un = b["unit"]
        typ = b["typ"].long()
        with amp():
            lg, s, e = m(b["ids"].long(), b["mask"], typ)
        z = lg.float().gather(1, task[:, None])[:, 0]
        bce = F.binary_cross_entropy_with_logits(z + b["bias"], y * 0.96 + 0.02)
        pair = (un[:, None] == un[None, :]) & (y[:, None] == 1) & (y[None, :] == 0)
        d = z[:, None] - z[None, :]
        rank = (F.softplus(-d) * pair).sum() / pair.sum().clamp(min=1)
        bad = ((typ == 0) | (b["mask"] == 0)).clone()
        bad[:, 0] = False
        S = s.float().masked_fill(bad, -1e4)
        Z = e.float().masked_fill(bad, -1e4)
        has = (task == 0) & ((b["st"] >= 0) | ((b["st"] == -1) & (y == 0)))
        st = b["st"].clamp(min=0)
        en = b["en"].clamp(min=0)
        sl = ((F.cross_entropy(S, st, reduction="none") + F.cross_entropy(Z, en, reduction="none")) * has).sum() / (
            2 * has.sum().clamp(min=1)
        )
        loss = bce + rank + 0.35 * sl
        loss.backward()
        torch.nn.utils.clip_grad_norm_(ps, 1.0)
        opt.step()
        opt.zero_grad(set_to_none=True)
        k = min(0.999, (1 + step) / (10 + step))
        torch._foreach_mul_(ema, k)
        torch._foreach_add_(ema, [p.detach() for p in ps], alpha=1 - k)
        step += 1
        nex += len(y)
        t = task == 0
        p0 = pair & t[:, None] & t[None, :]
        agg += torch.stack(
            [
                bce.detach(),
                rank.detach(),
                sl.detach(),
                (((d.detach() > 0) & p0).sum() / p0.sum().clamp(min=1)),
                (((d.detach() > 0) & (pair & ~p0)).sum() / (pair & ~p0).sum().clamp(min=1)),
                loss.detach(),
            ]
        )
        if time.time() - t0 > nl or (A.steps and step % 20 == 0):
            a = (agg / max(1, step - main.last)).tolist()
            main.last = step
            agg.zero_()
            nl = time.time() - t0 + 20
            log(
                f"step {step} ex/s {nex/(time.time()-t0):.0f} lr {lr:.1e} bce {a[0]:.3f} rank {a[1]:.3f} span {a[2]:.3f} pair-q {a[3]:.3f} pair-c {a[4]:.3f}"
            )
    for p, e in zip(ps, ema):
        p.data.copy_(e)
    save(m.state_dict(), A.tag)
    try:
        R = evaluate(m, True)
    except Exception as x:
        import traceback

        log(traceback.format_exc())
        R = {}
    json.dump(R, open(f"{A.out}/{A.tag}.json", "w"), indent=1)
    for k, v in R.items():
        log(k, json.dumps(v))
    log("done", step, nex)


main.last = 0
if __name__ == "__main__":
    main()
