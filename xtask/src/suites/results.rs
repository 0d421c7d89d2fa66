//! How the cases of a suite ended on both TPMs, and the table of `docs/suites.md`.

use crate::steps;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const PAGE: &str = "docs/suites.md";
const HEAD: &str = "| suite | device in the guest | passed on swtpm | passed on the vTPM | not run by itself | passed on swtpm alone |\n";
const RULE: &str = "|---|---|---|---|---|---|\n";

/// Case and how it ended: `ok`, `FAILED`, `ERROR`, `ignored`, ...
type Cases = BTreeMap<String, String>;

/// Of one suite.
pub(super) struct Outcomes {
    swtpm: Cases,
    ours: Cases,
}

impl Outcomes {
    /// Reads what the lab left of a suite.
    ///
    /// # Errors
    /// It has not been run, or had no cases on one of the TPMs.
    pub(super) fn read(folder: &Path, suite: &str) -> Result<Self> {
        let of = |tpm: &str| {
            let file = folder.join(format!("{suite}.{tpm}"));
            let text = fs::read_to_string(&file)
                .with_context(|| format!("{} is not there; ./x suites makes it", file.display()))?;
            let cases = cases(&text);
            ensure!(!cases.is_empty(), "{} names no case", file.display());
            Ok(cases)
        };
        Ok(Self { swtpm: of("swtpm")?, ours: of("ours")? })
    }

    /// Cases that pass on swtpm and not on the vTPM.
    pub(super) fn worse(&self) -> impl Iterator<Item = &str> {
        let passed = self.swtpm.iter().filter(|(_, end)| *end == "ok").map(|(name, _)| name);
        passed.filter(|name| self.ours.get(*name).is_none_or(|end| end != "ok")).map(String::as_str)
    }

    /// The suite's row of the table.
    pub(super) fn row(&self, title: &str) -> String {
        let of = |cases: &Cases| {
            let run = cases.values().filter(|end| *end != "ignored").count();
            format!("{} of {run}", cases.values().filter(|end| *end == "ok").count())
        };
        let ignored = self.ours.values().filter(|end| *end == "ignored").count();
        let (swtpm, ours, worse) = (of(&self.swtpm), of(&self.ours), self.worse().count());
        format!("| {title} | {swtpm} | {ours} | {ignored} | {worse} |\n")
    }

    /// A line for each case that did not pass on both.
    pub(super) fn failures(&self) -> String {
        let names =
            self.swtpm.keys().chain(self.ours.keys().filter(|n| !self.swtpm.contains_key(*n)));
        let of =
            |cases: &Cases, name: &str| cases.get(name).map_or("did not run", |end| end).to_owned();
        let ends = names.map(|name| (name, of(&self.swtpm, name), of(&self.ours, name)));
        let bad = ends.filter(|(_, swtpm, ours)| {
            ![swtpm, ours].into_iter().all(|end| end == "ok" || end == "ignored")
        });
        bad.map(|(name, swtpm, ours)| format!("  {name}: swtpm {swtpm}, vTPM {ours}\n")).collect()
    }
}

/// `test NAME ... ENDED`
fn cases(text: &str) -> Cases {
    let lines = text.lines().filter_map(|line| line.strip_prefix("test ")?.rsplit_once(" ... "));
    lines.map(|(name, end)| (name.to_owned(), end.to_owned())).collect()
}

/// Replaces the suite's row in the page, or adds it.
///
/// # Errors
/// The page is not there, or has no such table.
pub(super) fn record(title: &str, row: &str) -> Result<()> {
    let path = steps::root().join(PAGE);
    let page = fs::read_to_string(&path).context(PAGE)?;
    let page = with(&page, title, row).with_context(|| format!("{PAGE} has no table of suites"))?;
    fs::write(&path, page).context(PAGE)
}

fn with(page: &str, title: &str, row: &str) -> Option<String> {
    let (before, table) = page.split_once(HEAD)?;
    let table = table.strip_prefix(RULE)?;
    let end = table.split_inclusive('\n').take_while(|line| line.starts_with('|'));
    let (rows, after) = table.split_at(end.map(str::len).sum());
    let begin = format!("| {title} |");
    let mut rows: Vec<_> = rows.split_inclusive('\n').collect();
    match rows.iter_mut().find(|known| known.starts_with(&begin)) {
        Some(known) => *known = row,
        None => rows.push(row),
    }
    Some(format!("{before}{HEAD}{RULE}{}{after}", rows.concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes() -> Outcomes {
        let swtpm =
            cases("test a: b ... ok\ntest c ... ok\ntest d ... FAILED\ntest e ... ignored\n");
        let ours =
            cases("test a: b ... ok\ntest c ... FAILED\ntest d ... ok\ntest e ... ignored\n");
        Outcomes { swtpm, ours }
    }

    #[test]
    fn what_passes_on_swtpm_alone_is_named() {
        assert_eq!(outcomes().worse().collect::<Vec<_>>(), ["c"]);
        let mut stopped = outcomes();
        stopped.ours.remove("a: b");
        assert_eq!(stopped.worse().collect::<Vec<_>>(), ["a: b", "c"]);
        assert!(stopped.failures().contains("a: b: swtpm ok, vTPM did not run\n"));
    }

    #[test]
    fn a_row_is_replaced_and_the_others_stay() {
        let row = outcomes().row("t | dev");
        assert_eq!(row, "| t | dev | 2 of 3 | 2 of 3 | 1 | 1 |\n");
        let page = format!("x\n{HEAD}{RULE}| t | dev | 0 of 0 |\n| u | dev | 1 |\n\ny\n");
        let expected = format!("x\n{HEAD}{RULE}{row}| u | dev | 1 |\n\ny\n");
        assert_eq!(with(&page, "t | dev", &row).as_deref(), Some(expected.as_str()));
        assert!(with("nothing", "t", &row).is_none());
    }

    #[test]
    fn the_page_has_the_table() {
        let page = fs::read_to_string(steps::root().join(PAGE)).unwrap();
        assert!(with(&page, "a | b", "| a | b |\n").is_some());
    }
}
