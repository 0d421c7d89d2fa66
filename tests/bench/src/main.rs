//! How fast a vTPM answers, measured side by side with swtpm.
//!
//! Both sides run the same libtpms on the same permanent state, on the same machine, turn by turn.
//! Ours is the whole path of a command in one process: a frontend's page, the backend, the rules,
//! the engine with the image's own C libraries. The peer is swtpm behind a Unix socket.
#![forbid(unsafe_code)]

mod conditions;
mod crowd;
mod durable;
mod fairness;
mod file_disk;
mod instructions;
mod limit;
mod longest;
mod measure;
mod ours;
mod peer;
mod report;
mod rollback;
mod rows;
mod scale;
mod sides;

use anyhow::{Context, Result, bail};
use clap::Parser;
use rows::Measured;
use sides::Sides;
use std::path::PathBuf;

/// Measures a vTPM side by side with swtpm.
#[derive(Parser)]
#[command(name = "./x bench")]
struct Options {
    /// Fewer repetitions: seconds instead of a minute or two, and rougher figures
    #[arg(long)]
    quick: bool,
    /// Fail when an aim is missed
    #[arg(long)]
    check: bool,
    /// One JSON object per row instead of the table
    #[arg(long)]
    json: bool,
    /// Also write the table to this file
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Where the disks of the rows that keep something lie; they measure this filesystem
    #[arg(long, value_name = "FOLDER", default_value = "target")]
    folder: PathBuf,
    /// Open this store and say how long it took; for the program itself
    #[arg(long, hide = true)]
    opening: Option<PathBuf>,
    /// Measure an engine alone, with the TPM in this file; for the program itself
    #[arg(long, hide = true, value_name = "FILE")]
    alone: Option<PathBuf>,
    /// Count instructions by this valgrind instead, and compare with tests/bench/instructions.txt
    #[arg(long, value_name = "PROGRAM")]
    instructions: Option<PathBuf>,
    /// Write the counted figures down instead
    #[arg(long, requires = "instructions")]
    update: bool,
    /// Repeat this row so often; for the program itself
    #[arg(long, hide = true, value_name = "ROW=TIMES")]
    repeat: Option<instructions::Repeat>,
    /// Only these rows
    #[arg(value_name = "ROW", value_parser = rows::names())]
    rows: Vec<String>,
}

fn main() -> Result<()> {
    let options = Options::parse();
    if let Some(store) = &options.opening {
        return crowd::report_opening(store);
    }
    if let Some(state) = &options.alone {
        return limit::report(state, &options.rows, options.quick);
    }
    if let Some(asked) = &options.repeat {
        return instructions::repeat(asked, &options.folder);
    }
    if let Some(valgrind) = &options.instructions {
        return instructions::check(valgrind, &options.folder, options.update);
    }
    let mut results = side_by_side(&options)?;
    let longest = match wanted(&options.rows, longest::NAME) {
        true => longest::measure(options.quick)?,
        false => Vec::new(),
    };
    let kept = kept(&options)?;
    let rollback = match wanted(&options.rows, rollback::NAME) {
        true => rollback::measure(&options.folder, options.quick)?,
        false => Vec::new(),
    };
    let scale = match wanted(&options.rows, scale::NAME) {
        true => scale::measure(&options.folder, options.quick)?,
        false => Vec::new(),
    };
    let fairness = match wanted(&options.rows, fairness::NAME) {
        true => Some(fairness::measure(&options.folder, options.quick)?),
        false => None,
    };
    let mut table = report::table(["command", "vTPM", "swtpm"], &results);
    for Kept { titles, rows, counted } in &kept {
        table += &format!("\n{}{counted}\n", report::table(*titles, rows));
    }
    table += &rollback::table(&rollback);
    table += &(scale::table(&scale) + &fairness::text(fairness.as_ref()));
    table += &(report::longest_table(&longest) + &conditions::lines(options.quick));
    results.extend(kept.into_iter().flat_map(|kept| kept.rows));
    if let Some(file) = &options.output {
        std::fs::write(file, &table).with_context(|| format!("cannot write {}", file.display()))?;
    }
    let json = || {
        let compared = report::json(&results) + &report::longest_json(&longest);
        compared
            + &rollback::json(&rollback)
            + &scale::json(&scale)
            + &fairness::json(fairness.as_ref())
    };
    print!("{}", if options.json { json() } else { table });
    if options.check { check(&results) } else { Ok(()) }
}

/// The rows that compare. Both TPMs are gone afterwards: a process runs one engine at a time.
fn side_by_side(options: &Options) -> Result<Vec<Measured>> {
    let rows = rows::ALL.iter().filter(|row| wanted(&options.rows, row.name));
    let mut sides = None;
    let mut results = Vec::new();
    for row in rows {
        eprintln!("measuring {}", row.name);
        let sides = match &mut sides {
            Some(sides) => sides,
            none => none.insert(Sides::start()?),
        };
        results.push(row.measure(sides, options.quick)?);
    }
    Ok(results)
}

/// Rows about what is kept on a disk, with what was counted meanwhile.
struct Kept {
    titles: report::Titles,
    rows: Vec<Measured>,
    counted: String,
}

fn kept(options: &Options) -> Result<Vec<Kept>> {
    let mut kept = Vec::new();
    if wanted(&options.rows, durable::NAME) {
        eprintln!("measuring {}", durable::NAME);
        let (rows, counted) = durable::measure(&options.folder, options.quick)?;
        let titles = ["on files of one filesystem", "vTPM", "swtpm+sync"];
        kept.push(Kept { titles, rows, counted });
    }
    if wanted(&options.rows, crowd::NAME) {
        eprintln!("measuring {}", crowd::NAME);
        let crowd::Crowd { rows, counted } = crowd::measure(&options.folder, options.quick)?;
        let titles = ["the manager with", "20,000", "10 vTPMs"];
        kept.push(Kept { titles, rows, counted });
    }
    Ok(kept)
}

/// Every aim is met. One that could not be compared is not.
fn check(results: &[Measured]) -> Result<()> {
    let names = |wrong: fn(&Measured) -> bool| {
        let rows = results.iter().filter(|result| wrong(result)).map(|result| result.name);
        rows.collect::<Vec<_>>().join(", ")
    };
    let (missed, unknown) = (names(Measured::misses_its_aim), names(Measured::lacks_its_ratio));
    match (missed.as_str(), unknown.as_str()) {
        ("", "") => Ok(()),
        ("", _) => {
            bail!("no swtpm to compare with, so nobody knows whether the aim is met: {unknown}")
        }
        _ => bail!("the aim is missed: {missed}"),
    }
}

fn wanted(asked: &[String], name: &str) -> bool {
    asked.is_empty() || asked.iter().any(|row| row == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use measure::Times;
    use std::time::Duration;

    #[test]
    fn an_aim_without_a_peer_fails_the_check_and_a_row_without_an_aim_does_not() {
        let row = |aim, peer: Option<u64>| Measured {
            name: "row",
            what: "what".into(),
            aim,
            times: Times { ours: Duration::from_secs(2), peer: peer.map(Duration::from_secs) },
            limit: None,
        };
        assert!(check(&[row(Some(1.1), Some(2)), row(None, None), row(None, Some(1))]).is_ok());
        let error = |results: &[Measured]| check(results).unwrap_err().to_string();
        assert!(error(&[row(Some(1.1), None)]).starts_with("no swtpm"));
        assert_eq!(error(&[row(Some(1.1), Some(1))]), "the aim is missed: row");
    }
}
