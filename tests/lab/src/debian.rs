//! dpkg in dom0, for claims about packages: the programs that dom0's image leaves out, a database that
//! knows what the image is made of, and the product's own packages in `/lab/deb`.

use crate::machine::input::Input;
use crate::place::Place;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;

/// What dpkg and maintainer scripts run. dom0's image has the rest.
const PROGRAMS: &[&str] = &[
    "usr/bin/dpkg",
    "usr/bin/dpkg-deb",
    "usr/bin/dpkg-query",
    "usr/bin/dpkg-split",
    "usr/bin/dpkg-divert",
    "usr/bin/dpkg-trigger",
    "usr/bin/dpkg-maintscript-helper",
    "usr/bin/perl",
    "usr/lib/x86_64-linux-gnu/perl-base",
    "usr/sbin/ldconfig",
];

/// Puts all of it on the input disk. `system`: the unpacked packages of dom0.
pub(crate) fn add(input: &mut Input, place: &Place, system: &Path) -> Result<()> {
    for path in PROGRAMS {
        input.add(&format!("{}:/{path}", system.join(path).display()))?;
    }
    let list = crate::fetch::versions(system)?;
    let known: Vec<Known> = list.lines().filter_map(known).collect();
    input.text("var/lib/dpkg/status", 0o644, known.iter().map(described).collect::<String>());
    for package in &known {
        // Without a list dpkg warns; which file belongs to which package no claim asks.
        input.text(&format!("var/lib/dpkg/info/{}.list", package.name), 0o644, "");
    }
    input.text("var/lib/dpkg/info/format", 0o644, "1\n");
    input.text("var/lib/dpkg/updates/.keep", 0o644, "");
    input.text("var/log/dpkg.log", 0o644, "");
    let packages = packages(&place.product_packages)?;
    for name in packages {
        let file = place.product_packages.join(&name);
        input.add(&format!("{}:/lab/deb/{name}", file.display()))?;
    }
    Ok(())
}

fn packages(folder: &Path) -> Result<Vec<String>> {
    let why = || format!("there are no packages in {}: ./x deb", folder.display());
    let entries = fs::read_dir(folder).with_context(why)?.collect::<Result<Vec<_>, _>>()?;
    let names = entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let names: Vec<String> = names.filter(|name| name.ends_with(".deb")).collect();
    if names.is_empty() {
        bail!("{}", why());
    }
    Ok(names)
}

/// A package that dom0 was unpacked from.
struct Known<'a> {
    name: &'a str,
    version: String,
    architecture: &'a str,
}

/// `NAME_VERSION_ARCH.deb`, where apt writes `:` as `%3a`.
fn known(file: &str) -> Option<Known<'_>> {
    let parts: Vec<&str> = file.strip_suffix(".deb")?.split('_').collect();
    let [name, version, architecture] = parts[..] else { return None };
    Some(Known { name, version: version.replace("%3a", ":"), architecture })
}

/// Its entry in dpkg's database: installed.
fn described(package: &Known<'_>) -> String {
    let Known { name, version, architecture } = package;
    format!(
        "Package: {name}\nStatus: install ok installed\nMaintainer: the lab <root@localhost>\n\
         Architecture: {architecture}\nMulti-Arch: foreign\nVersion: {version}\nDescription: unpacked\n\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_knows_names_and_versions_of_what_was_unpacked() {
        let text = described(&known("libc6_2.36-9+deb12u14_amd64.deb").unwrap());
        assert!(text.starts_with("Package: libc6\nStatus: install ok installed\n"), "{text}");
        assert!(described(&known("a_1%3a7-1_all.deb").unwrap()).contains("Version: 1:7-1\n"));
        assert!(known("with dependencies: x").is_none());
    }
}
