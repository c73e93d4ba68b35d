#!/usr/bin/env bash
# Quality of retrieval and of answers on every labelled set: eval.sh WATTWISE SHARED WORK_DIR
#
# The sets of data/ always; the householder questions over the shared documents, alone and among web
# pages that are served on loopback for the time of the run, and the public retrieval sets, if they
# lie in SHARED. One configuration for all. Prints one table for retrieval, one for answers, and one
# that has each field by itself, with the same questions over documents whose answers are cut out.
#
# ABLATE="--reader off" and the like go to every `wattwise eval`. FIELDS="DIR…" adds folders in the
# layout of data/eval, FIELDS_ONLY=1 leaves all else out.
set -euo pipefail
wattwise=$1 shared=$2 work=$3
read -ra ablate <<<"${ABLATE:-}"
rm -rf "$work"
mkdir -p "$work"
rows=$work/rows.jsonl

ingest() { # INDEX SOURCES…
  echo "ingest ${*:2}" >&2
  "$wattwise" ingest "${@:2}" --index "$work/$1" 2> >(tail -n 1 >&2) || [ $? -eq 1 ]
}
measure() { # LABEL INDEX ARGUMENTS…
  local figures
  figures=$("$wattwise" eval --json --index "$work/$2" "${@:3}" "${ablate[@]}")
  printf '{"set": "%s", "figures": %s}\n' "$1" "$figures" >>"$rows"
}

field() { # NAME DOCUMENTS QUESTIONS
  local parts=$work/$1.parts
  mkdir -p "$parts/documents"
  cp -r "$2/." "$parts/documents"
  rm -f "$parts/documents/questions.jsonl" "$parts/documents/claims.jsonl"
  # Answered before anything is searched, and therefore of no field.
  grep -v '"smalltalk"' "$3" >"$parts/questions.jsonl"
  # Each question alone beside its documents, then the same ones over documents without their answers.
  ingest "$1" --docs "$parts/documents"
  python3 scripts/make_gaps.py "$parts/documents" "$3" "$parts"
  ingest "$1-gap" --docs "$parts/gap"
  measure "$1: contexts" "$1" --questions "$parts/questions.jsonl"
  measure "$1: answers" "$1" --answers --questions "$parts/questions.jsonl"
  measure "$1: gaps" "$1-gap" --answers --questions "$parts/gap.jsonl"
  [ ! -f "$2/claims.jsonl" ] || measure "$1: claims" "$1" --claims "$2/claims.jsonl"
}

for folder in data/eval/* ${FIELDS:-}; do
  field "$(basename "$folder")" "$folder" "$folder/questions.jsonl"
done
field household data/guides data/questions.jsonl

if [ -z "${FIELDS_ONLY:-}" ]; then
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
fi

python3 - "$rows" <<'PYTHON'
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
def table(title, rows, columns):
    if not rows:
        return
    print(f"\n{title:<26}" + "".join(f"{SHORT.get(name, name):>16}" for name in columns))
    for row in rows:
        values = (row["figures"].get(name) for name in columns)
        cells = ("–" if v is None else f"{v:.1f}" if name in TENTHS else f"{v:.3f}" for name, v in zip(columns, values))
        print(f"{row['set']:<26}" + "".join(f"{cell:>16}" for cell in cells))
SHORT = {"answer string present": "present", "citations verified": "verified", "words to the answer": "words to it"}
TENTHS = {"median_ms", "words to the answer", "mean words", "most words"}
fields = {}
for row in [row for row in rows if ": " in row["set"]]:
    rows.remove(row)
    name, what = row["set"].split(": ")
    fields.setdefault(name, {})[what] = row["figures"]
answers = [row for row in rows if "citations verified" in row["figures"]]
claims = [row for row in rows if "wrongly passed" in row["figures"]]
table("retrieval", [row for row in rows if row not in answers + claims],
      ["nDCG@10", "Recall@10", "Recall@100", "MRR@10", "hit@1", "hit@4", "hit@10", "median_ms"])
table("answers", answers,
      ["answer string present", "wrongly refused", "refused", "citations verified", "words to the answer", "mean words", "most words", "median_ms"])
print(f"\n{'fields':<26}" + "".join(f"{name:>16}" for name in ("questions", "hit@1", "hit@4", "present", "wrongly refused", "refused", "gaps refused")))
for name, of in fields.items():
    found, said = of["contexts"], of["answers"]
    of["line"] = [found["hit@1"], found["hit@4"], said["answer string present"], said["wrongly refused"], said["refused"], of["gaps"]["refused"]]
    print(f"{name:<26}{int(said['answerable'] + said['unanswerable']):>16}" + "".join(f"{value:>16.3f}" for value in of["line"]))
if fields:
    worst = min(fields, key=lambda name: fields[name]["line"][2] + fields[name]["line"][5] - fields[name]["line"][3])
    print(f"worst field (present and gaps refused, less wrongly refused): {worst}")
table("support", claims, ["supported", "passed", "unsupported", "wrongly passed", "median_ms"])
PYTHON
