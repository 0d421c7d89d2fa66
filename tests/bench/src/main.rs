//! How fast a vTPM answers, measured side by side with swtpm.
//!
//! Both sides run the same libtpms on the same permanent state, on the same machine, turn by turn.
//! Ours is the whole path of a command in one process: a frontend's page, the backend, the rules,
//! the engine with the image's own C libraries. The peer is swtpm behind a Unix socket.
#![forbid(unsafe_code)]

mod conditions;
mod measure;
mod ours;
mod peer;
mod report;
mod rows;
mod sides;

use anyhow::{Context, Result, bail};
use clap::Parser;
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
    /// Only these rows
    #[arg(value_name = "ROW", value_parser = rows::names())]
    rows: Vec<String>,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let mut sides = Sides::start()?;
    let mut results = Vec::new();
    for row in rows::ALL.iter().filter(|row| wanted(&options.rows, row.name)) {
        eprintln!("measuring {}", row.name);
        results.push(row.measure(&mut sides, options.quick)?);
    }
    let table = report::table(&results) + &conditions::lines(options.quick);
    if let Some(file) = &options.output {
        std::fs::write(file, &table).with_context(|| format!("cannot write {}", file.display()))?;
    }
    print!("{}", if options.json { report::json(&results) } else { table });
    match results.iter().filter(|result| result.misses_its_aim()).count() {
        missed if options.check && missed > 0 => bail!("{missed} of the aims above are missed"),
        _ => Ok(()),
    }
}

fn wanted(asked: &[String], name: &str) -> bool {
    asked.is_empty() || asked.iter().any(|row| row == name)
}
