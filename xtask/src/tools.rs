//! Builds programs for domain 0.

use crate::steps;
use anyhow::{Context, Result};
use std::fs;

/// Package and program of each.
const ALL: [(&str, &str); 1] = [("manager-client", "vtpmmgr-ctl")];

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Builds every program and leaves it in `target/tools`. Linked statically, so that it runs in a
/// domain 0 of any release.
///
/// # Errors
/// What could not be built.
pub(crate) fn build() -> Result<()> {
    let folder = steps::target().join("tools");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for (package, program) in ALL {
        let mut cargo =
            steps::cargo(["build", "--locked", "--release", "--target", TARGET, "-p", package]);
        steps::run(cargo.env("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-feature=+crt-static"))?;
        let (built, file) = (steps::target().join(TARGET).join("release"), folder.join(program));
        fs::copy(built.join(program), &file).with_context(|| format!("{}", file.display()))?;
        println!("{}", file.display());
    }
    Ok(())
}
