//! `docs/threats.md`: what it says shows that a threat is met must exist.

use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;

const PAGE: &str = "docs/threats.md";

/// Beginning of a row, or of its last reason, that nothing shows yet.
const OPEN: &str = "**open**: ";

/// Checks the page of the tree at `root`.
///
/// # Errors
/// Rows that name no test or claim, one that does not exist, or a command that does not run it.
pub(crate) fn run(root: &Path) -> Result<()> {
    let text = fs::read_to_string(root.join(PAGE)).with_context(|| PAGE.to_string())?;
    let read = |file: &str| fs::read_to_string(root.join("docs").join(file)).ok();
    let wrong: Vec<String> = rows(&text).flat_map(|row| faults(row, &read)).collect();
    ensure!(wrong.is_empty(), "{PAGE} is wrong:\n  {}", wrong.join("\n  "));
    Ok(())
}

/// The rows of all tables, without their heads.
fn rows(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().filter(|line| line.starts_with('|'));
    lines.filter(|line| !line.starts_with("|---") && !line.ends_with("| shown by |"))
}

/// What is wrong with one row: its last cell is a list, by `; `, of ``[...](FILE) `COMMAND` `` and
/// reasons why something is open.
fn faults(row: &str, read: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
    let &[threat, _, shown] = &cells[..] else {
        return vec![format!("a row has {} cells, not three: {row}", cells.len())];
    };
    let proofs = shown.split("; ").map(|proof| fault(proof, read));
    proofs.filter_map(|fault| Some(format!("\"{threat}\": {}", fault?))).collect()
}

fn fault(proof: &str, read: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    if proof.strip_prefix(OPEN).is_some_and(|why| !why.is_empty()) {
        return None;
    }
    let Some((file, command)) = parts(proof) else {
        return Some(format!("no link with a command, and not open with a reason: {proof}"));
    };
    let Some(text) = read(file) else { return Some(format!("there is no {file}")) };
    let words: Vec<&str> = command.split(' ').collect();
    let runs = match words[..] {
        ["./x", "lab", "claims", claim] => {
            let (bare, variant) = claim.split_once('~').unwrap_or((claim, ""));
            file.ends_with(&format!("/claims/{bare}.sh"))
                && (variant.is_empty() || has(&text, variant))
        }
        ["cargo", "test", "-p", package, test] => {
            is_run(&text, test) && package_of(file, read).as_deref() == Some(package)
        }
        _ => false,
    };
    (!runs).then(|| format!("`{command}` runs nothing of {file}"))
}

/// Whether `cargo test` runs this: a test that is not left out, or what a program of tests calls by itself.
fn is_run(text: &str, test: &str) -> bool {
    let Some((before, _)) = text.split_once(&format!("fn {test}(")) else { return false };
    let above = before.lines().rev().map(str::trim);
    let above = above.skip_while(|line| line.is_empty());
    let about: Vec<_> = above.take_while(|line| line.starts_with(['#', '/'])).collect();
    let is_test = about.contains(&"#[test]") || text.contains("\nfn main() ");
    is_test && !about.iter().any(|line| line.starts_with("#[ignore"))
}

/// Whether a claim's script has this variant.
fn has(script: &str, variant: &str) -> bool {
    let lists = script.lines().filter_map(|line| {
        line.strip_prefix("# variants: ").or_else(|| line.strip_prefix("# long-variants: "))
    });
    lists.flat_map(str::split_whitespace).any(|there| there == variant)
}

/// ``[...](FILE) `COMMAND` ``.
fn parts(proof: &str) -> Option<(&str, &str)> {
    let (link, command) = proof.strip_suffix('`')?.split_once(" `")?;
    Some((link.split_once("](")?.1.strip_suffix(')')?, command))
}

/// The name of the package that a file belongs to.
fn package_of(file: &str, read: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let folders = Path::new(file).ancestors().skip(1);
    let manifest = folders.filter_map(|folder| read(folder.join("Cargo.toml").to_str()?)).next()?;
    let name = manifest.lines().find_map(|line| line.strip_prefix("name = \""))?;
    Some(name.trim_end_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(file: &str) -> Option<String> {
        match file {
            "../a/src/x.rs" => Some(
                "#[test]\n/// It does.\nfn holds() {}\nfn helps() {}\n#[test]\n#[ignore = \"x\"]\nfn lasts() {}"
                    .into(),
            ),
            "../a/Cargo.toml" => Some("[package]\nname = \"pa\"\n".into()),
            "../tests/lab/claims/c.sh" => Some("# claim: x\n# long-variants: a b\n".into()),
            _ => None,
        }
    }

    #[test]
    fn what_exists_and_what_is_open_with_a_reason_passes() {
        let row = "| t | h | [x.rs](../a/src/x.rs) `cargo test -p pa holds`; \
                   [c](../tests/lab/claims/c.sh) `./x lab claims c`; \
                   [c](../tests/lab/claims/c.sh) `./x lab claims c~b`; **open**: not yet |";
        assert!(faults(row, &tree).is_empty(), "{:?}", faults(row, &tree));
    }

    #[test]
    fn what_does_not_exist_or_is_not_run_is_named() {
        for wrong in [
            "[x.rs](../a/src/x.rs) `cargo test -p pa fails`",
            "[x.rs](../a/src/x.rs) `cargo test -p pa helps`",
            "[x.rs](../a/src/x.rs) `cargo test -p pa lasts`",
            "[x.rs](../a/src/x.rs) `cargo test -p pb holds`",
            "[y.rs](../a/src/y.rs) `cargo test -p pa holds`",
            "[c](../tests/lab/claims/c.sh) `./x lab claims d`",
            "[c](../tests/lab/claims/c.sh) `./x lab claims c~d`",
            "**open**",
            "somebody says so",
        ] {
            let found = faults(&format!("| t | h | {wrong} |"), &tree);
            assert_eq!(found.len(), 1, "{wrong}: {found:?}");
            assert!(found[0].starts_with("\"t\": "), "{found:?}");
        }
    }

    #[test]
    fn the_page_is_right() {
        run(&crate::steps::root()).unwrap();
    }

    #[test]
    fn heads_of_tables_are_no_rows() {
        let text = "x\n| a | b | shown by |\n|---|---|---|\n| t | h | s |\n";
        assert_eq!(rows(text).collect::<Vec<_>>(), ["| t | h | s |"]);
    }
}
