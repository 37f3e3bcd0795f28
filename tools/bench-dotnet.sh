#!/usr/bin/env bash
# What calls cost from C#, beside C: the same library, the same message, in turn, the best of three runs (RUNS) of each. Prints a table of
# nanoseconds for docs/performance.md ("Calls from other languages"). usage: bench-dotnet.sh LIBRARY
set -euo pipefail
library=$(realpath "$1")
cd "$(dirname "$0")/.."
work=$(mktemp -d "${TMPDIR:-/tmp}/ereferral-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
# A referral of the usual size: its largest part is the letter in it.
python3 - tests/fixtures/ocean-like-add-service-request.json "$work/message.json" <<'END'
import base64, json, sys
bundle = json.load(open(sys.argv[1], encoding="utf-8"))
letter = next(e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "DocumentReference")
missing = 40_000 - len(json.dumps(bundle))
letter["content"][0]["attachment"] = {"contentType": "application/pdf", "data": base64.b64encode(b"x" * (max(missing, 0) // 4 * 3)).decode()}
json.dump(bundle, open(sys.argv[2], "w", encoding="utf-8"), ensure_ascii=False)
END
ln -s "$library" "$work/libereferral.so.1"
"${CC:-cc}" -std=c99 -O2 -D_POSIX_C_SOURCE=200809L -Iinclude benches/languages/calls.c "$work/libereferral.so.1" -Wl,-rpath,"$work" -o "$work/calls"
mcs -langversion:7.2 -unsafe -optimize -target:library -out:"$work/EReferral.dll" bindings/dotnet/EReferral/*.cs bindings/dotnet/EReferral/Generated/*.cs
mcs -langversion:7.2 -unsafe -optimize -r:"$work/EReferral.dll" -out:"$work/EReferral.Tests.exe" bindings/dotnet/EReferral.Tests/*.cs
cp bindings/dotnet/EReferral/EReferral.dll.config "$work/"
tools/dotnet.sh build --nologo -v quiet -c Release -o "$work/core" bindings/dotnet/EReferral.Tests/EReferral.Tests.csproj
for _ in $(seq "${RUNS:-3}"); do
    "$work/calls" "$work/message.json" | sed 's/^/c /'
    mono "$work/EReferral.Tests.exe" "$library" bench "$work/message.json" | sed -n '/^ok/!s/^/mono /p'
    tools/dotnet.sh "$work/core/EReferral.Tests.dll" "$library" bench "$work/message.json" | sed -n '/^ok/!s/^/dotnet /p'
done | awk '
    { key = $1 " " $2; if (!(key in best) || $3 < best[key]) best[key] = $3; if (!($2 in seen)) { seen[$2] = 1; order[++n] = $2 } }
    END {
        print "| call | C | .NET | Mono |"; print "| --- | --- | --- | --- |"
        for (i = 1; i <= n; i++) printf "| %s | %s | %s | %s |\n", order[i], best["c " order[i]], best["dotnet " order[i]], best["mono " order[i]]
    }'
