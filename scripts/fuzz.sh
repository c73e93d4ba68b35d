#!/usr/bin/env bash
# fuzz.sh SECONDS [TARGET…]: runs each target of fuzz/ that long, as many at once as there are cores, and prints how often
# it ran and whether it crashed. Exit status 1 where one did; what made it crash lies in fuzz/found.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:?"usage: fuzz.sh SECONDS [TARGET...]"}
shift
# A run that takes longer than this counts as a hang, a target that needs more than this as a crash.
slowest_seconds=25
most_mib=2048

# The same versions as the program's; the two packages that are added are named by version in fuzz/Cargo.toml.
cp Cargo.lock fuzz/Cargo.lock
RUSTC_WRAPPER="$PWD/fuzz/rustc.sh" CARGO_TARGET_DIR="$PWD/target" cargo build --quiet --manifest-path fuzz/Cargo.toml
program=target/debug/wattwise-fuzz

if [ $# -eq 0 ]; then
  mapfile -t targets < <(sed -n 's/^    ("\([a-z_]*\)", .*),$/\1/p' src/fuzzing.rs)
else
  targets=("$@")
fi
[ ${#targets[@]} -gt 0 ] || { echo "src/fuzzing.rs names no targets" >&2; exit 1; }

logs=target/fuzz
mkdir -p $logs fuzz/found

one() {
  local target=$1 corpus=fuzz/corpus/$1
  # Seeds that are documents of the project are named here, the others lie in fuzz/seeds.
  local seeds=()
  case $target in
  markdown | text | sentences) seeds=(data/guides) ;;
  html) seeds=(data/guides) ;;
  pdf) seeds=(data/pdfs) ;;
  esac
  for folder in fuzz/seeds/$target fuzz/regressions/$target; do
    [ ! -d "$folder" ] || seeds+=("$folder")
  done
  mkdir -p "$corpus"
  WATTWISE_FUZZ=$target $program "$corpus" "${seeds[@]}" -max_total_time="$seconds" -timeout=$slowest_seconds \
    -rss_limit_mb=$most_mib -print_final_stats=1 -artifact_prefix="fuzz/found/$target-" >"$logs/$target.log" 2>&1
  echo $? >"$logs/$target.status"
}
export -f one
export seconds slowest_seconds most_mib program logs

rm -f $logs/*.status
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I{} bash -c 'one {} || true'

failed=0
printf '%-12s %12s %s\n' target executions outcome
for target in "${targets[@]}"; do
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$logs/$target.log" | tail -1)
  outcome=ok
  if [ "$(cat "$logs/$target.status" 2>/dev/null)" != 0 ]; then
    outcome="CRASHED, see $logs/$target.log and fuzz/found"
    failed=1
  fi
  printf '%-12s %12s %s\n' "$target" "${runs:-?}" "$outcome"
done
exit $failed
