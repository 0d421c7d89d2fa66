//! Claims: scripts that each prove one sentence in a dom0 of their own.

mod header;
mod jobs;
mod outcome;
mod runner;
mod table;

pub use header::{Header, Mistake};
pub use jobs::that_fit as jobs_that_fit;
pub use outcome::{Outcome, Summary};
pub use runner::all;
pub use table::table;

use crate::place::Place;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// One claim, in one of its variants.
#[derive(Clone, Debug)]
pub struct Claim {
    /// File name without `.sh`, followed by `~VARIANT` where there are variants.
    pub name: String,
    /// Its script.
    pub file: PathBuf,
    /// What it proves and needs.
    pub header: Header,
    /// `$VARIANT` of the script.
    pub variant: Option<String>,
    /// It takes too long to run each time.
    pub long: bool,
}

/// All claims whose name, with or without the variant, matches one of `patterns` (`*` stands for
/// any characters); all when there is none. Long ones are left out unless `long` asks for them, a
/// pattern is their whole name, or it is the name of a claim that has no others.
///
/// # Errors
/// A claim's header is not understood, or a pattern matches nothing.
pub fn select(place: &Place, patterns: &[String], long: bool) -> Result<Vec<Claim>> {
    let known = known(place)?;
    let wanted = |claim: &Claim, pattern: &String| {
        let bare = claim.name.split('~').next().unwrap_or_default();
        let only_long = claim.header.variants.is_empty() && pattern == bare;
        let timely = long || !claim.long || only_long || *pattern == claim.name;
        timely && (matches(pattern, &claim.name) || matches(pattern, bare))
    };
    if let Some(pattern) =
        patterns.iter().find(|pattern| !known.iter().any(|claim| wanted(claim, pattern)))
    {
        bail!("no claim is named {pattern}; --list --all shows them all");
    }
    let chosen = |claim: &Claim| {
        (patterns.is_empty() && (long || !claim.long))
            || patterns.iter().any(|pattern| wanted(claim, pattern))
    };
    Ok(known.into_iter().filter(chosen).collect())
}

fn known(place: &Place) -> Result<Vec<Claim>> {
    let folder = &place.claims;
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|ending| ending == "sh"));
    files.sort();
    let mut claims = Vec::new();
    for file in files {
        let header = Header::parse(&fs::read_to_string(&file)?)
            .with_context(|| format!("{}", file.display()))?;
        claims.extend(variants(&file, &header)?);
    }
    Ok(claims)
}

fn variants(file: &Path, header: &Header) -> Result<Vec<Claim>, Mistake> {
    let bare = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let (file, header) = (file.to_owned(), header.clone());
    if header.variants.is_empty() && header.long_variants.is_empty() {
        return Ok(vec![Claim { name: bare, file, header, variant: None, long: false }]);
    }
    let claim = |variant: &String, long| {
        Ok(Claim {
            name: format!("{bare}~{variant}"),
            file: file.clone(),
            header: header.of_variant(variant)?,
            variant: Some(variant.clone()),
            long,
        })
    };
    let short = header.variants.iter().map(|variant| claim(variant, false));
    short.chain(header.long_variants.iter().map(|variant| claim(variant, true))).collect()
}

/// Whether `name` matches `pattern`, in which `*` stands for any characters.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((begin, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(name) = name.strip_prefix(begin) else { return false };
    let mut ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
    ends.any(|at| matches(rest, &name[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters_anywhere() {
        for (pattern, name) in
            [("lab-*", "lab-boots"), ("*boots", "lab-boots"), ("l*-*s", "lab-boots"), ("*", "")]
        {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        assert!(!matches("lab-*x", "lab-boots"));
        assert!(!matches("lab", "lab-boots"));
    }

    #[test]
    fn every_claim_of_the_page_runs_by_the_name_that_stands_there() {
        let place = Place::of_checkout();
        for claim in select(&place, &[], true).unwrap() {
            let bare = claim.name.split('~').next().unwrap().to_owned();
            let chosen = select(&place, std::slice::from_ref(&bare), false).unwrap();
            assert!(!chosen.is_empty(), "{bare}");
            assert!(chosen.iter().all(|one| !one.long || one.header.variants.is_empty()));
        }
    }

    #[test]
    fn every_claim_of_this_project_is_understood_and_has_its_sentence() {
        let all = select(&Place::of_checkout(), &[], true).unwrap();
        assert!(all.iter().any(|claim| claim.name == "lab-boots"));
        assert!(all.iter().all(|claim| !claim.header.sentence.is_empty()));
    }

    #[test]
    fn long_claims_run_when_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let mut place = Place::of_checkout();
        folder.path().clone_into(&mut place.claims);
        let script = "# claim: x\n# variants: a\n# long-variants: b\n";
        fs::write(folder.path().join("one.sh"), script).unwrap();
        let names = |patterns: &[&str], long| {
            let patterns: Vec<_> = patterns.iter().map(ToString::to_string).collect();
            let chosen = select(&place, &patterns, long).unwrap();
            chosen.into_iter().map(|claim| claim.name).collect::<Vec<_>>()
        };
        assert_eq!(names(&[], false), ["one~a"]);
        assert_eq!(names(&["one*"], false), ["one~a"]);
        assert_eq!(names(&[], true), ["one~a", "one~b"]);
        assert_eq!(names(&["one~b"], false), ["one~b"]);
    }
}
