#!/usr/bin/env bash
# One ingest run for cron or a timer: logs, keeps the report, and turns exit codes into words.
# Arguments are passed on to `wattwise ingest`. docs/operations.md explains everything here.
#
# Sample crontab line (every night at 03:17; cron mails what is printed, which is only trouble):
#   17 3 * * *  cd /srv/wattwise && scripts/reindex.sh --gate data/questions.jsonl --max-stale 30
#
# Environment: WATTWISE (the program), LOGS (a folder), SOURCES (flags that name the sources).
set -uo pipefail

wattwise=${WATTWISE:-target/release/wattwise}
logs=${LOGS:-logs}
read -r -a sources <<<"${SOURCES:---urls data/energySavingUrls.json --docs data/guides data/pdfs}"

mkdir -p "$logs" || exit 3
log=$logs/ingest.log
# A run that is killed leaves the report of the run before.
report=$logs/report.json

touch "$log" || exit 3
begin=$(wc -c <"$log")
echo "== $(date -u '+%Y-%m-%d %H:%M:%S') UTC" >>"$log"
"$wattwise" ingest "${sources[@]}" --report "$report" "$@" >>"$log" 2>&1
status=$?

case $status in
0) exit 0 ;;
1) echo "wattwise: published or nothing to publish, but some sources failed" ;;
2) echo "wattwise: wrong flags or configuration; nothing was done" ;;
3) echo "wattwise: nothing was published; the generation before keeps serving" ;;
*) echo "wattwise: the run was ended by a signal or a fault (status $status); the next run resumes it" ;;
esac >&2
tail -c "+$((begin + 1))" "$log" | tail -n 60 >&2
exit "$status"
