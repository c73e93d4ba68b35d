#!/usr/bin/env python3
"""Fits the reader's last layer anew on fields that its network has not seen: refit.py MODEL.safetensors WEIGHTS.safetensors
TOKENIZER.json FIELDS ITEMS.jsonl OUT.safetensors

Last-layer retraining (Kirichenko, Izmailov and Wilson, "Last Layer Re-Training is Sufficient for Robustness to
Spurious Correlations", 2023): the network stays, a logistic regression over its pooled vector takes the place of the
trained row for questions. It is held near this one (L2 on the difference), and is fitted with each field left out in
turn before it is fitted on all. OUT holds the layer under its names in WEIGHTS; give both to export.py. The row for
claims stays as it was trained: fitted anew it gained on the claims of ITEMS and lost on those that others wrote.

FIELDS holds a folder for each field: `contexts-whole.jsonl` and `contexts-gap.jsonl`, written by contexts.py with the
same questions over the documents as they are and with the sentences cut out that hold the answers. ITEMS holds passages
of the sources that were left out of training, with questions (`yes`: question, answer).
Needs numpy, torch, safetensors and tokenizers.
"""
import json
import pathlib
import random
import re
import sys

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

sys.path.append(sys.path[0] + "/..")
from encoder_file import states  # noqa: E402

READ = 4  # contexts of a question
NEAR_TRAINED = 0.01  # weight of the squared distance from the trained rows
# Fields that are left out together: two sets over one field.
TOGETHER = {"house": "home", "guides": "home"}
UNSEEN = {"syncthing/docs": "syncthing", "LukeSmithxyz/based.cooking": "cooking", "18F/accessibility": "access"}
SENTENCE = re.compile(r"(?<=[.!?:])[\"')\]]*\s+|\n+|\s+(?=[-*•] )")


class Network:
    def __init__(self, model, tokenizer):
        self.tensors = load_file(model)
        self.tokenizer = Tokenizer.from_file(tokenizer)
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()

    def tokens(self, text):
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def vector(self, question, heading, text):
        """The pooled vector of one passage, cut and joined as the product does."""
        question, heading = self.tokens(question)[-48:], self.tokens(heading)[:24]
        ids = [101, *question, 102, *(heading + [1012] if heading else []), *self.tokens(text)[:160], 102]
        x = states(self.tensors, ids, (np.arange(len(ids)) >= len(question) + 2).astype(np.int64))
        both = np.concatenate([x[0], x.mean(0)])
        return np.tanh(self.tensors["pool.weight"] @ both + self.tensors["pool.bias"])


def sentences(text):
    found, start = [], 0
    for gap in SENTENCE.finditer(text):
        if gap.start() - start >= 12:
            found.append(text[start : gap.start()])
            start = gap.end()
    return found + [text[start:]]


def words(text):
    return set(re.findall(r"[a-z0-9]{3,}", text.lower()))


def questions_of(network, folder):
    """Vectors of the first contexts of each question, over the whole documents and over those with gaps."""
    found = {}
    for kind in ("whole", "gap"):
        found[kind] = []
        for line in (folder / f"contexts-{kind}.jsonl").open(encoding="utf-8"):
            asked = json.loads(line)
            contexts = asked["contexts"][:READ]
            if contexts:
                found[kind].append(np.array([network.vector(asked["question"], c["heading"], c["text"]) for c in contexts]))
    return found


def readings_of(network, items, chance):
    """(vector, label, weight) of each question beside its passage, beside this without the answer, and beside others."""
    asked = []
    for item in items:
        text, heading = item["text"], item["heading"]
        others = [other for other in items if other is not item]
        others = chance.sample(others, min(30, len(others)))
        others.sort(key=lambda other: -len(words(other["text"]) & words(text)))
        for question, answer in item["yes"]:
            wrong = [" ".join(s for s in sentences(text) if answer.lower() not in s.lower())]
            beside = [o for o in others[:2] if answer.lower() not in o["text"].lower()]
            bag = [(network.vector(question, heading, text), 1, 1.0)]
            wrongs = [(heading, t) for t in wrong if t and t != text] + [(o["heading"], o["text"]) for o in beside]
            asked.append(bag + [(network.vector(question, h, t), 0, 1 / len(wrongs)) for h, t in wrongs])
    return asked


def fit(bags, labels, weights, row, bias):
    """The row that tells bags apart by log Σ exp of their log-odds: one passage that answers is enough."""
    vectors = torch.tensor(np.concatenate(bags))
    bag_of = torch.tensor(np.repeat(np.arange(len(bags)), [len(bag) for bag in bags]))
    labels, weights = torch.tensor(labels, dtype=torch.float32), torch.tensor(weights, dtype=torch.float32)
    trained, trained_bias = torch.tensor(row), float(bias)
    moved = torch.zeros(len(row), requires_grad=True)
    scale, shift = torch.tensor(0.5, requires_grad=True), torch.tensor(0.0, requires_grad=True)
    optimiser = torch.optim.LBFGS([moved, scale, shift], max_iter=80, line_search_fn="strong_wolfe")

    def loss():
        optimiser.zero_grad()
        odds = scale * (vectors @ trained + trained_bias) + vectors @ moved + shift
        most = torch.full((len(bags),), -1e9).scatter_reduce(0, bag_of, odds, "amax")
        pooled = most + torch.log(torch.zeros(len(bags)).scatter_add(0, bag_of, torch.exp(odds - most[bag_of])))
        each = torch.nn.functional.binary_cross_entropy_with_logits(pooled, labels, reduction="none")
        total = (weights * each).sum() / weights.sum() + NEAR_TRAINED * (moved * moved).sum()
        total.backward()
        return total

    optimiser.step(loss)
    return (scale * trained + moved).detach().numpy(), float((scale * trained_bias + shift).detach())


def area(right, wrong):
    right, wrong = np.array(right)[:, None], np.array(wrong)[None]
    return float((right > wrong).mean() + 0.5 * (right == wrong).mean())


def refused(right, wrong, share=0.08):
    return float((np.array(wrong) < np.quantile(right, share, method="lower")).mean())


def fit_answers(fields, passages, left_out, row, bias):
    bags, labels, weights = [], [], []
    for name, field in fields.items():
        if TOGETHER.get(name, name) == left_out:
            continue
        for kind, label in (("whole", 1), ("gap", 0)):
            bags += field[kind]
            labels += [label] * len(field[kind])
            weights += [0.5 / len(field[kind])] * len(field[kind])
    for name, asked in passages.items():
        if name == left_out:
            continue
        for vector, label, weight in (one for question in asked for one in question):
            bags.append(vector[None])
            labels.append(label)
            weights.append(0.5 * weight / len(asked))
    return fit(bags, labels, weights, row, bias)


def pooled(bag, row, bias):
    odds = bag @ row + bias
    return float(odds.max() + np.log(np.exp(odds - odds.max()).sum()))


def main(model, weights, tokenizer, fields_folder, items, out):
    network, chance = Network(model, tokenizer), random.Random(4)
    trained = load_file(weights)
    rows, biases = trained["cls.weight"].astype(np.float32), trained["cls.bias"].astype(np.float32)
    folders = sorted(p for p in pathlib.Path(fields_folder).iterdir() if (p / "contexts-gap.jsonl").exists())
    fields = {folder.name: questions_of(network, folder) for folder in folders}
    items = [json.loads(line) for line in open(items, encoding="utf-8")]
    passages = {
        name: readings_of(network, [item for item in items if item["src"] == source], chance)
        for source, name in UNSEEN.items()
    }

    print("gaps: area, share refused at .08 wrongly refused; as trained, and fitted on the other fields")
    for name, field in fields.items():
        row, bias = fit_answers(fields, passages, TOGETHER.get(name, name), rows[0], biases[0])
        cells = []
        for r, b in ((rows[0], biases[0]), (row, bias)):
            right, wrong = ([pooled(bag, r, b) for bag in field[kind]] for kind in ("whole", "gap"))
            cells.append(f"{area(right, wrong):.3f} {refused(right, wrong):.2f}")
        print(f"{name:<12}{len(field['whole']):>4}  {cells[0]}  {cells[1]}", flush=True)
    answers = fit_answers(fields, passages, None, rows[0], biases[0])
    rows[0], biases[0] = answers
    save_file({"cls.weight": rows, "cls.bias": biases}, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
