//! `./x deb`: packages for Debian 12 and 13, out of one build.
//!
//! What each package holds stands in `xtask/deb/NAME`: `control`, `files`, `copyright` and maintainer
//! scripts. The archive itself is written by dpkg-deb.

mod archive;
mod changelog;
mod completions;
mod control;
mod files;
mod linked;
mod lint;
#[cfg(test)]
mod scripts;
mod stage;

pub(crate) use files::check_all_are_packaged;

use crate::images::gzip;
use crate::steps;
use crate::supply::{notices, sbom};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every package there is.
const PACKAGES: [&str; 2] = ["xen-vtpm", "vtpm-proxy"];

/// Packs what `target/images` and `target/tools` hold, and leaves the packages in `target/deb`.
///
/// # Errors
/// What is missing, does not run on Debian 12, or is not in the archive as it should be.
pub(crate) fn build() -> Result<()> {
    let folder = steps::target().join("deb");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    completions::write()?;
    let epoch = epoch()?;
    for name in PACKAGES {
        let package = pack(name, &folder, &epoch).with_context(|| format!("package {name}"))?;
        println!("{}", package.display());
        lint::run(&package)?;
    }
    Ok(())
}

fn pack(name: &str, folder: &Path, epoch: &str) -> Result<PathBuf> {
    let recipe = recipe(name);
    let entries = files::read(&recipe.join("files"))?;
    let tree = folder.join("stage").join(name);
    let version = control::version();
    let built = files::built(&entries)?;
    let documents = [
        ("NOTICES.gz", gzip(notices::text(&built)?.as_bytes())?),
        ("sbom.cdx.json", sbom::text(name, version, &built)?.into_bytes()),
        ("copyright", stage::read(&recipe.join("copyright"))?),
        ("changelog.gz", gzip(changelog::text(name, epoch)?.as_bytes())?),
        ("CHANGELOG.md.gz", gzip(&stage::read(&steps::root().join("CHANGELOG.md"))?)?),
    ];
    stage::fill(&tree, &entries)?;
    stage::documents(&tree, name, &documents)?;
    let control = control::text(&recipe.join("control"), &linked::needs(&tree, &entries)?)?;
    stage::control(&tree, &recipe, &control)?;
    let package = folder.join(format!("{name}_{version}_amd64.deb"));
    archive::write(&tree, &package, epoch)?;
    archive::check(&package, &entries)?;
    Ok(package)
}

/// Where the recipe of a package lies.
fn recipe(name: &str) -> PathBuf {
    steps::root().join("xtask/deb").join(name)
}

/// The time that all files of a package bear: what the environment says, else that of the last
/// commit, so that the same sources give the same bytes.
///
/// # Errors
/// When git says something that is no time.
pub(crate) fn epoch() -> Result<String> {
    if let Ok(set) = std::env::var("SOURCE_DATE_EPOCH") {
        return Ok(set);
    }
    let mut git = Command::new("git");
    git.args(["log", "-1", "--format=%ct"]).current_dir(steps::root());
    let time = git.output().ok().filter(|output| output.status.success());
    let time = time.map_or_else(|| "0".into(), |o| String::from_utf8_lossy(&o.stdout).into_owned());
    ensure!(time.trim().parse::<u64>().is_ok(), "git says that the last commit is of {time:?}");
    Ok(time.trim().into())
}
