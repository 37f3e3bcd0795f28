#!/bin/sh
# Runs a test command, shows what it prints, and ends with one line over all of it, the demo counted as one test: "N passed, N failed, N skipped". A test that did
# nothing for want of a tool says "skipped: ..."; it counts as skipped, not as passed.
# usage: run-tests.sh COMMAND...
output=$(mktemp "${TMPDIR:-/tmp}/ereferral-tests.XXXXXX")
trap 'rm -f "$output"' EXIT
{ "$@" 2>&1; echo "exit status $?"; } | tee "$output" | grep -v '^exit status '
awk '
    /^test result: / { for (i = 1; i < NF; i++) { if ($(i + 1) ~ /^passed/) passed += $i; if ($(i + 1) ~ /^failed/) failed += $i
                                                  if ($(i + 1) ~ /^ignored/) skipped += $i } }
    /^skipped: / { without++ }
    /^DEMO OK$/ { passed++ }
    /^exit status / { status = $3 }
    END {
        if (status != 0 && failed == 0) failed = 1
        printf "%d passed, %d failed, %d skipped\n", passed - without, failed, skipped + without
        exit status != 0
    }' "$output"
