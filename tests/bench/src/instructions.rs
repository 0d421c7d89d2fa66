//! How many instructions a command takes, which is the same on a busy machine: valgrind counts them.
//!
//! The program counts itself: it repeats a row under valgrind, which counts while [`repeated`] runs. The
//! figures are kept in `instructions.txt`.

use crate::ours::{Ours, manufacture};
use crate::sides::Tpm;
use crate::{durable, rows};
use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is kept, beside this program's sources.
const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.txt");

/// By how much a figure may differ from the kept one, in hundredths.
const TOLERANCE: u64 = 3;

/// How often a row is repeated.
const TIMES: u32 = 100;

/// One instruction set everywhere: neither OpenSSL nor the C library chooses by the processor.
const PLAIN: [(&str, &str); 2] =
    [("OPENSSL_ia32cap", "0:0"), ("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX2,-AVX,-ERMS,-FSRM")];

/// Which row to repeat, and how often; what valgrind runs.
#[derive(Clone, Debug)]
pub(crate) struct Repeat {
    row: String,
    times: u32,
}

impl std::str::FromStr for Repeat {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (row, times) = text.split_once('=').context("ROW=TIMES is needed")?;
        Ok(Self { row: row.into(), times: times.parse()? })
    }
}

/// Repeats a row on our side alone.
pub(crate) fn repeat(asked: &Repeat, folder: &Path) -> Result<()> {
    if asked.row == durable::NAME {
        return durable::repeat(folder, asked.times);
    }
    let row = rows::ALL.iter().find(|row| row.name == asked.row).context("no such row")?;
    let (before, packet) = row.repeated().context("this row is not counted")?;
    let mut ours = Ours::start(manufacture()?)?;
    for packet in &before {
        ours.succeed(packet)?;
    }
    repeated(asked.times, &mut |_| ours.succeed(&packet).map(|_answer| ()))
}

/// What is counted; valgrind knows it by its name.
#[inline(never)]
pub(crate) fn repeated(times: u32, step: &mut dyn FnMut(u32) -> Result<()>) -> Result<()> {
    (0..times).try_for_each(step)
}

/// Counts each row; writes the figures down, or compares them with those that are kept.
///
/// # Errors
/// valgrind did not run; a row takes more or less than is kept, by more than the tolerance.
pub(crate) fn check(valgrind: &Path, folder: &Path, update: bool) -> Result<()> {
    let mut counted = Vec::new();
    for row in rows::cheap().chain([durable::NAME]) {
        let each = count(valgrind, folder, row)? / u64::from(TIMES);
        println!("{row} {each}");
        counted.push((row.to_string(), each));
    }
    if update {
        let lines: String = counted.iter().map(|(row, each)| format!("{row} {each}\n")).collect();
        return std::fs::write(KEPT, lines).context(KEPT);
    }
    let kept = std::fs::read_to_string(KEPT).context(KEPT)?;
    let wrong = compare(&parse(&kept)?, &counted);
    ensure!(
        wrong.is_empty(),
        "{}; where that is meant, write the new figures down: ./x bench --instructions --update",
        wrong.join("; ")
    );
    Ok(())
}

fn count(valgrind: &Path, folder: &Path, row: &str) -> Result<u64> {
    let own: PathBuf = std::env::current_exe()?;
    let mut command = Command::new(valgrind);
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    command.arg("--toggle-collect=bench::instructions::repeated").arg(own);
    command.arg("--folder").arg(folder).arg(format!("--repeat={row}={TIMES}"));
    let done = command.envs(PLAIN).output().context("cannot run valgrind")?;
    let said = String::from_utf8_lossy(&done.stderr);
    match total(&said) {
        Some(total) if done.status.success() => Ok(total),
        _ => bail!("valgrind ended with {}: {said}", done.status),
    }
}

/// The figure in valgrind's `Collected : 1234`; nothing was counted when it is 0.
fn total(said: &str) -> Option<u64> {
    let line = said.lines().find_map(|line| line.split_once("Collected : "))?.1;
    line.trim().parse().ok().filter(|figure| *figure > 0)
}

fn parse(kept: &str) -> Result<Vec<(String, u64)>> {
    let figure = |line: &str| -> Result<(String, u64)> {
        let (row, each) = line.split_once(' ').with_context(|| format!("{KEPT}: {line}"))?;
        Ok((row.into(), each.parse().with_context(|| format!("{KEPT}: {line}"))?))
    };
    kept.lines().map(figure).collect()
}

/// What differs by more than the tolerance, or is in one of both alone.
fn compare(kept: &[(String, u64)], counted: &[(String, u64)]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (row, each) in counted {
        match kept.iter().find(|(name, _)| name == row) {
            None => wrong.push(format!("{row} is not in {KEPT}")),
            Some((_, before)) if each.abs_diff(*before) * 100 > before * TOLERANCE => {
                wrong.push(format!("{row} takes {each} instructions instead of {before}"));
            }
            Some(_) => {}
        }
    }
    let gone = kept.iter().filter(|(name, _)| counted.iter().all(|(row, _)| row != name));
    wrong.extend(gone.map(|(name, _)| format!("{name} of {KEPT} is no row")));
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valgrinds_total_is_read() {
        assert_eq!(total("==7== \n==7== Collected : 1234567\n"), Some(1_234_567));
        assert_eq!(total("==7== Killed"), None);
        assert_eq!(total("==7== Collected : 0"), None);
    }

    #[test]
    fn what_differs_by_more_than_the_tolerance_is_named() {
        let row = |name: &str, each| (name.to_string(), each);
        let kept = [row("a", 1000), row("b", 1000)];
        assert!(compare(&kept, &[row("a", 1030), row("b", 970)]).is_empty());
        let wrong = compare(&kept, &[row("a", 1031), row("c", 1)]);
        assert_eq!(wrong.len(), 3, "{wrong:?}");
        assert_eq!(wrong[0], "a takes 1031 instructions instead of 1000");
    }

    #[test]
    fn the_kept_figures_are_of_rows_that_there_are() {
        let kept = parse(&std::fs::read_to_string(KEPT).unwrap()).unwrap();
        let rows: Vec<_> = rows::cheap().chain([durable::NAME]).collect();
        assert_eq!(kept.iter().map(|(row, _)| row.as_str()).collect::<Vec<_>>(), rows);
    }
}
