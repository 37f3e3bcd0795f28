#!/bin/sh
# Makes the NuGet package EReferral.VERSION.nupkg: the assembly, and the native files by system. usage: dotnet-package.sh LIBRARY FOLDER [NATIVES]
# LIBRARY is the one for this system; NATIVES is a folder with those for others, RID/native/FILE (win-x86, win-x64: ereferral.dll).
set -eu
library=$(realpath "$1")
mkdir -p "$2"
to=$(realpath "$2")
natives=${3:+$(realpath "$3")}
cd "$(dirname "$0")/.."
work=$(mktemp -d "${TMPDIR:-/tmp}/ereferral-package.XXXXXX")
trap 'rm -rf "$work"' EXIT
case $(uname -m) in
    x86_64) rid=linux-x64 ;;
    aarch64) rid=linux-arm64 ;;
    *) echo "no place in the package for $(uname -m)" >&2; exit 1 ;;
esac
[ -z "$natives" ] || cp -r "$natives/." "$work/"
mkdir -p "$work/$rid/native"
cp "$library" "$work/$rid/native/libereferral.so"
tools/dotnet.sh pack --nologo -c Release -v quiet -p:NativeFiles="$work" -o "$to" bindings/dotnet/EReferral/EReferral.csproj
python3 -m zipfile -l "$(ls -t "$to"/EReferral.*.nupkg | head -1)" | awk 'NR > 1 { printf "%12d  %s\n", $NF, $1 }'
