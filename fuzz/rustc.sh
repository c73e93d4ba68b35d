#!/usr/bin/env bash
# rustc that counts which branches of the program's own crate ran, for libFuzzer. These are passes of LLVM under stable
# flags; only sanitizers would want a nightly compiler. Packages are left alone, so that those of the tests serve here too.
set -euo pipefail
case " $* " in
*" --crate-name wattwise "* | *" --crate-name wattwise_fuzz "*)
  exec "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares
  ;;
*) exec "$@" ;;
esac
