#!/usr/bin/env bash
# Asks a question with curl and prints the answer with its sources.
# Usage: [WATTWISE_URL=…] [WATTWISE_KEY=…] ask.sh QUESTION
set -euo pipefail

url=${WATTWISE_URL:-http://127.0.0.1:8000}
body=$(python3 -c 'import json, sys; print(json.dumps({"message": sys.argv[1]}))' "$*")
reply=$(curl --silent --show-error --fail-with-body \
  --header 'Content-Type: application/json' \
  ${WATTWISE_KEY:+--header "Authorization: Bearer $WATTWISE_KEY"} \
  --data "$body" "$url/chat") || {
  echo "$url did not answer: $reply" >&2
  exit 1
}
python3 -c '
import json, sys
reply = json.loads(sys.argv[1])
print(reply["summary"])
for citation in reply["citations"]:
    print("[{marker}] {title}: {link}".format(**citation))
' "$reply"
