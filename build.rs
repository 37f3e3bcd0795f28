//! Link arguments of the shared library, and nothing else.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        // Programs record this name, so that an incompatible library is never loaded in its place.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libereferral.so.1");
        // Unloading a library whose threads may still run would crash the host.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
