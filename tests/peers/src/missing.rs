//! What a test does when the program it needs is not on this machine.

use std::fmt;
use std::io::Write;

/// A peer is not on this machine, or could not be started. The text says which and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing(pub String);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; ./x lab fetch brings it", self.0)
    }
}

/// The peer, or `None` after saying why the test is skipped.
///
/// # Panics
/// Where `CI=true`, since there nothing may be missing.
#[must_use]
pub fn unless_missing<T>(found: Result<T, Missing>) -> Option<T> {
    match found {
        Ok(peer) => Some(peer),
        Err(why) => {
            skip(&why);
            None
        }
    }
}

/// Says why a test, or the rest of it, is skipped.
///
/// # Panics
/// Where `CI=true`, since there nothing may be missing.
pub fn skip(why: &dyn fmt::Display) {
    let strict = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(!strict, "error: {why}");
    // Straight to stderr: the test harness swallows what a passing test prints.
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let _ = writeln!(std::io::stderr(), "skip: {test}: {why}");
    take_down(why, test);
}

/// Adds a line to the file in which `./x test` looks for skips.
fn take_down(why: &dyn fmt::Display, test: &str) {
    let Some(file) = std::env::var_os("SKIPPED_TESTS") else { return };
    let file = std::fs::OpenOptions::new().append(true).open(file);
    let written = file.and_then(|mut file| file.write_all(format!("{why}\t{test}\n").as_bytes()));
    if let Err(error) = written {
        panic!("a skipped test cannot be taken down: {error}");
    }
}
