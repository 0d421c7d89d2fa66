//! The table of `docs/fuzzing.md`: how long each target ran so far, and what it reached.

use anyhow::{Context, Result};
use std::path::Path;
use std::{fmt, fs};

const PAGE: &str = "docs/fuzzing.md";
const HEAD: &str = "| target | CPU seconds | of an hour | inputs run | edges reached |\n";
const RULE: &str = "|---|---|---|---|---|\n";

/// One run of a target, or all of them together.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Run {
    /// Processor time of the target's own processes.
    pub(super) seconds: u64,
    /// Inputs that were run.
    pub(super) inputs: u64,
    /// Edges that the inputs found so far reach (libFuzzer's `cov`).
    pub(super) edges: u64,
}

impl Run {
    /// Reads what libFuzzer wrote; the processor time is the caller's to add.
    pub(super) fn of_output(text: &str) -> Self {
        let after = |line: &str, name: &str| {
            let mut words = line.split_whitespace().skip_while(|word| *word != name);
            words.nth(1).and_then(|number| number.parse().ok())
        };
        let last = |name: &str| text.lines().rev().find_map(|line| after(line, name)).unwrap_or(0);
        Self { seconds: 0, inputs: last("stat::number_of_executed_units:"), edges: last("cov:") }
    }

    fn add(&mut self, other: &Self) {
        self.seconds += other.seconds;
        self.inputs += other.inputs;
        self.edges = self.edges.max(other.edges);
    }

    fn row(&self, target: &str) -> String {
        let Self { seconds, inputs, edges } = self;
        format!("| `{target}` | {seconds} | {} % | {inputs} | {edges} |\n", seconds / 36)
    }

    fn of_row(row: &str) -> Option<(String, Self)> {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let number = |at: usize| cells.get(at)?.parse().ok();
        let target = cells.get(1)?.strip_prefix('`')?.strip_suffix('`')?;
        let run = Self { seconds: number(2)?, inputs: number(4)?, edges: number(5)? };
        Some((target.to_owned(), run))
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seconds, inputs, edges } = self;
        write!(f, "{seconds} s of processor time, {inputs} inputs, {edges} edges")
    }
}

/// Adds a run to the page's table.
///
/// # Errors
/// The page is not there, or has no such table.
pub(super) fn add(root: &Path, target: &str, run: &Run) -> Result<()> {
    let path = root.join(PAGE);
    let page = fs::read_to_string(&path).with_context(|| PAGE.to_owned())?;
    let page = with(&page, target, run).with_context(|| format!("{PAGE} has no table of runs"))?;
    fs::write(&path, page).with_context(|| PAGE.to_owned())
}

fn with(page: &str, target: &str, run: &Run) -> Option<String> {
    let (before, table) = page.split_once(HEAD)?;
    let table = table.strip_prefix(RULE)?;
    let end = table.split_inclusive('\n').take_while(|line| line.starts_with('|'));
    let (rows, after) = table.split_at(end.map(str::len).sum());
    let mut runs: Vec<_> = rows.lines().filter_map(Run::of_row).collect();
    match runs.iter_mut().find(|(name, _)| name == target) {
        Some((_, known)) => known.add(run),
        None => runs.push((target.to_owned(), run.clone())),
    }
    runs.sort();
    let rows: String = runs.iter().map(|(name, run)| run.row(name)).collect();
    Some(format!("{before}{HEAD}{RULE}{rows}{after}"))
}

/// Processor time of all processes that this one has waited for, in seconds (proc(5), cutime and
/// cstime of `/proc/self/stat`).
///
/// # Errors
/// The file is not as proc(5) has it.
pub(super) fn seconds_of_children() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat").context("/proc/self/stat")?;
    // The program's name, in brackets, may hold spaces.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok());
    let sum = ticks(13).zip(ticks(14)).map(|(user, system)| user + system);
    Ok(sum.context("/proc/self/stat has other fields")? / TICKS_PER_SECOND)
}

/// What the kernel shows ticks in, on x86-64 always (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_read_from_what_libfuzzer_writes() {
        let text = "#3\tINITED cov: 11 ft: 12 corp: 3/9b\n#900\tDONE   cov: 21 ft: 30 corp: 9/99b\n\
                    Done 900 runs in 2 second(s)\nstat::number_of_executed_units: 900\n";
        assert_eq!(Run::of_output(text), Run { seconds: 0, inputs: 900, edges: 21 });
        assert_eq!(Run::of_output("nothing"), Run::default());
    }

    #[test]
    fn runs_add_up_in_the_table_and_the_rest_of_the_page_stays() {
        let page = format!("before\n{HEAD}{RULE}| `b` | 36 | 1 % | 5 | 7 |\n\nafter\n");
        let run = Run { seconds: 72, inputs: 2, edges: 3 };
        let page = with(&with(&page, "b", &run).unwrap(), "a", &run).unwrap();
        let rows = "| `a` | 72 | 2 % | 2 | 3 |\n| `b` | 108 | 3 % | 7 | 7 |\n";
        assert_eq!(page, format!("before\n{HEAD}{RULE}{rows}\nafter\n"));
        assert_eq!(with("no table", "a", &run), None);
    }

    #[test]
    fn the_time_of_a_child_is_counted() {
        let before = seconds_of_children().unwrap();
        let spin = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
        assert!(std::process::Command::new("sh").args(["-c", spin]).status().unwrap().success());
        assert!(seconds_of_children().unwrap() > before);
    }
}
