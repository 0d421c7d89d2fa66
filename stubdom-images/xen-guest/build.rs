//! Tells image crates how to link: they read `DEP_XEN_GUEST_LINK_ARGS` in their build scripts and
//! pass each word on, so that all images share one linker script and one set of flags.

use std::env;
use std::path::PathBuf;

fn main() {
    println!("cargo::rerun-if-changed=link/image.ld");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("none") {
        return;
    }
    let home = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let script = home.join("link/image.ld");
    let script = script.to_str().expect("the project's path is UTF-8");
    assert!(!script.contains(' '), "the project's path must not contain a space: {script}");
    let args = [
        "-static",
        "--no-pie",
        &format!("--script={script}"),
        "--build-id=none",
        "-zmax-page-size=4096",
        "-znorelro",
        "-znognustack",
        "--gc-sections",
        "--orphan-handling=error",
        "--no-eh-frame-hdr",
    ];
    println!("cargo::metadata=LINK_ARGS={}", args.join(" "));
}
