//! Links the image as xen-guest says, and reads which C libraries it is linked with.

use std::path::PathBuf;

fn main() {
    let arguments = std::env::var("DEP_XEN_GUEST_LINK_ARGS").unwrap_or_default();
    for argument in arguments.split_whitespace() {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
    libraries();
}

/// Passes `LIBTPMS` and `LIBCRYPTO` on: releases, as `./x native` wrote them down.
fn libraries() {
    println!("cargo::rerun-if-env-changed=VTPM_NATIVE");
    let folder = std::env::var_os("VTPM_NATIVE").unwrap_or_else(|| "../../target/native".into());
    let file = PathBuf::from(folder).join("manifest.txt");
    println!("cargo::rerun-if-changed={}", file.display());
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    for name in ["libtpms", "libcrypto"] {
        let begin = format!("{name}: ");
        let value = text.lines().find_map(|line| line.strip_prefix(&begin)).unwrap_or("unknown");
        println!("cargo::rustc-env={}={}", name.to_uppercase(), value.replace(['"', '\\'], "?"));
    }
}
