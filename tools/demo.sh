#!/usr/bin/env bash
# A whole day of a clinic in a minute: launch, write-back, notifications, a referral. Everything over TLS on the loopback address, on
# ports the system gives, in a folder that is removed at the end. Called by `make demo`.
# usage: demo.sh POS SANDBOX MESSAGE
set -Eeuo pipefail

POS=$(realpath "$1")
SANDBOX=$(realpath "$2")
MESSAGE=$3
[ -r "$MESSAGE" ] || { echo "DEMO FAILED: cannot read the message $MESSAGE"; exit 1; }
MESSAGE=$(realpath "$MESSAGE")
EXAMPLES=$(realpath "$(dirname "$0")/../examples-c")
WORK=$(mktemp -d "${TMPDIR:-/tmp}/ereferral-demo.XXXXXX")
PIDS=()

cleanup() {
    for pid in "${PIDS[@]:-}"; do
        [ -n "$pid" ] && kill "$pid" 2>/dev/null || true
    done
    wait 2>/dev/null || true
    rm -rf "$WORK"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

title() { printf '\n=== %s\n' "$*"; }
say() { printf '    %s\n' "$*"; }
indent() { sed 's/^/    | /'; }

fail() {
    printf '\nDEMO FAILED: %s\n' "$*"
    for log in "$WORK"/*.out "$WORK"/*.err; do
        [ -s "$log" ] || continue
        printf -- '--- the end of %s\n' "$(basename "$log")"
        tail -n 20 "$log"
    done
    exit 1
}
trap 'fail "line $LINENO: $BASH_COMMAND"' ERR

# await FILE PATTERN WHAT: the first line from MARK on that matches, within 30 seconds.
MARK=1
await() {
    local line deadline=$((SECONDS + 30))
    while :; do
        line=$(tail -n "+$MARK" "$1" | grep -m 1 -E -- "$2" || true)
        [ -n "$line" ] && { printf '%s\n' "$line"; return; }
        for pid in "${PIDS[@]}"; do
            kill -0 "$pid" 2>/dev/null || { echo "$3: a program ended too early" >&2; return 1; }
        done
        [ "$SECONDS" -lt "$deadline" ] || { echo "$3: nothing after 30 seconds" >&2; return 1; }
        sleep 0.1
    done
}
# From now on, only what FILE gains counts.
mark() { MARK=$(($(wc -l <"$1") + 1)); }
# Shows what FILE gained, once it has stopped growing.
shown() {
    local before=-1 now
    now=$(wc -c <"$1")
    while [ "$before" != "$now" ]; do
        sleep 0.3
        before=$now
        now=$(wc -c <"$1")
    done
    tail -n "+$MARK" "$1" | indent
}

# The configurations in examples-c, with free ports and fresh secrets.
configure() {
    local secret
    secret() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
    POS_SECRET=$(secret) RMS_SECRET=$(secret) APP_SECRET=$(secret)
    { read -r POS_PORT; read -r RMS_PORT; read -r APP_PORT; } < <("$SANDBOX" free-port 3)
    POS_URL=https://localhost:$POS_PORT RMS_URL=https://localhost:$RMS_PORT APP_URL=https://localhost:$APP_PORT
    local change=(-e "s/\(localhost\|127.0.0.1\):8443/\1:$POS_PORT/g" -e "s/\(localhost\|127.0.0.1\):8444/\1:$RMS_PORT/g"
        -e "s/\(localhost\|127.0.0.1\):8445/\1:$APP_PORT/g" -e "s/example-secret-of-the-pos/$POS_SECRET/g"
        -e "s/example-secret-of-the-rms/$RMS_SECRET/g" -e "s/example-secret-of-the-app/$APP_SECRET/g")
    sed "${change[@]}" "$EXAMPLES/pos.json" >"$WORK/pos.json"
    sed "${change[@]}" -e 's/"serve": true/"serve": false/' "$EXAMPLES/pos.json" >"$WORK/desk.json"
    sed "${change[@]}" "$EXAMPLES/sandbox.json" >"$WORK/sandbox.json"
}

# start NAME FD COMMAND...: runs it with its standard input on file descriptor FD of this script.
start() {
    local name=$1 fd=$2
    shift 2
    mkfifo "$WORK/$name.in"
    : >"$WORK/$name.out"
    eval "exec $fd<>\"$WORK/$name.in\""
    "$@" <"$WORK/$name.in" >"$WORK/$name.out" 2>"$WORK/$name.err" 3>&- 4>&- &
    PIDS+=($!)
}

# browse URL NAME: what the clinician's browser does.
browse() {
    local page=$WORK/$2.page
    local summary
    summary=$(curl -sS -L -c "$WORK/$2.jar" -b "$WORK/$2.jar" --cacert "$WORK/ca.pem" --max-time 60 --proto =https \
        -o "$page" -w '%{http_code}, after %{num_redirects} redirects' "$1") || fail "the browser stopped: $summary"
    sed -e 's/<title>.*<\/title>//' -e 's/<[^>]*>//g' -e '/^[[:space:]]*$/d' "$page" | indent
    grep -q 'LAUNCH OK' "$page" || fail "the launch ended with HTTP $summary"
    say "HTTP $summary"
}

# order COMMAND: tells the RMS what to do and sets ANSWER.
order() {
    mark "$WORK/sandbox.out"
    echo "$1" >&4
    ANSWER=$(await "$WORK/sandbox.out" '^(OK|FAILED) ' "the RMS's answer to $1") || fail "the RMS does not answer to $1"
    case $ANSWER in OK\ *) say "RMS: ${ANSWER#OK }" ;; *) fail "$ANSWER" ;; esac
}

inbox() { await "$WORK/pos.out" "^EVENT .*$1" "the POS's inbox" >/dev/null || fail "the POS saw no $1"; }

cd "$WORK"
title "1. A POS opens its engine and starts a launch"
"$SANDBOX" dev-certs "$WORK"
configure
start sandbox 4 "$SANDBOX" serve "$WORK/sandbox.json"
await "$WORK/sandbox.out" '^READY ' "the sandbox RMS" >/dev/null || fail "the sandbox RMS did not start"
start pos 3 "$POS" "$WORK/pos.json" serve
URL=$(await "$WORK/pos.out" '^LAUNCH-URL ' "the POS") || fail "the POS did not start"
say "POS at $POS_URL, RMS at $RMS_URL, its app at $APP_URL"

title "2. The browser opens the launch; the app reads the chart and writes the referral letter back"
mark "$WORK/pos.out"
browse "${URL#LAUNCH-URL }" first
inbox WRITE
say "The POS says:"
shown "$WORK/pos.out"
say "A second process of the clinic starts a launch that the first one serves:"
"$POS" "$WORK/desk.json" launch >"$WORK/desk.out" 2>"$WORK/desk.err" </dev/null || fail "the second process failed"
URL=$(MARK=1 await "$WORK/desk.out" '^LAUNCH-URL ' "the second process") || fail "the second process started no launch"
mark "$WORK/pos.out"
browse "${URL#LAUNCH-URL }" second
inbox WRITE
shown "$WORK/pos.out"

title "3. The RMS sends three notifications; the POS shows its inbox"
mark "$WORK/pos.out"
INBOX=$MARK
order send-notifications
MARK=$INBOX
inbox notify-add-process-request
inbox notify-add-appointment
inbox send-communication-from-provider
shown "$WORK/pos.out"

title "4. The POS sends a referral with a letter, twice with the same key"
mark "$WORK/pos.out"
"$SANDBOX" letter "$WORK/letter.pdf"
"$POS" "$WORK/desk.json" send "$WORK/letter.pdf" "demo-act-1" >"$WORK/send-1.out" 2>"$WORK/send-1.err" </dev/null || fail "the POS could not send"
indent <"$WORK/send-1.out"
INBOX=$MARK
MARK=1
TAKEN=$(await "$WORK/sandbox.out" '^RECEIVED event=add-service-request' "the referral") || fail "the RMS received no referral"
say "RMS: $TAKEN"
MARK=$INBOX
inbox notify-add-process-request
shown "$WORK/pos.out"
"$POS" "$WORK/desk.json" send "$WORK/letter.pdf" "demo-act-1" >"$WORK/send-2.out" 2>"$WORK/send-2.err" </dev/null || fail "the repeated send failed"
indent <"$WORK/send-2.out"
grep -q 'nothing is sent again' "$WORK/send-2.out" || fail "the repeated send was taken for a new one"
order referrals
case $ANSWER in *received=1) ;; *) fail "the RMS should have received one referral" ;; esac

title "5. A message of the kind Ontario's main RMS sends: $(basename "$MESSAGE")"
TOKEN=$(curl -sS --cacert ca.pem --max-time 30 -d @- "$POS_URL/auth/token" \
    <<<"grant_type=client_credentials&client_id=sandbox&client_secret=$RMS_SECRET" | sed -n 's/.*"access_token" *: *"\([^"]*\)".*/\1/p')
[ -n "$TOKEN" ] || fail "the POS gave no token for its message endpoint"
mark "$WORK/pos.out"
STATUS=$(curl -sS --cacert ca.pem --max-time 60 -o answer.out -w '%{http_code}' -H @<(printf 'Authorization: Bearer %s\n' "$TOKEN") \
    -H 'Content-Type: application/fhir+json' --data-binary "@$MESSAGE" "$POS_URL/fhir/\$process-message")
say "HTTP $STATUS"
[ "$STATUS" = 200 ] || fail "the POS refused the message: $(head -c 2000 answer.out)"
inbox MESSAGE
shown "$WORK/pos.out"

title "Both programs are told to quit"
echo quit >&3
echo quit >&4
for pid in "${PIDS[@]}"; do
    wait "$pid" || fail "a program did not end well"
done
PIDS=()
printf '\nDEMO OK\n'
