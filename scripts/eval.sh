#!/usr/bin/env bash
# Quality of retrieval and of answers on every labelled set: eval.sh WATTWISE SHARED WORK_DIR
#
# The sets of data/ always; the householder questions over the shared documents, alone and among web
# pages that are served on loopback for the time of the run, and the public retrieval sets, if they
# lie in SHARED. One configuration for all. Prints one table for retrieval and one for answers.
set -euo pipefail
wattwise=$1 shared=$2 work=$3
rm -rf "$work"
mkdir -p "$work"
rows=$work/rows.jsonl

ingest() { # INDEX SOURCES…
  echo "ingest ${*:2}" >&2
  "$wattwise" ingest "${@:2}" --index "$work/$1" 2> >(tail -n 1 >&2) || [ $? -eq 1 ]
}
measure() { # LABEL INDEX ARGUMENTS…
  local figures
  figures=$("$wattwise" eval --json --index "$work/$2" "${@:3}")
  printf '{"set": "%s", "figures": %s}\n' "$1" "$figures" >>"$rows"
}

ingest guides --docs data/guides data/pdfs
cat data/questions.jsonl data/unanswerable.jsonl >"$work/coverage.jsonl"
measure "shipped questions" guides --questions data/questions.jsonl
measure "dialogues" guides --questions data/dialogues.jsonl
measure "shipped and unanswerable" guides --answers --questions "$work/coverage.jsonl"
measure "near misses" guides --answers --questions data/near_misses.jsonl
measure "claims" guides --claims data/claims.jsonl

if [ -d "$shared/corpus" ]; then
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  python3 -m http.server "$port" --bind 127.0.0.1 --directory "$shared/corpus" >/dev/null 2>&1 &
  server=$!
  trap 'kill $server' EXIT
  (cd "$shared/corpus" && ls heathack/*.html sea/*.html) | python3 -c '
import json, sys
base = sys.argv[1]
print(json.dumps({"energy_saving_resources": [base + line.strip() for line in sys.stdin]}))' "http://127.0.0.1:$port/" >"$work/urls.json"
  ingest pdfs --docs "$shared/corpus/pdf"
  ingest pages --docs "$shared/corpus/pdf" --urls "$work/urls.json" --allow-private
  for index in pdfs pages; do
    label=householder
    [ $index = pages ] && label="householder, with pages"
    measure "$label" $index --questions "$shared/questions/dev.jsonl"
    measure "$label" $index --answers --questions "$shared/questions/dev.jsonl"
  done
  for set in scifact cranfield squad2dev; do
    mkdir "$work/$set.texts"
    python3 - "$shared/ir/$set/corpus.jsonl" "$work/$set.texts" <<'PYTHON'
import json, pathlib, sys
for line in open(sys.argv[1], encoding="utf-8"):
    passage = json.loads(line)
    title = passage.get("title")
    text = (title + "\n\n" if title else "") + passage["text"] + "\n"
    pathlib.Path(sys.argv[2], passage["_id"] + ".txt").write_text(text, encoding="utf-8")
PYTHON
    ingest $set --docs "$work/$set.texts"
    measure $set $set --beir "$shared/ir/$set"
  done
else
  echo "the shared evaluation sets are not at $shared: only the shipped questions were measured" >&2
fi

python3 - "$rows" <<'PYTHON'
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
def table(title, rows, columns):
    print(f"\n{title:<26}" + "".join(f"{SHORT.get(name, name):>16}" for name in columns))
    for row in rows:
        values = (row["figures"].get(name) for name in columns)
        cells = ("–" if v is None else f"{v:.1f}" if name in TENTHS else f"{v:.3f}" for name, v in zip(columns, values))
        print(f"{row['set']:<26}" + "".join(f"{cell:>16}" for cell in cells))
SHORT = {"answer string present": "present", "citations verified": "verified", "words to the answer": "words to it"}
TENTHS = {"median_ms", "words to the answer", "mean words", "most words"}
answers = [row for row in rows if "citations verified" in row["figures"]]
claims = [row for row in rows if "wrongly passed" in row["figures"]]
table("retrieval", [row for row in rows if row not in answers + claims],
      ["nDCG@10", "Recall@10", "Recall@100", "MRR@10", "hit@1", "hit@4", "hit@10", "median_ms"])
table("answers", answers,
      ["answer string present", "wrongly refused", "refused", "citations verified", "words to the answer", "mean words", "most words", "median_ms"])
table("support", claims, ["supported", "passed", "unsupported", "wrongly passed", "median_ms"])
PYTHON
