#!/usr/bin/env bash
# Retrieval quality on the shared documents: eval_shared.sh WATTWISE SHARED WORK_DIR
#
# Ingests the two seed PDFs, alone and among the web pages of the corpus, and asks the labelled
# householder questions. The pages are served on loopback for the time of the run.
set -euo pipefail
wattwise=$1 shared=$2 work=$3

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
python3 -m http.server "$port" --bind 127.0.0.1 --directory "$shared/corpus" >/dev/null 2>&1 &
server=$!
trap 'kill $server' EXIT
(cd "$shared/corpus" && ls heathack/*.html sea/*.html) | python3 -c '
import json, sys
base = sys.argv[1]
print(json.dumps({"energy_saving_resources": [base + line.strip() for line in sys.stdin]}))' "http://127.0.0.1:$port/" >"$work/urls.json"

for set in pdfs pdfs-and-pages; do
  pages=()
  if [ "$set" = pdfs-and-pages ]; then pages=(--urls "$work/urls.json" --allow-private); fi
  "$wattwise" ingest --docs "$shared/corpus/pdf" "${pages[@]}" --index "$work/$set" 2>&1 | tail -n 1
  echo "householder questions, $set:"
  "$wattwise" eval --questions "$shared/questions/dev.jsonl" --index "$work/$set"
  "$wattwise" eval --answers --questions "$shared/questions/dev.jsonl" --index "$work/$set"
done
