//! Builds the integration tests that the package of the crate tss-esapi carries, with Debian's tpm2-tss.
//! cargo builds tests of its own packages only, so the fetched one is copied.

use crate::{lab, steps};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const NAME: &str = "tss-esapi";
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The test program, in `folder`. It runs wherever the libraries of Debian 12 are.
///
/// # Errors
/// What could not be fetched or built.
pub(super) fn build(folder: &Path) -> Result<PathBuf> {
    let own = steps::root().join("tests/suites/tss-esapi");
    let tree = folder.join(NAME);
    fs::create_dir_all(&tree).with_context(|| tree.display().to_string())?;
    copy(&source(&own)?, &tree)?;
    let manifest = tree.join("Cargo.toml");
    let text = fs::read_to_string(&manifest)?;
    fs::write(&manifest, text + "\n[workspace]\n")?;
    fs::copy(own.join("Cargo.lock"), tree.join("Cargo.lock"))?;
    let program = built(&tree)?;
    let place = folder.join("tss-esapi-tests");
    fs::copy(&program, &place).with_context(|| program.display().to_string())?;
    Ok(place)
}

/// Where cargo has put the package, in the version that `Cargo.lock` names.
fn source(own: &Path) -> Result<PathBuf> {
    let mut cargo = cargo(["metadata", "--locked", "--format-version", "1"], own);
    let output = cargo.stderr(Stdio::inherit()).output().context("cargo metadata")?;
    ensure!(output.status.success(), "the package of {NAME} cannot be fetched");
    let all: Value = serde_json::from_slice(&output.stdout).context("cargo metadata")?;
    let packages = all["packages"].as_array().into_iter().flatten();
    let found = packages.filter(|package| package["name"] == NAME).find_map(|package| {
        Path::new(package["manifest_path"].as_str()?).parent().map(Path::to_owned)
    });
    found.with_context(|| format!("cargo knows no package {NAME}"))
}

/// The program that cargo makes of `tests/integration_tests`.
fn built(tree: &Path) -> Result<PathBuf> {
    let debian = lab::path("tss")?;
    let mut cargo = cargo(["test", "--no-run", "--message-format", "json"], tree);
    cargo
        .args(["--offline", "--test", "integration_tests", "--target", TARGET])
        .env("CARGO_TARGET_DIR", tree.join("target"))
        .env("CARGO_PROFILE_TEST_STRIP", "symbols")
        .env("CARGO_ENCODED_RUSTFLAGS", format!("-Clink-arg=--sysroot={}", debian.display()))
        .env("PKG_CONFIG", pkg_config(tree, &debian)?)
        .env("PKG_CONFIG_ALLOW_CROSS", "1")
        .env("PKG_CONFIG_SYSROOT_DIR", &debian)
        .env("PKG_CONFIG_LIBDIR", debian.join("usr/lib/x86_64-linux-gnu/pkgconfig"));
    let output = cargo.stderr(Stdio::inherit()).output().context("cargo test")?;
    ensure!(output.status.success(), "the tests of {NAME} cannot be built");
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let messages = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut programs = messages.filter_map(|said| said["executable"].as_str().map(PathBuf::from));
    programs.next_back().context("cargo names no test program")
}

fn cargo<const N: usize>(arguments: [&str; N], folder: &Path) -> Command {
    let mut cargo = steps::cargo(arguments);
    cargo.current_dir(folder);
    cargo
}

/// Debian's pkgconf, which build scripts ask for flags.
fn pkg_config(tree: &Path, debian: &Path) -> Result<PathBuf> {
    let (root, file) = (debian.display(), tree.join("pkg-config"));
    let libraries = format!("{root}/usr/lib/x86_64-linux-gnu");
    let text = format!(
        "#!/bin/sh\nexec {libraries}/ld-linux-x86-64.so.2 --library-path {libraries} {root}/usr/bin/pkgconf \"$@\"\n"
    );
    fs::write(&file, text).with_context(|| file.display().to_string())?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
    Ok(file)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), &to).with_context(|| to.display().to_string())?;
        }
    }
    Ok(())
}
