//! `./x reproduce`: the same sources give the same bytes, wherever and whenever they are built, and
//! without a network.

use crate::{deb, native, steps};
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is compared.
#[derive(clap::Args)]
#[command(
    after_help = "Copies the sources to two folders below target/reproduce whose paths have different lengths, \
    builds each from nothing, C libraries included, the second one with another umask and in a network \
    namespace without any interface, and compares SHA-256. Some minutes; with --packages some more."
)]
pub(crate) struct Options {
    /// The Debian packages and all programs, too
    #[arg(long)]
    packages: bool,
}

/// Folders below `target/reproduce`.
const FOLDERS: [&str; 2] = ["a", "another/folder/of-another-length"];

/// Builds twice, compares, and leaves the hashes in `target/reproduce/SHA256SUMS`.
///
/// # Errors
/// What could not be built, or differs.
pub(crate) fn run(options: &Options) -> Result<()> {
    // What later may not be fetched.
    native::build()?;
    steps::run(&mut steps::cargo(["fetch", "--quiet", "--locked"]))?;
    let work = steps::target().join("reproduce");
    let what = if options.packages { "deb" } else { "images --alone" };
    let epoch = deb::epoch()?;
    let mut sums = Vec::new();
    for (folder, second) in FOLDERS.into_iter().zip([false, true]) {
        let tree = work.join(folder);
        copy_sources(&tree)?;
        build(&tree, what, &epoch, second).with_context(|| tree.display().to_string())?;
        sums.push(hashes(&tree.join("target"))?);
    }
    let list: String = sums[0].iter().map(|(name, sum)| format!("{sum}  {name}\n")).collect();
    print!("{list}");
    let file = work.join("SHA256SUMS");
    fs::write(&file, list).with_context(|| file.display().to_string())?;
    let different = differences(&sums[0], &sums[1]);
    ensure!(
        different.is_empty(),
        "built twice, these differ; look at them below {} with diffoscope: {}",
        work.display(),
        different.join(", ")
    );
    println!("all {} files are the same bytes from both folders", sums[0].len());
    Ok(())
}

/// Copies all files that git knows or would add. What an earlier run built there is gone.
fn copy_sources(to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to).with_context(|| format!("cannot clear {}", to.display()))?;
    }
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let output = git.current_dir(steps::root()).output().context("cannot start git")?;
    ensure!(output.status.success(), "the sources are not a checkout of git's");
    for name in String::from_utf8(output.stdout)?.split('\0').filter(|name| !name.is_empty()) {
        let (from, to) = (steps::root().join(name), to.join(name));
        if !from.is_file() {
            continue;
        }
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::copy(&from, &to).with_context(|| from.display().to_string())?;
    }
    Ok(())
}

/// Builds in a copy, from nothing but the sources and what cargo and the lab have fetched.
fn build(tree: &Path, what: &str, epoch: &str, second: bool) -> Result<()> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let run = format!("'{cargo}' run --quiet --locked --package xtask -- {what}");
    let mut command = if second {
        let mut command = without_network()?;
        command.args(["sh", "-c", &format!("umask 077; {run}")]);
        command
    } else {
        let mut command = Command::new("sh");
        command.args(["-c", &run]);
        command
    };
    command.current_dir(tree).env("SOURCE_DATE_EPOCH", epoch).env("CARGO_NET_OFFLINE", "true");
    command.env("LAB_DIR", lab()).env_remove("CARGO_TARGET_DIR").env_remove("VTPM_NATIVE");
    steps::run(&mut command)
}

/// Where the lab keeps what it fetched, for all copies.
fn lab() -> PathBuf {
    std::env::var_os("LAB_DIR").map_or_else(|| steps::target().join("lab"), PathBuf::from)
}

/// A command that runs the words that follow where there is no network; where that cannot be had, one
/// that just runs them, and says so.
fn without_network() -> Result<Command> {
    for words in [&["--net"][..], &["--map-root-user", "--net"]] {
        let works = Command::new("unshare").args(words).arg("true").output();
        if works.is_ok_and(|output| output.status.success()) {
            let mut command = Command::new("unshare");
            command.args(words);
            return Ok(command);
        }
    }
    let why = "a network namespace cannot be made here, so that nothing is fetched is not shown";
    if std::env::var("CI").is_ok_and(|value| value == "true") {
        bail!("{why}");
    }
    eprintln!("skip: {why}");
    Ok(Command::new("env"))
}

/// Names and hashes of what was built.
fn hashes(target: &Path) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for folder in ["images", "deb"] {
        for entry in fs::read_dir(target.join(folder)).into_iter().flatten() {
            let file = entry?.path();
            if file.is_file() {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                found.insert(format!("{folder}/{name}"), native::sha256_of(&file)?);
            }
        }
    }
    ensure!(!found.is_empty(), "nothing was built in {}", target.display());
    Ok(found)
}

/// What is not in both, or not the same.
fn differences(one: &BTreeMap<String, String>, other: &BTreeMap<String, String>) -> Vec<String> {
    let names = one.keys().chain(other.keys().filter(|name| !one.contains_key(*name)));
    names.filter(|name| one.get(*name) != other.get(*name)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_on_either_side_or_differs_is_named() {
        let of = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, sum)| (name.to_string(), sum.to_string())).collect()
        };
        let one = of(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let other = of(&[("a", "1"), ("b", "9"), ("d", "4")]);
        assert_eq!(differences(&one, &other), ["b", "c", "d"]);
        assert!(differences(&one, &one).is_empty());
    }
}
