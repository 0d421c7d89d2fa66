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
            let strict = std::env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(!strict, "error: {why}");
            // Straight to stderr: the test harness swallows what a passing test prints.
            let _ = writeln!(std::io::stderr(), "skip: {why}");
            None
        }
    }
}
