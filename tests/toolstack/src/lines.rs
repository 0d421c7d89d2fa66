//! Our parser's verdict on a line beside the real xl's.

use crate::xl;
use anyhow::{Result, bail};
use libxl_vtpm::line::{StockXl, VtpmLine, stock_xl};

/// The lines, `U` standing for a uuid and `V` for one in capital letters.
const TABLE: &str = include_str!("lines.txt");

const UUID: &str = "0f8e1a52-7c3d-4b69-9a10-5566778899aa";

/// What lines are put together from: every key there is, right and wrong.
const WORDS: [&str; 14] = [
    "backend=v",
    "backend=w",
    "backend=",
    "uuid=U",
    "uuid=bad",
    "tpm2",
    "tpm2=1",
    "tpm2=2",
    "tpm=1.2",
    "tpm=2.0",
    "tpm=3",
    "tpm=",
    "tpm",
    "other=1",
];

/// Every line of so many words, in every order.
fn combinations(words: usize) -> Vec<String> {
    (0..words)
        .fold(vec![String::new()], |shorter, _| {
            let longer = |line: &String| WORDS.map(|word| [line, word].join(","));
            shorter.iter().flat_map(longer).collect()
        })
        .iter()
        .map(|line| line.trim_start_matches(',').replace('U', UUID))
        .collect()
}

/// What xl is to make of the line that we hand it for one that we understand.
fn meant(line: &VtpmLine) -> StockXl {
    let (backend, uuid) = (line.backend.clone(), line.uuid);
    seen_from_outside(StockXl::Accepts { backend, uuid, passed_over: None })
}

fn lines() -> impl Iterator<Item = String> {
    let written = TABLE.lines().filter(|line| !line.starts_with('#'));
    written.map(|line| {
        let line = line.strip_suffix('|').unwrap_or(line);
        line.replace('U', UUID).replace('V', &UUID.to_uppercase()).replace("\\t", "\t")
    })
}

/// What can be compared: a nil uuid is none to libxl, and what is passed over cannot be seen.
fn seen_from_outside(verdict: StockXl) -> StockXl {
    match verdict {
        StockXl::Accepts { backend, uuid, .. } => {
            let uuid = uuid.filter(|uuid| !uuid.is_nil());
            StockXl::Accepts { backend, uuid, passed_over: None }
        }
        exits => exits,
    }
}

/// Compares by itself every line at which xl is to stop, of the table, of one word, and of a backend and one
/// more word; all lines of up to three words that xl is to take at once; and so every line that we hand to
/// xl for one that we understand.
pub(crate) fn judge() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut wrong = Vec::new();
    let two = combinations(2).into_iter().filter(|line| line.starts_with("backend=v,"));
    let (mut compared, mut many) = (0, [combinations(2), combinations(3)].concat());
    for line in lines().chain(combinations(1)).chain(two) {
        if let StockXl::Exits(_) = stock_xl(&line) {
            compared += 1;
            compare(folder.path(), &line, &mut wrong)?;
        } else {
            many.push(line);
        }
    }
    let verdicts = many.iter().map(|line| (line.clone(), seen_from_outside(stock_xl(line))));
    let taken: Vec<_> = verdicts.filter(|(_, ours)| !matches!(ours, StockXl::Exits(_))).collect();
    compare_all(folder.path(), &taken, &mut wrong)?;
    let understood = many.iter().filter_map(|line| Some(VtpmLine::parse(line).ok()?.line));
    let handed: Vec<_> = understood.map(|line| (line.for_xl(), meant(&line))).collect();
    compare_all(folder.path(), &handed, &mut wrong)?;
    println!(
        "{} lines compared, and {} in the form that is handed to xl",
        compared + taken.len(),
        handed.len()
    );
    if wrong.is_empty() { Ok(()) } else { bail!("{}", wrong.join("\n")) }
}

/// Compares lines that xl is to take, in one file.
fn compare_all(
    folder: &std::path::Path,
    lines: &[(String, StockXl)],
    wrong: &mut Vec<String>,
) -> Result<()> {
    let written: Vec<_> = lines.iter().map(|(line, _)| line.as_str()).collect();
    let theirs = xl::verdicts(folder, &written)?;
    for ((line, ours), theirs) in lines.iter().zip(theirs) {
        if *ours != theirs {
            wrong.push(format!("{line:?}: we say that xl {ours}; xl {theirs}"));
        }
    }
    Ok(())
}

fn compare(folder: &std::path::Path, line: &str, wrong: &mut Vec<String>) -> Result<()> {
    let (ours, theirs) = (seen_from_outside(stock_xl(line)), xl::verdict(folder, line)?);
    if ours != theirs {
        wrong.push(format!("{line:?}: we say that xl {ours}; xl {theirs}"));
    }
    Ok(())
}

#[test]
fn what_is_handed_to_xl_holds_what_was_understood_and_nothing_else() {
    let all = (1..=3).flat_map(combinations).chain(lines());
    let understood: Vec<_> =
        all.filter_map(|line| Some(VtpmLine::parse(&line).ok()?.line)).collect();
    assert!(understood.len() > 200, "{}", understood.len());
    for line in understood {
        let handed = stock_xl(&line.for_xl());
        let (backend, uuid) = (line.backend.clone(), line.uuid);
        assert_eq!(handed, StockXl::Accepts { backend, uuid, passed_over: None }, "{line:?}");
    }
}
