//! `deny.toml`, of which `./x check` enforces what needs neither cargo-deny nor a network: licences,
//! sources, crates that are not wanted, and where the one GPL crate may be.

use super::graph::{self, Crate};
use super::{BARE, LINUX};
use crate::steps;
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use spdx::{Expression, LicenseReq};
use std::collections::BTreeSet;
use std::fs;

/// Where every crate that is not ours comes from.
const SOURCE: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// What may be linked with crates that have an exception of their own.
const WITH_EXCEPTIONS: &str = "xl-vtpm";

/// What `deny.toml` says, as far as it is enforced here.
#[derive(Deserialize)]
struct Policy {
    licenses: Licenses,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licenses {
    allow: BTreeSet<String>,
    exceptions: Vec<Exception>,
}

#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Banned>,
}

#[derive(Deserialize)]
struct Banned {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

/// Checks every crate that is built for either target.
///
/// # Errors
/// All crates that `deny.toml` does not allow, or not there.
pub(crate) fn run() -> Result<()> {
    let file = steps::root().join("deny.toml");
    let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let policy: Policy = toml::from_str(&text).with_context(|| file.display().to_string())?;
    let mut crates = graph::built_for(LINUX)?;
    let ours = crates.iter().filter(|one| one.is_ours() && one.name != WITH_EXCEPTIONS);
    let mut wrong = Vec::new();
    for name in ours.map(|one| one.name.clone()).collect::<Vec<_>>() {
        let linked = graph::linked_into(&name, LINUX)?;
        wrong.extend(out_of_place(&name, linked.iter().map(|(name, _)| name.as_str()), &policy));
    }
    crates.extend(graph::built_for(BARE)?);
    wrong.extend(crates.iter().filter_map(|one| refused(one, &policy)));
    wrong.sort();
    wrong.dedup();
    ensure!(wrong.is_empty(), "deny.toml does not allow:\n  {}", wrong.join("\n  "));
    Ok(())
}

fn out_of_place<'a>(
    ours: &str,
    linked: impl Iterator<Item = &'a str>,
    policy: &Policy,
) -> Vec<String> {
    let named = linked.filter(|name| policy.licenses.exceptions.iter().any(|e| e.name == *name));
    named
        .map(|name| format!("{ours} is linked with {name}, which only {WITH_EXCEPTIONS} may be"))
        .collect()
}

fn refused(one: &Crate, policy: &Policy) -> Option<String> {
    let who = format!("{} {}", one.name, one.version);
    if let Some(banned) = policy.bans.deny.iter().find(|banned| banned.name == one.name) {
        return Some(format!("{who}: {}", banned.reason));
    }
    if let Some(source) = one.source.as_deref().filter(|source| *source != SOURCE) {
        return Some(format!("{who} comes from {source}"));
    }
    let exception = policy.licenses.exceptions.iter().find(|e| e.name == one.name);
    let allowed = exception.map_or(&policy.licenses.allow, |exception| &exception.allow);
    let expression = one.expression();
    let fits = Expression::parse(&expression)
        .is_ok_and(|expression| expression.evaluate(|wanted| allowed.contains(&words(wanted))));
    (!fits).then(|| format!("{who}: licence {expression}"))
}

/// A requirement as `deny.toml` spells it.
fn words(wanted: &LicenseReq) -> String {
    wanted.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "[licenses]\nallow = [\"MIT\", \"Apache-2.0\", \"Unicode-3.0\"]\n\
        exceptions = [{ crate = \"x\", allow = [\"GPL-3.0-only\"] }]\n\
        [bans]\ndeny = [{ crate = \"bad\", reason = \"it is bad\" }]\n";

    fn says(name: &str, license: &str, source: Option<&str>) -> Option<String> {
        let license = Some(license.into());
        let source = source.map(String::from);
        let one = Crate { name: name.into(), license, source, ..Crate::default() };
        refused(&one, &toml::from_str(POLICY).unwrap())
    }

    #[test]
    fn licences_are_read_as_expressions() {
        for good in ["MIT", "MIT/Apache-2.0", "GPL-3.0-only OR MIT", "(MIT OR ISC) AND Unicode-3.0"]
        {
            assert_eq!(says("a", good, Some(SOURCE)), None);
        }
        for bad in ["GPL-3.0-only", "MIT AND ISC", "Apache-2.0 WITH LLVM-exception", "see file", ""]
        {
            assert!(says("a", bad, Some(SOURCE)).unwrap().contains("licence"), "{bad}");
        }
        assert_eq!(says("x", "GPL-3.0-only", Some(SOURCE)), None);
    }

    #[test]
    fn what_is_not_wanted_or_comes_from_elsewhere_is_named() {
        assert!(says("bad", "MIT", None).unwrap().ends_with("it is bad"));
        assert!(
            says("a", "MIT", Some("git+https://example.org/a")).unwrap().contains("comes from")
        );
        assert_eq!(says("a", "MIT", None), None);
    }

    #[test]
    fn a_crate_with_an_exception_is_only_where_it_may_be() {
        let policy: Policy = toml::from_str(POLICY).unwrap();
        assert_eq!(out_of_place("image", ["a", "b"].into_iter(), &policy), Vec::<String>::new());
        assert_eq!(out_of_place("image", ["a", "x"].into_iter(), &policy).len(), 1);
    }
}
