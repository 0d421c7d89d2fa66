//! The licence texts of everything that is linked in, as those licences ask for: each text once, with
//! the names of all that it is for.

use super::graph::{self, Crate};
use super::sbom::Built;
use super::{BARE, LINUX};
use crate::native;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// How the names of such files begin, in capitals.
const NAMES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE"];

/// The notices of a package that holds `built`.
///
/// # Errors
/// When cargo cannot say what is linked, or a text cannot be read.
pub(crate) fn text(built: &[Built]) -> Result<String> {
    let mut crates = BTreeMap::new();
    let mut engine = false;
    for one in built {
        let linked = one.crates()?;
        engine |= Built::has_engine(&linked);
        let known = graph::built_for(if one.target == BARE { BARE } else { LINUX })?;
        for of in known.into_iter().filter(|of| !of.is_ours()) {
            if linked.contains(&(of.name.clone(), of.version.clone())) {
                crates.insert(format!("{} {}", of.name, of.version), of);
            }
        }
    }
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut without = Vec::new();
    for (name, of) in &crates {
        let found = of_crate(of)?;
        if found.is_empty() {
            without.push(format!("  {name}: {}\n", of.expression()));
        }
        for text in found {
            texts.entry(text).or_default().push(name.clone());
        }
    }
    if engine {
        for (name, file) in native::licences() {
            texts.entry(read(&file)?).or_default().push(name);
        }
    }
    Ok(joined(&texts, &without))
}

fn of_crate(of: &Crate) -> Result<Vec<String>> {
    let folder = of.manifest_path.parent().context("a crate lies nowhere")?;
    let mut files: Vec<_> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    files.sort_by_key(fs::DirEntry::file_name);
    let named = files.into_iter().filter(|file| {
        let name = file.file_name().to_string_lossy().to_uppercase();
        NAMES.iter().any(|begin| name.starts_with(begin)) && file.path().is_file()
    });
    named.map(|file| read(&file.path())).collect()
}

fn read(file: &Path) -> Result<String> {
    let bytes = fs::read(file).with_context(|| file.display().to_string())?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

fn joined(texts: &BTreeMap<String, Vec<String>>, without: &[String]) -> String {
    let rule = "-".repeat(78);
    let mut page =
        String::from("What is linked into the files of this package, and its licences.\n");
    if !without.is_empty() {
        page.push_str("\nTheir packages hold no text of the licence that they name:\n");
        page.extend(without.iter().map(String::as_str));
    }
    let mut parts: Vec<String> = texts
        .iter()
        .map(|(text, names)| format!("\n{rule}\n{}\n\n{text}\n", names.join(", ")))
        .collect();
    parts.sort();
    page + &parts.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stands_once_with_all_that_it_is_for() {
        let built = Built {
            name: "x".into(),
            from: "state-inspect".into(),
            target: LINUX,
            sha256: String::new(),
        };
        let page = text(&[built]).unwrap();
        assert!(page.contains("serde_json 1."), "{page}");
        let apache = "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION";
        let (there, crates) = (page.matches(apache).count(), page.matches(", ").count());
        assert!((1..12).contains(&there) && crates > 20, "{there} of {crates}");
    }
}
