//! Our parser's verdict on a line beside the real xl's.

use crate::xl;
use anyhow::{Result, bail};
use libxl_vtpm::line::{StockXl, VtpmLine, stock_xl};

/// The lines, `U` standing for a uuid and `V` for one in capital letters.
const TABLE: &str = include_str!("lines.txt");

const UUID: &str = "0f8e1a52-7c3d-4b69-9a10-5566778899aa";

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

/// Compares every line, and every line that we would hand to xl in its place.
pub(crate) fn judge() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (mut compared, mut replaced, mut wrong) = (0, 0, Vec::new());
    for line in lines() {
        compared += 1;
        compare(folder.path(), &line, &mut wrong)?;
        if let Ok(understood) = VtpmLine::parse(&line)
            && understood.line.for_xl() != line
        {
            replaced += 1;
            let ours = understood.line.for_xl();
            if let StockXl::Exits(said) = xl::verdict(folder.path(), &ours)? {
                wrong.push(format!("xl refuses our line for {line:?}, {ours:?}: {said}"));
            }
        }
    }
    println!("{compared} lines compared, {replaced} of them also in the form handed to xl");
    if wrong.is_empty() { Ok(()) } else { bail!("{}", wrong.join("\n")) }
}

fn compare(folder: &std::path::Path, line: &str, wrong: &mut Vec<String>) -> Result<()> {
    let (ours, theirs) = (seen_from_outside(stock_xl(line)), xl::verdict(folder, line)?);
    if ours != theirs {
        wrong.push(format!("{line:?}: we say that xl {ours}; xl {theirs}"));
    }
    Ok(())
}
