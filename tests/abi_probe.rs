//! The first users of the header, one per language: Python (ctypes), .NET (P/Invoke) and Java (JNI). Each program of `tests/abi_probe`
//! opens an engine, starts a launch, sends a referral to its own listener, takes it as an event on a second thread, and meets a fault.
#![cfg(feature = "test-panic")]

mod support;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::c::{self, root};

/// A folder with the library, and a configuration that sends to the engine itself, which knows the sender as another partner.
fn prepare(library: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(library, folder.path().join("libereferral.so")).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let document = r#"{
        "system": {"name": "Fakeville Family Health", "software": "probe", "version": "1", "roles": ["smart-server", "rms-source", "rms-target"],
                   "time_zone": "America/Toronto", "referral_system": "https://pos.test/fhir/NamingSystem/referral"},
        "public_url": "https://pos.test", "test": true,
        "listen": [{"address": "127.0.0.1:PORT"}],
        "store": {"url": "sqlite:pos.db", "key_file": "pos.key"},
        "partners": [{"name": "self", "roles": ["rms-source", "rms-target", "smart-app"],
            "messaging": {"endpoint": "http://127.0.0.1:PORT/fhir/$process-message",
                          "auth": {"bearer": "invented-bearer-of-the-probe"}},
            "smart_app": {"client_id": "app", "launch_url": "https://rms.test/launch", "redirect_uris": ["https://rms.test/back"],
                          "scopes": "launch openid fhirUser patient/*.rs"}},
            {"name": "requester", "roles": ["rms-source"], "messaging": {"inbound": {"bearer": "invented-bearer-of-the-probe"}}}]
    }"#;
    fs::write(folder.path().join("probe.json"), document.replace("PORT", &port.to_string())).unwrap();
    folder
}

fn source(name: &str) -> PathBuf {
    root().join("tests/abi_probe").join(name)
}

fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
    said
}

/// Runs a probe; `timeout` ends one that hangs.
fn probe(folder: &Path, program: &str, arguments: &[&Path]) {
    let mut command = Command::new("timeout");
    command.args(["120", program]).args(arguments).arg(folder.join("probe.json")).arg(source("fields.txt"));
    let said = succeed(command.env("LD_LIBRARY_PATH", folder));
    assert!(said.ends_with("probe ok\n"), "{said}");
}

#[test]
#[ignore = "full run"]
fn python_uses_the_abi_through_ctypes() {
    let Some(library) = c::library().filter(|_| c::tools(&["python3"])) else { return };
    let folder = prepare(&library);
    probe(folder.path(), "python3", &[&source("probe.py"), &folder.path().join("libereferral.so")]);
}

#[test]
#[ignore = "full run"]
fn dotnet_uses_the_abi_through_p_invoke() {
    let Some(library) = c::library().filter(|_| c::tools(&["mcs", "mono"])) else { return };
    let folder = prepare(&library);
    let program = folder.path().join("Probe.exe");
    succeed(Command::new("mcs").arg("-langversion:7.2").arg(format!("-out:{}", program.display())).arg(source("Probe.cs")));
    probe(folder.path(), "mono", &[&program]);
}

#[test]
#[ignore = "full run"]
fn java_uses_the_abi_through_jni() {
    let (Some(compiler), Some(library)) = (c::compiler(), c::library()) else { return };
    if !c::tools(&["javac", "java"]) {
        return;
    }
    let folder = prepare(&library);
    // The Java that runs knows where the headers of JNI are.
    let settings = succeed(Command::new("java").args(["-XshowSettings:properties", "-version"]));
    let home = settings.lines().find_map(|line| line.trim().strip_prefix("java.home = ")).unwrap();
    let (jni, system) = (format!("-I{home}/include"), format!("-I{home}/include/linux"));
    let shim = c::build(&compiler, &library, &source("probe_jni.c"), folder.path(), &["-shared", "-fPIC", &jni, &system]);
    succeed(Command::new("javac").args(["--release", "8", "-Xlint:-options", "-d"]).arg(folder.path()).arg(source("Probe.java")));
    probe(folder.path(), "java", &[Path::new("-cp"), folder.path(), Path::new("Probe"), &shim]);
}
