//! What every program that serves a TPM out of a directory needs: the directory, held by one process
//! at a time, whose one file is replaced whole; and log lines on standard error.
#![forbid(unsafe_code)]

mod logger;
mod state_dir;

pub use logger::log_to_stderr;
pub use state_dir::{StateDir, read_from, replace};
