#!/bin/sh
# Runs each fuzz target so many minutes, from its corpus and the fixtures. What is found new goes to target/fuzz/corpus, crashes to
# fuzz/artifacts; a crash ends with the command that repeats it. usage: fuzz.sh MINUTES [TARGET...]
set -eu
cd "$(dirname "$0")/.."
minutes=$1
shift
[ $# -gt 0 ] || set -- parse check changes compose answer
PATH="$PWD/.tools/bin:$PATH"
toolchain=
if rustup toolchain list 2>/dev/null | grep -q '^nightly'; then
    toolchain=+nightly
else
    RUSTC_BOOTSTRAP=1
    export RUSTC_BOOTSTRAP
fi
for target; do
    found=target/fuzz/corpus/$target
    mkdir -p "$found"
    # shellcheck disable=SC2086 # empty, or one word
    cargo $toolchain fuzz run --target-dir target/fuzz "$target" "$found" "fuzz/corpus/$target" tests/fixtures/on-0.10 \
        tests/fixtures/on-0.11.1 tests/fixtures/traffic -- -dict=fuzz/fhir.dict -max_total_time=$((minutes * 60)) -max_len=65536 \
        -timeout=10 -rss_limit_mb=2048 -print_final_stats=1
done
