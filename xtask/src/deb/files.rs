//! `files` of a package's recipe: what goes where.

use crate::supply::sbom::Built;
use crate::{rules, steps};
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// One thing in a package.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its permissions.
    pub(super) mode: u32,
    /// Where it comes from, in the project or below `target/`; a folder that is only made has none.
    pub(super) source: Option<String>,
    /// Where it goes, without the first `/`.
    pub(super) path: String,
}

impl Entry {
    /// The file that is packed.
    pub(super) fn file(&self) -> Option<PathBuf> {
        let source = self.source.as_deref()?;
        Some(match source.strip_prefix("target/") {
            Some(built) => steps::target().join(built),
            None => steps::root().join(source),
        })
    }

    /// Whether the source is packed with gzip on its way.
    pub(super) fn is_gzipped_here(&self) -> bool {
        let source = self.source.as_deref();
        self.path.ends_with(".gz") && source.is_some_and(|source| !source.ends_with(".gz"))
    }

    /// Whether it may be a program that was linked here.
    pub(super) fn is_program(&self) -> bool {
        self.mode & 0o111 != 0 && self.source.as_deref().is_some_and(|s| s.starts_with("target/"))
    }
}

/// What among `entries` was built here.
///
/// # Errors
/// What is not there yet.
pub(super) fn built(entries: &[Entry]) -> Result<Vec<Built>> {
    let sources = entries.iter().filter_map(|entry| entry.source.as_deref());
    sources.filter_map(|source| Built::of(source).transpose()).collect()
}

/// Reads a recipe's list.
///
/// # Errors
/// The line that is not understood.
pub(super) fn read(list: &Path) -> Result<Vec<Entry>> {
    let text = fs::read_to_string(list).with_context(|| list.display().to_string())?;
    parse(&text).with_context(|| list.display().to_string())
}

fn parse(text: &str) -> Result<Vec<Entry>> {
    let lines = text.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(line).collect()
}

fn line(line: &str) -> Result<Entry> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (mode, source, path) = match words[..] {
        ["dir", mode, path] => (mode, None, path.to_owned()),
        [mode, source, path] => (mode, Some(source.to_owned()), whole(source, path)?),
        _ => bail!("neither \"MODE SOURCE DESTINATION\" nor \"dir MODE PATH\": {line}"),
    };
    let mode = u32::from_str_radix(mode, 8).with_context(|| format!("no mode: {line}"))?;
    ensure!(!path.starts_with('/'), "the path begins with a slash: {line}");
    Ok(Entry { mode, source, path })
}

fn whole(source: &str, path: &str) -> Result<String> {
    if !path.ends_with('/') {
        return Ok(path.into());
    }
    let name = Path::new(source).file_name().with_context(|| format!("no file: {source}"))?;
    Ok(format!("{path}{}", name.to_string_lossy()))
}

/// Folders whose every file belongs into a package, and what in them does not.
const SHIPPED: [(&str, &[&str]); 5] = [
    ("hotplug", &[]),
    ("hotplug/systemd", &[]),
    ("hotplug/sysvinit", &[]),
    ("vtpm-proxy/systemd", &[]),
    ("man", &["README.md"]),
];

/// Checks that nothing that an administrator needs is left out of the packages of the tree at `root`,
/// and that every file of the project that they name is there.
///
/// # Errors
/// The files that no package names, or that are not there.
pub(crate) fn check_all_are_packaged(root: &Path) -> Result<()> {
    let mut named = Vec::new();
    for package in super::PACKAGES {
        let list = root.join("xtask/deb").join(package).join("files");
        named.extend(read(&list)?.into_iter().filter_map(|entry| entry.source));
    }
    let mut wrong: Vec<String> = Vec::new();
    for source in named.iter().filter(|source| !source.starts_with("target/")) {
        if !root.join(source).is_file() {
            wrong.push(format!("{source} is in a package's list and nowhere else"));
        }
    }
    for (folder, others) in SHIPPED {
        for name in files_in(&root.join(folder)) {
            let source = format!("{folder}/{name}");
            if !others.contains(&name.as_str()) && !named.contains(&source) {
                wrong.push(format!("{source} is in no package: name it in xtask/deb/*/files"));
            }
        }
    }
    for page in pages_in_messages(root)? {
        if !named.contains(&page) {
            wrong.push(format!("{page} is named by messages and in no package: name it there"));
        }
    }
    ensure!(wrong.is_empty(), "the packages are not whole:\n  {}", wrong.join("\n  "));
    Ok(())
}

/// Where the programs are that say something to administrators of Xen hosts.
const SPEAKERS: [&str; 5] = ["stubdom-images", "libxl-vtpm", "xl-vtpm", "config-gen", "hotplug"];

/// Pages `docs/NAME.md` in the sources' texts; comments and tests name others.
fn pages_in_messages(root: &Path) -> Result<BTreeSet<String>> {
    let mut pages = BTreeSet::new();
    for source in rules::files(root, "rs")? {
        let name = source.strip_prefix(root).unwrap_or(&source).to_string_lossy().into_owned();
        let speaks = SPEAKERS.iter().any(|speaker| name.starts_with(speaker));
        if !speaks || name.contains("tests") {
            continue;
        }
        let text = fs::read_to_string(&source).with_context(|| name.clone())?;
        let said = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        pages.extend(said.flat_map(pages_of));
    }
    Ok(pages)
}

fn pages_of(line: &str) -> impl Iterator<Item = String> {
    line.split("docs/").skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !(c.is_ascii_lowercase() || "-.".contains(c)))?;
        let name = rest[..end].trim_end_matches('.');
        name.ends_with(".md").then(|| format!("docs/{name}"))
    })
}

/// The names of the files right in a folder, which need not be there.
fn files_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.filter(|entry| entry.path().is_file());
    let mut names: Vec<String> =
        files.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_mode_source_and_destination() {
        let read =
            parse("# x\n755 target/tools/a usr/bin/\n644 man/a.1 usr/a.1.gz\ndir 700 var/b\n");
        let read = read.unwrap();
        assert_eq!(read[0].path, "usr/bin/a");
        assert!(read[0].is_program() && !read[0].is_gzipped_here());
        assert!(read[1].is_gzipped_here() && !read[1].is_program());
        assert_eq!(read[2], Entry { mode: 0o700, source: None, path: "var/b".into() });
    }

    #[test]
    fn a_line_that_is_none_is_quoted() {
        for wrong in ["755 a", "75x a b", "755 a /b", "dir 755"] {
            let error = format!("{:#}", parse(wrong).unwrap_err());
            assert!(error.contains(wrong), "{error}");
        }
    }

    #[test]
    fn a_unit_that_no_package_names_and_a_name_without_a_file_are_found() {
        let root = tempfile::tempdir().unwrap();
        for (file, text) in [
            (
                "xtask/deb/xen-vtpm/files",
                "644 hotplug/systemd/a.service usr/lib/\n644 gone usr/lib/\n",
            ),
            ("xtask/deb/vtpm-proxy/files", ""),
            ("hotplug/systemd/a.service", ""),
            ("hotplug/systemd/b.service", ""),
            (
                "xl-vtpm/src/a.rs",
                "// docs/comment.md\nconst SAID: &str = \"it is old (docs/old-state.md), docs/formats/x.md\";",
            ),
            ("xl-vtpm/src/a_tests.rs", "assert!(said.contains(\"docs/of-tests.md\"));"),
        ] {
            let file = root.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let error = check_all_are_packaged(root.path()).unwrap_err().to_string();
        assert!(error.contains("b.service is in no package"), "{error}");
        assert!(error.contains("gone is in a package's list"), "{error}");
        assert!(!error.contains("a.service is in no"), "{error}");
        assert!(error.contains("docs/old-state.md is named by messages"), "{error}");
        assert_eq!(error.matches("docs/").count(), 1, "{error}");
    }
}
