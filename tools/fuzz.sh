#!/bin/sh
# Runs each fuzz target so many minutes, from its corpus and, for messages, the fixtures. What is found new goes to target/fuzz/corpus,
# crashes to fuzz/artifacts; a crash ends with the command that repeats it. usage: fuzz.sh MINUTES [TARGET...]
set -eu
cd "$(dirname "$0")/.."
minutes=$1
shift
[ $# -gt 0 ] || set -- parse check changes compose answer exchange search url scope jwt
PATH="$PWD/.tools/bin:$PATH"
# The stores of the SMART Server's targets last as long as a run: in memory, where the system has a place for that.
if [ -d /dev/shm ]; then
    TMPDIR=/dev/shm
    export TMPDIR
fi
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
    case $target in
    exchange | search | url | scope | jwt) more="-dict=fuzz/server.dict -max_len=8192" from= ;;
    *)
        more="-dict=fuzz/fhir.dict -max_len=65536"
        from="tests/fixtures/on-0.10 tests/fixtures/on-0.11.1 tests/fixtures/traffic"
        ;;
    esac
    # shellcheck disable=SC2086 # empty, or words
    cargo $toolchain fuzz run --target-dir target/fuzz "$target" "$found" "fuzz/corpus/$target" $from \
        -- $more -max_total_time=$((minutes * 60)) -timeout=10 -rss_limit_mb=2048 -print_final_stats=1
done
