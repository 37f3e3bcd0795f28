# make lib                  what a host ships, into dist/: header, shared and static library, list of exports, pkg-config file
# make java-package         the Java package (jar, sources, javadoc) with the native library of this system, into dist/java
# make demo                 a launch, notifications and a referral, between a small POS written in C and a pretend RMS
# make demo MESSAGE=FILE    the same, with FILE as the message that is posted to the POS at the end
# make test                 every suite, then the demo; installs what it needs and says so (root, or sudo without a password)
# make test-quick           the Rust and C core; needs no network after `cargo fetch`, and no root
#
# A test that takes long, or needs more than a C compiler, carries #[ignore = "full run"]: test-quick leaves it out, test runs it.
# --show-output lets a test that lacks a tool say "skipped: ..."; with CI=true that is a failure instead.
# make dotnet-package       a NuGet package in dist/, with the library of make lib; NATIVES=FOLDER adds FOLDER/RID/native/FILE of other
#                           systems (win-x86, win-x64: ereferral.dll)
# make bench-dotnet         what a call costs from C#, on Mono and .NET, beside C
# make lint                 format, clippy, documentation
# make fuzz MINUTES=10      each fuzz target so many minutes, on hostile messages; installs cargo-fuzz and says so
# make bench                speed, as ratios beside named limits of the same run

CARGO ?= cargo
CC ?= cc
TARGET ?= target
DIST ?= dist
MINUTES ?= 10
NATIVES ?=
MESSAGE ?= tests/fixtures/ocean-like-add-service-request.json
FEATURES = cli,sandbox,test-panic

DEMO = $(TARGET)/demo

.PHONY: lib java-package demo demo-build check-tools test test-quick test-setup fuzz lint bench dotnet-package bench-dotnet

# Each crate type in a run of its own: cargo drops LTO without a word when an rlib is built in the same run.
lib:
	$(CARGO) rustc --release --lib --crate-type cdylib --target-dir "$(TARGET)"
	$(CARGO) rustc --release --lib --crate-type staticlib --target-dir "$(TARGET)"
	@mkdir -p "$(DIST)"
	@cp include/ereferral.h include/ereferral.symbols "$(DIST)/"
	@cp "$(TARGET)/release/libereferral.so" "$(DIST)/libereferral.so.1"
	@ln -sf libereferral.so.1 "$(DIST)/libereferral.so"
	@cp "$(TARGET)/release/libereferral.a" "$(DIST)/"
	@version=$$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1); \
	  printf '%s\n' 'dir=$${pcfiledir}' '' 'Name: ereferral' 'Description: SMART launch and Direct Messaging for Ontario eReferral' \
	    "Version: $$version" 'Cflags: -I$${dir}' 'Libs: -L$${dir} -lereferral' 'Libs.private: -lpthread -ldl -lm' > "$(DIST)/ereferral.pc"
	@readelf -d "$(DIST)/libereferral.so.1" | grep -q 'SONAME.*libereferral.so.1' || { echo 'no SONAME'; exit 1; }
	@readelf -d "$(DIST)/libereferral.so.1" | grep -q NODELETE || { echo 'no NODELETE'; exit 1; }
	@ls -l "$(DIST)" | awk 'NR > 1 { printf "%12d  %s\n", $$5, $$9 }'

# Natives of other systems that lie in dist/java/natives already (windows-x86_64/ereferral-jni.dll, ...) go into the jar with it.
java-package: lib
	@tools/java-native.sh "$(DIST)/libereferral.a" "$(DIST)/java/natives/linux-$$(uname -m)/libereferral-jni.so"
	@mvn -B -q -f bindings/java/pom.xml install -DskipTests -Dereferral.natives="$(abspath $(DIST))/java/natives" \
	  -Dereferral.build="$(abspath $(TARGET))/java-package" -Dmaven.repo.local="$(abspath $(DIST))/java/repository"
	@cp "$(TARGET)"/java-package/ereferral-*.jar bindings/java/pom.xml "$(DIST)/java/"
	@ls -l "$(DIST)/java" | awk 'NR > 1 { printf "%12d  %s\n", $$5, $$9 }'

demo: demo-build
	@tools/demo.sh "$(DEMO)/pos" "$(TARGET)/debug/ereferral-sandbox" "$(MESSAGE)"

# The development profile: its dependencies are optimised, and it builds in a fraction of the time of a release.
demo-build: check-tools
	@$(CARGO) build --target-dir "$(TARGET)" --features sandbox --lib --bin ereferral-sandbox
	@$(MAKE) --no-print-directory "$(DEMO)/pos"

$(DEMO)/pos: examples-c/pos.c include/ereferral.h
	@mkdir -p "$(DEMO)"
	@ln -sf ../debug/libereferral.so "$(DEMO)/libereferral.so"
	@ln -sf ../debug/libereferral.so "$(DEMO)/libereferral.so.1"
	@$(CC) -std=c99 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Iinclude examples-c/pos.c -o $@ -L"$(DEMO)" -lereferral -Wl,-rpath,'$$ORIGIN'

dotnet-package: lib
	@tools/dotnet-package.sh "$(DIST)/libereferral.so.1" "$(DIST)" $(NATIVES)

bench-dotnet: lib
	@tools/bench-dotnet.sh "$(DIST)/libereferral.so.1"

check-tools:
	@tools/check-tools.sh $(firstword $(CARGO)) $(firstword $(CC)) curl

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets --features $(FEATURES) -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --features $(FEATURES)

test: test-setup
	@tools/run-tests.sh sh -c '$(CARGO) test --target-dir "$(TARGET)" --features $(FEATURES) --no-fail-fast -- --include-ignored --show-output \
	  && make --no-print-directory demo'

test-setup:
	@tools/setup-tests.sh

test-quick:
	@tools/run-tests.sh $(CARGO) test --target-dir "$(TARGET)" --features $(FEATURES) --no-fail-fast -- --show-output

fuzz:
	@tools/setup-fuzz.sh
	@tools/fuzz.sh $(MINUTES)

# The C program of P10 and P11 runs on the library as it is shipped. The store lies under $(TARGET), on the project's disk.
bench: lib
	$(CARGO) bench --bench goals --target-dir "$(TARGET)" -- --write docs/performance.md
