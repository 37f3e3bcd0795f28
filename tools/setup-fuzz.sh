#!/bin/sh
# Installs cargo-fuzz into .tools, of the version below: only when it is missing, and says so. Running it again does nothing.
# The targets are built by a nightly toolchain where rustup has one, else by the usual one with its unstable options unlocked.
set -eu
version=0.13.2
tools=${1:-.tools}

if [ -x "$tools/bin/cargo-fuzz" ] && [ "$("$tools/bin/cargo-fuzz" --version)" = "cargo-fuzz $version" ]; then
    echo "fuzz set-up: nothing is missing"
    exit 0
fi
echo "fuzz set-up: installing cargo-fuzz $version into $tools"
cargo install --quiet --locked --version "$version" --root "$tools" --target-dir "$tools/build" cargo-fuzz
rm -rf "$tools/build"
echo "fuzz set-up: done"
