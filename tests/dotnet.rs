//! The .NET assembly (`bindings/dotnet`) at work, on Mono and on .NET: its own test program, one process for each test; how the native library
//! is found or refused; the example in C# through the same day as `make demo`; the package in a project outside.
#![cfg(all(feature = "test-panic", feature = "sandbox"))]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use support::c::{self, root};

/// How many events are taken through while the collector runs; EREF_EVENTS says otherwise.
const EVENTS: &str = "1000000";

fn output(command: &mut Command) -> (bool, String) {
    let output = command.output().unwrap();
    (output.status.success(), format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

fn succeed(command: &mut Command) -> String {
    let (good, said) = output(command);
    assert!(good, "{command:?}:\n{said}");
    said
}

fn sources(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "cs"));
    files.sort();
    files
}

fn built(name: &str) -> PathBuf {
    let folder = root().join("target/dotnet").join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A runtime with what was built for it: the test program, the example, the assembly.
struct Runtime {
    folder: PathBuf,
    /// Before the arguments of a program.
    host: Vec<PathBuf>,
    extension: &'static str,
}

impl Runtime {
    /// Runs a program of its folder, or of another one; `timeout` ends one that hangs.
    fn command(&self, folder: &Path, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("timeout");
        command.arg("600").args(&self.host).arg(folder.join(format!("{program}.{}", self.extension))).args(arguments);
        command.env_remove("LD_LIBRARY_PATH").env("TMPDIR", scratch());
        command
    }

    fn run(&self, name: &str, arguments: &[&str]) -> String {
        let library = c::library().unwrap();
        let arguments: Vec<&str> = [library.to_str().unwrap(), name].into_iter().chain(arguments.iter().copied()).collect();
        let said = succeed(&mut self.command(&self.folder, "EReferral.Tests", &arguments));
        assert!(said.ends_with(&format!("ok {name}\n")), "{said}");
        said
    }
}

/// Where the stores of these tests lie: in memory where there is such a place, as they make many and are after other things than disks.
fn scratch() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { memory } else { std::env::temp_dir() }
}

/// Compiled by mcs as a .NET Framework project would: the Mono of the tests stands for that.
fn mono() -> Option<&'static Runtime> {
    static BUILT: OnceLock<Runtime> = OnceLock::new();
    if !c::tools(&["mcs", "mono"]) || c::library().is_none() {
        return None;
    }
    Some(BUILT.get_or_init(|| {
        let folder = built("mono");
        let compile = |extra: &[&str], out: &str, folders: &[&str]| {
            let mut command = Command::new("mcs");
            command
                .args(["-langversion:7.2", "-unsafe", "-warnaserror"])
                .args(extra)
                .arg(format!("-out:{}", folder.join(out).display()));
            succeed(command.args(folders.iter().flat_map(|one| sources(one))));
        };
        let reference = format!("-r:{}", folder.join("EReferral.dll").display());
        compile(&["-target:library"], "EReferral.dll", &["bindings/dotnet/EReferral", "bindings/dotnet/EReferral/Generated"]);
        compile(&[&reference], "EReferral.Tests.exe", &["bindings/dotnet/EReferral.Tests"]);
        compile(&[&reference], "Pos.exe", &["bindings/dotnet/examples/Pos"]);
        fs::copy(root().join("bindings/dotnet/EReferral/EReferral.dll.config"), folder.join("EReferral.dll.config")).unwrap();
        Runtime { folder, host: vec!["mono".into()], extension: "exe" }
    }))
}

fn sdk() -> PathBuf {
    root().join("tools/dotnet.sh")
}

/// Built by the .NET SDK: the assembly for .NET Standard 2.0, the programs for .NET.
fn core() -> Option<&'static Runtime> {
    static BUILT: OnceLock<Runtime> = OnceLock::new();
    let there = Command::new(sdk()).arg("--version").output().is_ok_and(|output| output.status.success());
    c::present(there.then_some(()), ".NET SDK")?;
    c::library()?;
    Some(BUILT.get_or_init(|| {
        let folder = built("core");
        for project in ["bindings/dotnet/EReferral.Tests/EReferral.Tests.csproj", "bindings/dotnet/examples/Pos/Pos.csproj"] {
            succeed(Command::new(sdk()).args(["build", "--nologo", "-c", "Release", "-o"]).arg(&folder).arg(root().join(project)));
        }
        Runtime { folder, host: vec![sdk()], extension: "dll" }
    }))
}

/// Copies the programs and the assembly to a place without a library.
fn copied(runtime: &Runtime) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(&runtime.folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    folder
}

/// A library that is none of ours but answers the first two calls.
fn pretended(folder: &Path, abi: u32, version: &str) -> Option<PathBuf> {
    let compiler = c::compiler()?;
    let (source, library) = (folder.join("pretended.c"), folder.join(format!("pretended-{abi}-{version}.so")));
    fs::write(
        &source,
        format!("int eref_abi_number(void) {{ return {abi}; }}\nconst char *eref_version_text(void) {{ return \"{version}\"; }}\n"),
    )
    .unwrap();
    succeed(Command::new(compiler).args(["-shared", "-fPIC", "-Wl,-soname,libereferral.so.1", "-o"]).arg(&library).arg(&source));
    Some(library)
}

/// What the test program says of loading that file; of none, of looking where the library usually is.
fn loading(runtime: &Runtime, folder: &Path, library: Option<&Path>) -> String {
    let arguments: Vec<&str> = ["-", "load"].into_iter().chain(library.map(|path| path.to_str().unwrap())).collect();
    succeed(&mut runtime.command(folder, "EReferral.Tests", &arguments))
}

fn missing_library_is_told_with_every_path(runtime: &Runtime) {
    let folder = copied(runtime);
    let said = loading(runtime, folder.path(), None);
    for part in [
        "refused: ",
        "64-bit",
        "linux-x64",
        "/runtimes/linux-x64/native/libereferral.so: no such file",
        "/x64/libereferral.so: ",
        "libereferral.so.1: ",
    ] {
        assert!(said.contains(part), "{part} is not in: {said}");
    }
    let said = loading(runtime, folder.path(), Some(Path::new("/nowhere/libereferral.so")));
    assert!(said.contains("/nowhere/libereferral.so: no such file") && !said.contains("runtimes"), "only that path: {said}");
}

fn library_of_the_other_width_is_told(runtime: &Runtime) {
    let folder = copied(runtime);
    let wrong = folder.path().join("x64/libereferral.so");
    fs::create_dir(wrong.parent().unwrap()).unwrap();
    let mut bytes = fs::read(c::library().unwrap()).unwrap();
    bytes.truncate(1 << 16);
    // The class of an ELF file: 1 is 32 bits.
    bytes[4] = 1;
    fs::write(&wrong, bytes).unwrap();
    let said = loading(runtime, folder.path(), None);
    assert!(
        said.contains("refused: ") && said.contains("64-bit process") && said.contains("wrong ELF class: ELFCLASS32"),
        "{said}"
    );
}

fn older_and_other_libraries_are_refused_by_name(runtime: &Runtime) {
    let folder = copied(runtime);
    let Some(other) = pretended(folder.path(), 7, "9.9.9") else { return };
    let said = loading(runtime, folder.path(), Some(&other));
    assert!(
        said.contains("pretended-7-9.9.9.so is version 9.9.9 with ABI number 7") && said.contains("needs ABI number 1"),
        "{said}"
    );
    let Some(older) = pretended(folder.path(), 1, "0.0.9") else { return };
    let said = loading(runtime, folder.path(), Some(&older));
    assert!(said.contains("is version 0.0.9 with ABI number 1") && said.contains("or newer"), "{said}");
}

fn library_is_found_where_packages_put_it(runtime: &Runtime) {
    for place in ["runtimes/linux-x64/native", "x64", "."] {
        let folder = copied(runtime);
        let library = folder.path().join(place).join("libereferral.so");
        fs::create_dir_all(library.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(c::library().unwrap(), &library).unwrap();
        let said = loading(runtime, folder.path(), None);
        assert!(
            said.starts_with("loaded ") && said.contains("libereferral.so 0.") && said.contains(place.trim_matches('.')),
            "{said}"
        );
    }
}

fn the_example_lives_through_the_demo(runtime: &Runtime) {
    if !c::tools(&["curl", "bash"]) {
        return;
    }
    let folder = copied(runtime);
    std::os::unix::fs::symlink(c::library().unwrap(), folder.path().join("libereferral.so")).unwrap();
    let command = runtime.command(folder.path(), "Pos", &[]);
    let words: Vec<String> = command.get_args().skip(1).map(|word| format!("'{}'", word.to_str().unwrap())).collect();
    let pos = folder.path().join("pos");
    fs::write(&pos, format!("#!/bin/sh\nexec {} \"$@\"\n", words.join(" "))).unwrap();
    succeed(Command::new("chmod").arg("+x").arg(&pos));
    let message = root().join("tests/fixtures/ocean-like-add-service-request.json");
    let said =
        succeed(Command::new(root().join("tools/demo.sh")).arg(&pos).arg(env!("CARGO_BIN_EXE_ereferral-sandbox")).arg(message));
    assert!(said.ends_with("\nDEMO OK\n"), "{said}");
    // The sentence and a typed property of a message, the name with its accent, the answer to a question about the chart.
    for part in [
        "EVENT WRITE DocumentReference",
        "Testpatient, Ren\u{e9}e",
        "    born           1980-02-29",
        "DELIVERY of key demo-act-1: delivered",
    ] {
        assert!(said.contains(part), "{part} is not in: {said}");
    }
}

const OUTSIDE: &str = r#"<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>FRAMEWORK</TargetFramework>
    <FrameworkPathOverride>/usr/lib/mono/4.7.2-api</FrameworkPathOverride>
    <AutomaticallyUseReferenceAssemblyPackages>false</AutomaticallyUseReferenceAssemblyPackages>
  </PropertyGroup>
  <ItemGroup><PackageReference Include="EReferral" Version="VERSION" /></ItemGroup>
  <!-- What a .NET Framework SDK adds by itself to a project that uses a .NET Standard assembly. -->
  <ItemGroup Condition="'$(TargetFramework)' == 'net472'"><Reference Include="/usr/lib/mono/4.7.2-api/Facades/netstandard.dll" /></ItemGroup>
</Project>
"#;

/// Packs, then builds a project of another folder that knows the package by its name only, and runs what came out.
fn package_is_used_by_a_project_outside(framework: &str, run: &dyn Fn(&Path) -> Command) {
    if core().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let packages = folder.path().join("packages");
    succeed(Command::new(root().join("tools/dotnet-package.sh")).arg(c::library().unwrap()).arg(&packages));
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("Outside.csproj", &OUTSIDE.replace("FRAMEWORK", framework).replace("VERSION", env!("CARGO_PKG_VERSION")));
    write(
        "NuGet.config",
        "<configuration><config><add key=\"globalPackagesFolder\" value=\"cache\" /></config><packageSources><clear />\
         <add key=\"local\" value=\"packages\" /></packageSources></configuration>",
    );
    write(
        "Outside.cs",
        "static class Outside { static void Main() { new EReferral.Configuration().Dispose(); System.Console.WriteLine(\"from \" + \
         EReferral.EReferralLibrary.Path + \" version \" + EReferral.EReferralLibrary.Version); } }",
    );
    succeed(Command::new(sdk()).args(["build", "--nologo", "-c", "Release", "-o", "out"]).current_dir(folder.path()));
    let said = succeed(run(&folder.path().join("out")).env_remove("LD_LIBRARY_PATH"));
    assert!(said.starts_with("from ") && said.contains(concat!("libereferral.so version ", env!("CARGO_PKG_VERSION"))), "{said}");
}

#[test]
#[ignore = "full run"]
fn package_on_dotnet() {
    let run = |out: &Path| {
        let mut command = Command::new(sdk());
        command.arg(out.join("Outside.dll"));
        command
    };
    // The framework that the SDK at hand has.
    let version = Command::new(sdk()).arg("--version").output().map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let framework = if version.is_ok_and(|version| version.starts_with("3.")) { "netcoreapp3.1" } else { "net8.0" };
    package_is_used_by_a_project_outside(framework, &run);
}

/// As a .NET Framework project: the library lies in x64, where the package's targets copied it.
#[test]
#[ignore = "full run"]
fn package_on_mono() {
    if mono().is_none() {
        return;
    }
    let run = |out: &Path| {
        let mut command = Command::new("mono");
        command.arg(out.join("Outside.exe"));
        command
    };
    package_is_used_by_a_project_outside("net472", &run);
}

/// A test of the test program's own.
fn plain(runtime: &Runtime, name: &str) {
    let events = std::env::var("EREF_EVENTS").unwrap_or_else(|_| EVENTS.to_owned());
    let (symbols, message) =
        (root().join("include/ereferral.symbols"), root().join("tests/fixtures/ocean-like-add-service-request.json"));
    let arguments: &[&str] = match name {
        "imports" => &[symbols.to_str().unwrap()],
        "fields" => &[message.to_str().unwrap()],
        "many" => &[&events],
        _ => &[],
    };
    let said = runtime.run(name, arguments);
    if name == "many" {
        println!("{said}");
    }
}

macro_rules! suite {
    ($runtime:ident: $($name:ident = $body:expr;)*) => {
        mod $runtime {
            use super::*;
            $(
                #[test]
                #[ignore = "full run"]
                fn $name() {
                    let Some(runtime) = super::$runtime() else { return };
                    let body: fn(&Runtime) = $body;
                    body(runtime);
                }
            )*
        }
    };
}

macro_rules! suites {
    ($($runtime:ident),*) => { $(suite! { $runtime:
        imports_are_the_exports_and_blittable = |runtime| plain(runtime, "imports");
        a_fault_becomes_an_exception = |runtime| plain(runtime, "panic");
        failures_say_status_category_and_detail = |runtime| plain(runtime, "errors");
        french_syllabics_and_emoji_in_every_text = |runtime| plain(runtime, "text");
        typed_fields_are_those_of_the_message = |runtime| plain(runtime, "fields");
        lists_are_cut_where_documents_end = |runtime| plain(runtime, "json");
        dispose_during_calls = |runtime| plain(runtime, "dispose");
        lent_text_is_read_whole = |runtime| plain(runtime, "lent");
        waits_are_cancelled = |runtime| plain(runtime, "cancel");
        two_engines_in_one_process = |runtime| plain(runtime, "engines");
        referrals_inbox_deliveries_log = |runtime| plain(runtime, "records");
        an_event_that_is_not_done_comes_again = |runtime| plain(runtime, "lease");
        many_events_while_the_collector_runs = |runtime| plain(runtime, "many");
        missing_library = missing_library_is_told_with_every_path;
        library_of_the_other_width = library_of_the_other_width_is_told;
        older_library = older_and_other_libraries_are_refused_by_name;
        library_in_its_places = library_is_found_where_packages_put_it;
        example_in_the_demo = the_example_lives_through_the_demo;
    })* };
}

suites!(mono, core);
