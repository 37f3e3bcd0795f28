#!/bin/sh
# Builds the native library of the Java package: bindings/java/native linked with libereferral.a into one file that exports JNI alone.
# usage: java-native.sh STATIC_LIBRARY OUTPUT [MORE_C_FILES]
set -eu
library=$(realpath "$1")
mkdir -p "$(dirname "$2")"
output=$(realpath "$(dirname "$2")")/$(basename "$2")
shift 2
cd "$(dirname "$0")/.."
work=$(mktemp -d "${TMPDIR:-/tmp}/ereferral-java.XXXXXX")
trap 'rm -rf "$work"' EXIT

# javac writes the prototypes of the native methods; the Java that runs knows where those of JNI are.
javac --release 8 -Xlint:-options -h "$work" -d "$work/classes" bindings/java/src/main/java/ca/ereferral/*.java
home=$(java -XshowSettings:properties -version 2>&1 | sed -n 's/^ *java.home = //p')
# Never unloaded: threads of the library may still run.
"${CC:-cc}" -std=c11 -O2 -Wall -Wextra -Wpedantic -Werror -fPIC -fvisibility=hidden -shared -s -o "$output" \
    -I"$work" -Iinclude -I"$home/include" -I"$home/include/linux" bindings/java/native/*.c "$@" "$library" \
    -Wl,--version-script=bindings/java/native/exports.map -Wl,--gc-sections -Wl,-z,nodelete -Wl,-z,defs -lpthread -ldl -lm
