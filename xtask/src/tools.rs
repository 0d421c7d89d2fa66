//! Builds programs for domain 0.

use crate::{images, steps};
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

/// Package and program of each that is linked statically, so that it runs in a domain 0 of any
/// release, or in a guest; two of the lab's among them.
const STATIC: [(&str, &str); 6] = [
    ("manager-client", "vtpmmgr-ctl"),
    ("state-inspect", "vtpm-inspect"),
    ("hardware-tpm", "vtpm-hwtpm"),
    ("vtpm-proxy", "vtpm-proxy"),
    ("guest-clock", "guest-clock"),
    ("hostile-guest", "hostile-guest"),
];

/// The same of those that load libxl, which a static program cannot
/// (docs/decisions/0200-libxl-is-loaded-at-run-time.md); one of the lab's among them.
const DYNAMIC: [(&str, &str); 3] = [
    ("config-gen", "vtpm-config-gen"),
    ("xl-vtpm", "xl-vtpm"),
    ("toolstack-judge", "toolstack-judge"),
];

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Builds every program and leaves it in `target/tools`.
///
/// # Errors
/// What could not be built.
pub(crate) fn build() -> Result<()> {
    for (package, program) in STATIC {
        let mut cargo =
            steps::cargo(["build", "--locked", "--release", "--target", TARGET, "-p", package]);
        steps::run(
            cargo.env("CARGO_ENCODED_RUSTFLAGS", flags(&["-Ctarget-feature=+crt-static"])?),
        )?;
        leave(&steps::target().join(TARGET).join("release"), program)?;
    }
    for (package, program) in DYNAMIC {
        let mut cargo = steps::cargo(["build", "--locked", "--release", "-p", package]);
        steps::run(cargo.env("CARGO_ENCODED_RUSTFLAGS", flags(&[])?))?;
        leave(&steps::target().join("release"), program)?;
    }
    Ok(())
}

/// Our crate that a program comes from.
pub(crate) fn package_of(program: &str) -> Option<&'static str> {
    let mut all = STATIC.iter().chain(&DYNAMIC);
    all.find_map(|(package, name)| (*name == program).then_some(*package))
}

/// Neither paths of this machine nor symbols are left in a program.
fn flags(more: &[&str]) -> Result<String> {
    let mut flags = images::without_paths()?.to_vec();
    flags.push("-Cstrip=symbols".into());
    flags.extend(more.iter().map(ToString::to_string));
    Ok(flags.join("\x1f"))
}

fn leave(built: &Path, program: &str) -> Result<()> {
    let folder = steps::target().join("tools");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let file = folder.join(program);
    fs::copy(built.join(program), &file).with_context(|| format!("{}", file.display()))?;
    println!("{}", file.display());
    Ok(())
}
