//! The table.

use crate::longest::{self, Longest};
use crate::rows::Measured;
use std::fmt::Write;
use std::time::Duration;

/// What rows compare: what is done, whose time stands first, and whose second.
pub(crate) type Titles = [&'static str; 3];

/// One line per row, under a line of titles; nothing when nothing was compared.
pub(crate) fn table([what, ours, peer]: Titles, results: &[Measured]) -> String {
    if results.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "{:<38} {:>11} {:>11} {:>6}  {:<14} {:>11}  {}\n",
        what, ours, peer, "ratio", "aim", "limit", "measured by"
    );
    for result in results {
        let peer = result.times.peer.map_or("-".into(), shown);
        let ratio = result.ratio().map_or("-".into(), |ratio| format!("{ratio:.2}"));
        let line = format!(
            "{:<38} {:>11} {:>11} {:>6}  {:<14} {:>11}  ./x bench {}",
            result.what,
            shown(result.times.ours),
            peer,
            ratio,
            aim(result),
            result.limit.map_or("-".into(), shown),
            result.name
        );
        let _ = writeln!(text, "{line}");
    }
    text
}

/// The commands that take longest, under a line of titles; nothing when none was measured.
pub(crate) fn longest_table(rows: &[Longest]) -> String {
    let mut text = String::new();
    if !rows.is_empty() {
        let _ = writeln!(text, "\n{:<38} {:>11}   measured by", "a single command", "longest");
    }
    for row in rows {
        let what = format!("{}, of {}", row.what, row.runs);
        let _ = writeln!(text, "{what:<38} {:>11}   ./x bench {}", shown(row.took), longest::NAME);
    }
    text
}

/// One object per command, in seconds.
pub(crate) fn longest_json(rows: &[Longest]) -> String {
    let line = |row: &Longest| {
        let seconds = row.took.as_secs_f64();
        format!(
            "{{\"row\":\"{}\",\"command\":\"{}\",\"vtpm\":{seconds}}}\n",
            longest::NAME,
            row.what
        )
    };
    rows.iter().map(line).collect()
}

fn aim(result: &Measured) -> String {
    match (result.aim, result.ratio()) {
        (Some(aim), Some(_)) if result.misses_its_aim() => format!("<= {aim} MISSED"),
        (Some(aim), Some(_)) => format!("<= {aim} met"),
        (Some(aim), None) => format!("<= {aim}"),
        (None, _) => String::new(),
    }
}

fn shown(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds >= 1.0 => format!("{seconds:.2} s"),
        seconds if seconds >= 1e-3 => format!("{:.2} ms", seconds * 1e3),
        seconds => format!("{:.2} us", seconds * 1e6),
    }
}

/// One object per row; times in seconds, null where there is no peer or no aim.
pub(crate) fn json(results: &[Measured]) -> String {
    let number = |value: Option<f64>| value.map_or("null".into(), |value| value.to_string());
    let line = |result: &Measured| {
        let seconds = |time: Duration| time.as_secs_f64();
        format!(
            "{{\"row\":\"{}\",\"vtpm\":{},\"swtpm\":{},\"ratio\":{},\"aim\":{},\"limit\":{}}}\n",
            result.name,
            seconds(result.times.ours),
            number(result.times.peer.map(seconds)),
            number(result.ratio()),
            number(result.aim),
            number(result.limit.map(seconds))
        )
    };
    results.iter().map(line).collect()
}
