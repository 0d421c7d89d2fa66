//! Runs one step after the other, says which, and how long each took.

use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The folder that holds the workspace.
pub(crate) fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_path_buf()
}

/// The folder that cargo builds into, and that holds what is built of it.
pub(crate) fn target() -> PathBuf {
    target_of(&root(), std::env::var_os("CARGO_TARGET_DIR"))
}

/// As cargo has it, which runs at the root; and as the lab looks for it (tests/lab/src/place.rs).
fn target_of(root: &Path, set: Option<OsString>) -> PathBuf {
    let set = set.filter(|set| !set.is_empty());
    root.join(set.unwrap_or_else(|| "target".into()))
}

/// A `cargo` command at the workspace's root.
pub(crate) fn cargo<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// Runs a program that shares this terminal.
///
/// # Errors
/// Names the program when it could not be started or did not end with success.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    let status = command.status().with_context(|| format!("could not start: {shown}"))?;
    if !status.success() {
        bail!("failed ({status}): {shown}");
    }
    Ok(())
}

fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}

/// Whether what is written there may have escape codes: a person looks, and has not said `NO_COLOR`.
pub(crate) fn is_for_a_terminal(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|said| said.is_empty())
}

/// The steps taken so far, with their times.
pub(crate) struct Steps {
    taken: Vec<(String, Duration)>,
    start: Instant,
}

impl Steps {
    /// Nothing taken yet.
    pub(crate) fn new() -> Self {
        Self { taken: Vec::new(), start: Instant::now() }
    }

    /// Announces and takes one step.
    ///
    /// # Errors
    /// The step's own error, with the step's name in front.
    pub(crate) fn take(&mut self, name: &str, step: impl FnOnce() -> Result<()>) -> Result<()> {
        let bold = is_for_a_terminal(&std::io::stderr());
        eprintln!("{} {name}", if bold { "\x1b[1m==>\x1b[0m" } else { "==>" });
        let start = Instant::now();
        let outcome = step();
        self.taken.push((name.to_owned(), start.elapsed()));
        outcome.with_context(|| name.to_owned())
    }

    /// One line per step and their sum.
    pub(crate) fn summary(&self) -> String {
        let mut text = String::new();
        for (name, time) in &self.taken {
            text.push_str(&format!("{:8.1} s  {name}\n", time.as_secs_f64()));
        }
        text.push_str(&format!("{:8.1} s  together\n", self.start.elapsed().as_secs_f64()));
        text
    }
}

#[test]
fn what_is_built_lies_in_the_folder_that_cargo_was_told() {
    let of = |set: Option<&str>| target_of(Path::new("/src"), set.map(OsString::from));
    assert_eq!(of(None), Path::new("/src/target"));
    assert_eq!(of(Some("")), Path::new("/src/target"));
    assert_eq!(of(Some("out")), Path::new("/src/out"));
    assert_eq!(of(Some("/tmp/out")), Path::new("/tmp/out"));
    for (name, source) in
        [("images.rs", include_str!("images.rs")), ("demo.rs", include_str!("demo.rs"))]
    {
        assert!(!source.contains("join(\"target"), "{name} looks beside that folder");
    }
}
