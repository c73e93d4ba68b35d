"""Makes training units: prepare.py DATA_FOLDER TOKENIZER.json OUT.npz

DATA_FOLDER holds data.npz.xz (token ids of the public pairs) and authored/items.jsonl. Every question becomes a unit both
ways: beside its passage, with the answer's sentence cut out, and beside a neighbouring passage; edits come as 2 x 2.
"""

import collections, io, json, lzma, random, re, sys

import numpy as np
from tokenizers import Tokenizer

rng = random.Random(3)
R = sys.argv[1] + "/"
T = Tokenizer.from_file(sys.argv[2])
T.no_truncation()
T.no_padding()
enc = lambda s: T.encode(s, add_special_tokens=False)
D0 = np.load(io.BytesIO(lzma.decompress(open(R + "data.npz.xz", "rb").read())))
D = {k: D0[k] for k in D0.files}
M = json.loads(bytes(D["meta"]))
S = M["srcs"]
K = M["kinds"]
C = M["colls"]
co = D["co"].astype(np.int64)
qo = D["qo"].astype(np.int64)
to = D["to"].astype(np.int64)
ctx = [D["ct"][co[i] : co[i + 1]].tolist() for i in range(len(co) - 1)]
ttl = [D["tt"][to[t] : to[t + 1]].tolist() for t in D["ctit"].astype(int)]
coll = [C[x] for x in D["ccoll"]]
ques = [D["qt"][qo[i] : qo[i + 1]].tolist() for i in range(len(qo) - 1)]
V = T.get_vocab()
inv = {v: k for k, v in V.items()}
isnum = np.zeros(30522, bool)
for k, v in V.items():
    if re.fullmatch(r"(##)?\d+", k):
        isnum[v] = True
first_al = np.zeros(30522, bool)
for k, v in V.items():
    if re.match(r'[a-z"\'(\[]', k):
        first_al[v] = True


def breaks(t):
    out = [0]
    for i in range(2, len(t) - 1):
        if (
            t[i] in (1012, 1029, 999)
            and not isnum[t[i + 1]]
            and inv[t[i + 1]] not in (")", "'", '"', ",", ".")
            and len(inv[t[i - 1]]) > 1
            and i + 1 - out[-1] >= 4
        ):
            out.append(i + 1)
        elif t[i] in (1011, 1009) and len(t) - i > 4 and t[i - 1] in (1012, 1025, 1024):
            if i - out[-1] >= 3 and out[-1] != i:
                out.append(i)
    return out


brk = [breaks(t) for t in ctx]
HOLD = {"covidqa", "tatqa"}
HS = {"syncthing/docs", "LukeSmithxyz/based.cooking", "18F/accessibility"}
# ---- authored, anew from the text
SENT = re.compile(r'(?<=[.!?:])["\')\]]*\s+(?=[A-Z0-9"\'(\[*-])|\s+(?=[-*+•] )|\s+(?=#{1,6})')
items = [json.loads(l) for l in open(R + "authored/items.jsonl")]
AUTH = []
srcid = collections.Counter()
acoll = {}


def add_ctx(text, head, cl):
    e = enc(text)
    ids = e.ids
    starts = [0]
    offs = [o[0] for o in e.offsets]
    for m in SENT.finditer(text):
        i = int(np.searchsorted(offs, m.end()))
        if i < len(ids) and i - starts[-1] >= 3:
            starts.append(i)
    ctx.append(ids)
    ttl.append(enc(head).ids[:24] if head else [])
    coll.append(cl)
    brk.append(starts)
    return len(ctx) - 1, e


def add_q(s):
    ques.append(enc(s).ids[:56])
    return len(ques) - 1


U = []  # (q,c,s,e,src)
NEARQ = []
CL = []  # claims (q,c,lab,src,dev)
for it in items:
    cl = "auth:" + it["src"]
    c, e = add_ctx(it["text"], it["heading"], cl)
    hold = it["src"] in HS
    for q, a in it["yes"]:
        i = it["text"].find(a)
        s = t = -1
        if i >= 0:
            tk = [k for k, o in enumerate(e.offsets) if o[0] < i + len(a) and o[1] > i]
            if tk:
                s, t = tk[0], tk[-1]
        U.append((add_q(q), c, s, t, cl, hold))
    for q in it["no"]:
        NEARQ.append((add_q(q), c, cl, hold))
    for q in it["true"]:
        CL.append((add_q(q), c, 1, cl, hold))
    for q in it["false"]:
        CL.append((add_q(q), c, 0, cl, hold))
EQ, EC, EL, ES, EE, ET, EG, EV = [
    D[k].astype(np.int64) for k in ("eq", "ec", "elab", "es", "ee", "etask", "eg", "edev")
]
ESRC = [S[x] for x in D["esrc"]]
EK = [K[x] for x in D["ekind"]]
by = collections.defaultdict(list)
for i in range(len(EQ)):
    by[int(EG[i]), int(ET[i])].append(i)
NEG = collections.defaultdict(list)
ED = []  # edits: task,q,q2,c,old,new


def diff(a, b):
    p = 0
    while p < min(len(a), len(b)) and a[p] == b[p]:
        p += 1
    s = 0
    while s < min(len(a), len(b)) - p and a[-1 - s] == b[-1 - s]:
        s += 1
    return a[p : len(a) - s], b[p : len(b) - s], p


def find(t, o):
    return [i for i in range(len(t) - len(o) + 1) if t[i : i + len(o)] == o]


nd = collections.Counter()
for (g, t), rows in by.items():
    src = ESRC[rows[0]]
    if src in ("auth",):
        continue
    if t == 0:
        for i in rows:
            if EL[i] == 1:
                U.append((int(EQ[i]), int(EC[i]), int(ES[i]), int(EE[i]), src, src in HOLD or EV[i] == 1))
        pq = {int(EQ[i]): i for i in rows if EL[i] == 1}
        for i in rows:
            if EL[i] == 0:
                if EK[i] in ("bm25", "docneg", "samedoc") and int(EQ[i]) in pq:
                    NEG[int(EQ[i])].append(int(EC[i]))
                if EK[i].startswith("edit") and EV[i] == 0 and src not in HOLD:
                    for q, j in pq.items():
                        if EC[j] != EC[i]:
                            continue
                        o, n, p = diff(ques[q], ques[int(EQ[i])])
                        if (
                            1 <= len(o) <= 6
                            and 1 <= len(n) <= 6
                            and EK[i] != "edit_attr"
                            and find(ctx[int(EC[i])], o)
                            and not find(ctx[int(EC[i])], n)
                        ):
                            ED.append((0, q, int(EQ[i]), int(EC[i]), o, n))
                            nd[EK[i]] += 1
                            break
    else:
        true = [i for i in rows if EL[i] == 1]
        for i in rows:
            k = EK[i]
            if EL[i] == 0 and k in ("claim_ans", "claim_ant", "claim_ent", "claim_num", "claim_neg"):
                best = None
                for j in true:
                    if EC[j] != EC[i]:
                        continue
                    o, n, p = diff(ques[int(EQ[j])], ques[int(EQ[i])])
                    if len(o) + len(n) > 14:
                        continue
                    a = ques[int(EQ[j])]
                    if not o and p > 0:
                        o, n = [a[p - 1]], [a[p - 1]] + n
                    if o and not n and p > 0:
                        n = [a[p - 1]]
                        o = [a[p - 1]] + o
                    if best is None or len(o) + len(n) < len(best[1]) + len(best[2]):
                        best = (int(EQ[j]), o, n)
                if best and EV[i] == 0 and find(ctx[int(EC[i])], best[1]) and not find(ctx[int(EC[i])], best[2]):
                    ED.append((1, best[0], int(EQ[i]), int(EC[i]), best[1], best[2]))
                    nd[k] += 1
            elif k in ("claim",):
                CL.append((int(EQ[i]), int(EC[i]), int(EL[i]), src, bool(EV[i] == 1)))
print("units", len(U), "edits", dict(nd), "claims", len(CL))
# number edits of authored and fever true claims
digits = [v for v in range(30522) if isnum[v] and not inv[v].startswith("##")]
ne = 0
for q, c, l, src, dv in CL:
    if l == 1 and not dv and src != "hand":
        nums = [t for t in ques[q] if isnum[t] and t in ctx[c]]
        if nums:
            o = rng.choice(nums)
            same = [v for v in digits if len(inv[v]) == len(inv[o].lstrip("#")) and v != o]
            if same:
                n = rng.choice(same)
                q2 = [n if t == o else t for t in ques[q]]
                ques.append(q2)
                ED.append((1, q, len(ques) - 1, c, [o], [n]))
                ne += 1
print("number edits", ne)
# neighbours by tf-idf over token ids: authored units, all collections for others only where NEG is thin
import scipy.sparse as sp


def tfidf(seqs, idf=None):
    r = np.repeat(np.arange(len(seqs)), [len(set(x)) for x in seqs])
    cc = np.concatenate([np.array(sorted(set(x)), dtype=np.int64) for x in seqs]) if len(seqs) else np.zeros(0, int)
    m = sp.csr_matrix((np.ones(len(cc), np.float32), (r, cc)), shape=(len(seqs), 30522))
    if idf is None:
        idf = np.log((len(seqs) + 1) / (1 + np.asarray(m.sum(0)).ravel())).astype(np.float32)
    m = m.multiply(idf[None]).tocsr()
    n = (
        np.sqrt(m.multiply(m).sum(1)).A.ravel()
        if hasattr(m.multiply(m).sum(1), "A")
        else np.asarray(np.sqrt(m.multiply(m).sum(1))).ravel()
    )
    return sp.diags(1 / np.maximum(n, 1e-6)) @ m, idf


groups = collections.defaultdict(list)
for i, u in enumerate(U):
    groups[coll[u[1]]].append(i)
cby = collections.defaultdict(list)
for c, x in enumerate(coll):
    cby[x].append(c)
for cl, ui in groups.items():
    if cl in ("hand", "world", "med", "pubmed", "sup", "wiki") and False:
        continue
    cs = cby[cl]
    if len(cs) < 5:
        continue
    mc, idf = tfidf([ttl[c] + ctx[c] for c in cs])
    for b in range(0, len(ui), 2000):
        part = ui[b : b + 2000]
        mq, _ = tfidf([ques[U[i][0]] for i in part], idf)
        sim = (mq @ mc.T).toarray()
        k = min(10, len(cs) - 1)
        top = np.argpartition(-sim, k, axis=1)[:, :k]
        for r, i in enumerate(part):
            own = U[i][1]
            ans = ctx[own][U[i][2] : U[i][3] + 1] if U[i][2] >= 0 else None
            for x in top[r][np.argsort(-sim[r, top[r]])]:
                c = cs[x]
                if c == own or ctx[c] == ctx[own]:
                    continue
                if ans is not None and find(ctx[c], ans):
                    continue
                if ans is None and not cl.startswith("auth") and sim[r, x] > 0.5:
                    continue
                NEG[U[i][0]].append(c)
                if len(NEG[U[i][0]]) >= 8:
                    break
print("neighbours", np.mean([len(NEG[u[0]]) for u in U]))
# support sentence of true claims: greatest idf overlap
df = np.zeros(30522)
for t in ctx:
    df[list(set(t))] += 1
IDF = np.log(len(ctx) / (1 + df))


def support(q, c):
    qs = set(ques[q])
    b = brk[c] + [len(ctx[c])]
    sc = [sum(IDF[t] for t in qs & set(ctx[c][b[i] : b[i + 1]])) for i in range(len(b) - 1)]
    o = np.argsort(sc)[::-1]
    k = [int(o[0])]
    if len(o) > 1 and sc[o[1]] > 0.6 * sc[o[0]]:
        k.append(int(o[1]))
    return k


CS = [support(q, c) if l == 1 else [-1] for q, c, l, _, _ in CL]
# bias of a claim's own words: hashed 1,2-grams, out of fold, over claims as they are sampled (each true one also once as 0)
from sklearn.linear_model import LogisticRegression


def feats(qs):
    rows, cols = [], []
    for i, q in enumerate(qs):
        x = ques[q]
        f = set(x) | {30522 + (a * 31 + b * 17) % 60000 for a, b in zip(x, x[1:])} | {90522 + min(len(x) // 4, 15)}
        rows += [i] * len(f)
        cols += list(f)
    return sp.csr_matrix((np.ones(len(rows), np.float32), (rows, cols)), shape=(len(qs), 90540))


qs = [x[0] for x in CL]
X = feats(qs)
y = np.array([x[2] for x in CL])
tr = np.array([not x[4] for x in CL])
bias = np.zeros(len(CL), np.float32)
f = np.random.RandomState(0).randint(0, 5, len(CL))
srcs = np.array([x[3].split(":")[0] for x in CL])
# fold by passage so that a claim's neighbours do not tell
f = np.array([hash((x[1] * 7919) % 10007) % 5 for x in CL])
for k in range(5):
    a = tr & (f != k)
    XX = sp.vstack([X[a], X[a & (y == 1)]])
    yy = np.r_[y[a], np.zeros((a & (y == 1)).sum())]
    m = LogisticRegression(C=0.3, max_iter=200).fit(XX, yy)
    bias[f == k] = m.decision_function(X[f == k])
from sklearn.metrics import roc_auc_score

for s in sorted(set(srcs)):
    w = srcs == s
    if len(set(y[w])) > 1:
        print("claim-only AUC by words", s, round(roc_auc_score(y[w], bias[w]), 3), w.sum())


def flat(l, dt=np.int32):
    o = np.cumsum([0] + [len(x) for x in l]).astype(np.int64)
    return (np.concatenate([np.asarray(x, dt) for x in l]) if o[-1] else np.zeros(0, dt)), o


out = {}
out["ct"], out["co"] = flat(ctx, np.uint16)
out["qt"], out["qo"] = flat(ques, np.uint16)
ut = []
um = {}
tid = []
for t in ttl:
    k = tuple(t)
    if k not in um:
        um[k] = len(ut)
        ut.append(t)
    tid.append(um[k])
out["tt"], out["to"] = flat(ut, np.uint16)
out["ctit"] = np.array(tid, np.int32)
out["bt"], out["bo"] = flat(brk, np.int16)
names = sorted(set(coll) | {u[4] for u in U} | {c[3] for c in CL})
ni = {n: i for i, n in enumerate(names)}
out["names"] = np.frombuffer(json.dumps(names).encode(), np.uint8)
out["ccoll"] = np.array([ni[x] for x in coll], np.int16)
out["U"] = np.array([(q, c, s, e, ni[src], int(h)) for q, c, s, e, src, h in U], np.int32)
out["nt"], out["no"] = flat([NEG[u[0]][:8] for u in U])
out["NQ"] = np.array([(q, c, ni[s], int(h)) for q, c, s, h in NEARQ], np.int32)
out["E"] = np.array([(t, q, q2, c) for t, q, q2, c, o, n in ED], np.int32)
out["eot"], out["eoo"] = flat([e[4] for e in ED])
out["ent"], out["eno"] = flat([e[5] for e in ED])
out["CL"] = np.array([(q, c, l, ni[s], int(d)) for q, c, l, s, d in CL], np.int32)
out["cb"] = bias
out["cst"], out["cso"] = flat(CS)
np.savez(sys.argv[3], **out)
print({k: v.shape for k, v in out.items()})
