//! The pages that say which test proves which sentence: `docs/claims.md`, made from the claims
//! themselves, and `docs/proofs.md` and `docs/compatibility.md`, whose tests must exist.

use crate::steps;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;

/// Pages whose rows end with a test.
const PAGES: [&str; 2] = ["docs/proofs.md", "docs/compatibility.md"];

/// Checks the pages of the tree at `root`.
///
/// # Errors
/// A page is out of date or names a test that does not exist.
pub(crate) fn run(root: &Path) -> Result<()> {
    let source = |file: &str| fs::read_to_string(root.join("docs").join(file)).unwrap_or_default();
    for page in PAGES {
        let text = fs::read_to_string(root.join(page)).with_context(|| page.to_string())?;
        let missing = missing_tests(&text, source);
        if !missing.is_empty() {
            bail!("{page} is wrong:\n  {}", missing.join("\n  "));
        }
    }
    claims_are_listed(&root.join("docs/claims.md"))
}

fn claims_are_listed(page: &Path) -> Result<()> {
    let mut lab = steps::cargo(["run", "--quiet", "--package", "lab", "--", "claims", "--table"]);
    let output = lab.stderr(std::process::Stdio::inherit()).output()?;
    if !output.status.success() {
        bail!("the lab cannot list its claims ({})", output.status);
    }
    if fs::read(page).unwrap_or_default() != output.stdout {
        bail!(
            "docs/claims.md is out of date; write it anew: ./x lab claims --table >docs/claims.md"
        );
    }
    Ok(())
}

/// What is wrong with the rows of a page: each that begins with a link or holds one to a source file
/// ends with such a link and the name of a test in it, ``[...](FILE) `TEST` |``.
fn missing_tests(page: &str, source: impl Fn(&str) -> String) -> Vec<String> {
    let rows = page.lines().filter(|line: &&str| {
        line.starts_with("| [") || (line.starts_with('|') && line.contains(".rs) `"))
    });
    let wrong = rows.filter_map(|row| {
        let Some((file, test)) = named(row) else { return Some(format!("names no test: {row}")) };
        let there = source(file).contains(&format!("fn {test}("));
        (!there).then(|| format!("there is no test {test} in {file}"))
    });
    wrong.collect()
}

fn named(row: &str) -> Option<(&str, &str)> {
    let cell = row.trim_end().strip_suffix("` |")?.rsplit(" | ").next()?;
    let (link, test) = cell.rsplit_once(" `")?;
    let file = link.rsplit_once("](")?.1.strip_suffix(')')?;
    Some((file, test))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_does_not_exist_and_a_row_without_one_are_named() {
        let page = "# x\n| where | sentence | test |\n|---|---|---|\n\
                    | [R](R.md) | it works | [a.rs](../a.rs) `works` |\n\
                    | [R](R.md) | it is fast | [a.rs](../a.rs) `fast` |\n| [R](R.md) | so it is |\n";
        let wrong = missing_tests(page, |file| {
            assert_eq!(file, "../a.rs");
            "#[test]\nfn works() {}\nfn fast_enough() {}\n".into()
        });
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        assert_eq!(wrong[0], "there is no test fast in ../a.rs");
        assert!(wrong[1].contains("so it is"));
    }
}
