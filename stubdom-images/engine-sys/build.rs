//! Finds the two C archives and says how to link them.

use std::path::{Path, PathBuf};

fn main() {
    println!("cargo:rerun-if-env-changed=VTPM_NATIVE");
    let folder = std::env::var_os("VTPM_NATIVE").map_or_else(default_folder, PathBuf::from);
    for name in ["libtpms.a", "libcrypto.a"] {
        let archive = folder.join(name);
        println!("cargo:rerun-if-changed={}", archive.display());
        if !archive.is_file() {
            println!(
                "cargo::error={} is not there: run ./x native once, then build again",
                archive.display()
            );
            return;
        }
    }
    println!("cargo:rustc-link-search=native={}", folder.display());
    // Not bundled into the rlib: the linker then sees them behind every Rust object, whatever the
    // order of crates.
    println!("cargo:rustc-link-lib=static:-bundle=tpms");
    println!("cargo:rustc-link-lib=static:-bundle=crypto");
}

/// For a cargo that did not read the workspace's configuration.
fn default_folder() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    here.parent().and_then(Path::parent).unwrap_or(&here).join("target/native")
}
