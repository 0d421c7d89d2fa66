//! Runs claims, several at a time if asked, and reports each as it ends.

use super::{Claim, Outcome, Summary};
use crate::interrupt;
use crate::logs::Log;
use crate::place::Place;
use crate::run::{self, Script};
use anyhow::Result;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// How many of a failed claim's last lines are shown.
const SHOWN: usize = 40;

/// What a line begins with that is shown of a success, too.
const FIGURE: &str = "figure: ";

/// What one claim's run left.
struct Report {
    outcome: Outcome,
    seconds: f64,
    lines: Vec<String>,
    log: Option<PathBuf>,
}

/// Runs all of `claims`, `jobs` at a time. Prints a line for each and, for those that did not
/// succeed, the end of its output and where its log is.
#[must_use]
pub fn all(place: &Place, claims: &[Claim], jobs: usize) -> Summary {
    let next = AtomicUsize::new(0);
    let summary = Mutex::new(Summary::default());
    let work = || {
        while let Some(claim) = claims.get(next.fetch_add(1, Ordering::SeqCst)) {
            if interrupt::asked() {
                break;
            }
            let report = one(place, claim);
            let Ok(mut summary) = summary.lock() else { break };
            show(claim, &report);
            summary.count(report.outcome);
        }
    };
    thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, claims.len().max(1)) {
            scope.spawn(work);
        }
    });
    summary.into_inner().unwrap_or_default()
}

fn one(place: &Place, claim: &Claim) -> Report {
    let mut lines = Vec::new();
    let log = match Log::begin(place, None, &claim.name, false) {
        Ok(log) => log,
        Err(error) => {
            return Report {
                outcome: Outcome::Error,
                seconds: 0.0,
                lines: vec![format!("{error:#}")],
                log: None,
            };
        }
    };
    let code = exit_code(place, claim, &log, &mut lines).unwrap_or_else(|error| {
        lines.push(format!("lab: {error:#}"));
        Outcome::exit_code_of_error(&error)
    });
    let outcome = Outcome::of_exit_code(code);
    if outcome == Outcome::Failure && code != 5 {
        lines.push(format!("lab: the script ended with exit code {code}"));
    }
    Report { outcome, seconds: log.seconds(), lines, log: Some(log.path) }
}

fn exit_code(place: &Place, claim: &Claim, log: &Log, lines: &mut Vec<String>) -> Result<u8> {
    let mut options = claim.header.options.clone();
    options.environment.extend(claim.variant.iter().map(|variant| format!("VARIANT={variant}")));
    options.environment.extend(patience());
    let script = Script { file: claim.file.clone(), arguments: Vec::new() };
    run::script(place, &options, &script, log, &mut |line| lines.push(line.to_owned()))
}

/// `LAB_PATIENCE=N` makes every wait in dom0 N times as long, for slow machines.
fn patience() -> Option<String> {
    Some(format!("LAB_PATIENCE={}", std::env::var("LAB_PATIENCE").ok()?))
}

fn show(claim: &Claim, report: &Report) {
    println!("{:7} {:6.1} s  {}", report.outcome, report.seconds, claim.name);
    if report.outcome == Outcome::Success {
        report
            .lines
            .iter()
            .filter(|line| line.starts_with(FIGURE))
            .for_each(|f| println!("    {f}"));
        return;
    }
    if report.outcome != Outcome::Skip {
        println!("    claimed: {}", claim.header.sentence);
    }
    for line in report.lines.iter().skip(report.lines.len().saturating_sub(SHOWN)) {
        println!("    | {line}");
    }
    if let Some(log) = &report.log {
        println!("    the whole log: {}", log.display());
    }
}
