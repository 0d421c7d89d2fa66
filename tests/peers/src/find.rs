//! Where programs are.

use crate::Missing;
use std::path::{Path, PathBuf};

/// Where the lab leaves its own copies, below the workspace's root.
const LAB_COPIES: &str = "target/lab/bin";

/// What `variable` says when it is set, else the lab's copy, else the program on the path.
pub(crate) fn program(name: &str, variable: &str) -> Result<PathBuf, Missing> {
    if let Some(path) = std::env::var_os(variable) {
        return Ok(path.into());
    }
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(LAB_COPIES).join(name);
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&folders).map(|folder| folder.join(name));
    std::iter::once(own)
        .chain(on_path)
        .find(|file| file.exists())
        .ok_or_else(|| Missing(format!("{name} is not on this machine")))
}
