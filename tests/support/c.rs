//! Compiling C against the library that cargo just built.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of the package.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The C compiler, or `None` after saying that the test is skipped. With CI=true a missing one is a failure.
pub fn compiler() -> Option<String> {
    let name = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    tools(&[&name]).then_some(name)
}

/// The shared library beside this test program. Linux only.
pub fn library() -> Option<PathBuf> {
    let program = std::env::current_exe().unwrap();
    let folder = program.parent().unwrap();
    let library =
        [folder, folder.parent().unwrap()].into_iter().map(|folder| folder.join("libereferral.so")).find(|file| file.exists());
    present(library, "shared library")
}

/// Whether all these programs are there; says so when one is not.
pub fn tools(names: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = |name: &str| std::env::split_paths(&path).any(|folder| folder.join(name).is_file()).then_some(());
    names.iter().all(|name| present(there(name), name).is_some())
}

/// Passes a thing on; without it, says that the test is skipped. With CI=true that is a failure.
pub fn present<T>(thing: Option<T>, name: &str) -> Option<T> {
    if thing.is_none() {
        assert!(std::env::var_os("CI").is_none_or(|value| value != "true"), "no {name}");
        eprintln!("skipped: no {name}");
    }
    thing
}

/// Compiles and links one C file; returns the program.
pub fn build(compiler: &str, library: &Path, source: &Path, folder: &Path, extra: &[&str]) -> PathBuf {
    let program = folder.join(source.file_stem().unwrap());
    // The linker writes the library's SONAME into the program, so that name has to exist.
    let soname = folder.join("libereferral.so.1");
    if !soname.exists() {
        std::os::unix::fs::symlink(library, &soname).unwrap();
    }
    let output = Command::new(compiler)
        .args(["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g", "-D_POSIX_C_SOURCE=200809L"])
        .args(extra)
        .arg("-I")
        .arg(root().join("include"))
        .arg(source)
        .arg(&soname)
        .arg(format!("-Wl,-rpath,{}", folder.display()))
        .args(["-lpthread", "-o"])
        .arg(&program)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    program
}
