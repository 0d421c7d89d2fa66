//! What was left out because something is missing on this machine: said when it happens, and again, counted,
//! at the end of `./x test`.

use crate::steps;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// Tests add a line for each skip to the file that this variable names (`peers::unless_missing`).
pub(crate) const VARIABLE: &str = "SKIPPED_TESTS";

/// The file. Tests run in their crates' folders, so its path is a whole one.
pub(crate) fn file() -> PathBuf {
    let file = steps::target().join("skipped-tests.txt");
    std::path::absolute(&file).unwrap_or(file)
}

/// Forgets earlier runs.
///
/// # Errors
/// The file cannot be emptied.
pub(crate) fn begin() -> Result<()> {
    fs::create_dir_all(steps::target())?;
    fs::write(file(), "").with_context(|| format!("{} cannot be written", file().display()))
}

/// How many tests were skipped, and why: from lines of reason and test, with a tab between them.
pub(crate) fn summary(lines: &str) -> String {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in lines.lines() {
        let (why, test) = line.split_once('\t').unwrap_or((line, "a test"));
        reasons.entry(why).or_default().push(test);
    }
    let all: usize = reasons.values().map(Vec::len).sum();
    if all == 0 {
        return "no test was skipped\n".into();
    }
    let mut text = format!("{all} tests were SKIPPED; with CI=true each is an error:\n");
    for (why, tests) in reasons {
        text.push_str(&format!("{:4}  {why}: {}\n", tests.len(), tests.join(", ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skips_are_counted_by_their_reason_and_named() {
        assert_eq!(summary(""), "no test was skipped\n");
        let text = summary("no swtpm\ta::b\nno QEMU\tc\nno swtpm\td\n");
        assert_eq!(
            text,
            "3 tests were SKIPPED; with CI=true each is an error:\n   1  no QEMU: c\n   2  no swtpm: \
             a::b, d\n"
        );
    }
}
