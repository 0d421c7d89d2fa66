//! What every program that serves a TPM out of a directory needs: the directory, held by one process
//! at a time, whose one file is replaced whole.
#![forbid(unsafe_code)]

mod state_dir;

pub use state_dir::{StateDir, replace};
