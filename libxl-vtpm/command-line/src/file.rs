//! Files that cannot be used.

use std::io::{Error, ErrorKind};
use std::path::Path;

/// Why a file cannot be read or written, in words of its own, and what to name instead: `name` is such
/// as "name the guest's xl configuration".
#[must_use]
pub fn file_error(path: &Path, error: &Error, name: &str) -> String {
    let here = path.display();
    match error.kind() {
        ErrorKind::NotFound => format!("{here}: there is no such file or folder; {name}"),
        ErrorKind::IsADirectory => format!("{here} is a folder; {name}"),
        ErrorKind::NotADirectory => format!("{here}: a part of this path is no folder; {name}"),
        ErrorKind::AlreadyExists => format!("{here} is there already; {name}"),
        ErrorKind::PermissionDenied => {
            format!("{here} may not be used ({error}); run this as root")
        }
        _ => format!("{here} cannot be used ({error}); {name}"),
    }
}

/// Where a file stops being text, and what to name instead.
#[must_use]
pub fn not_text(path: &Path, bytes: &[u8], name: &str) -> String {
    let good = std::str::from_utf8(bytes).map_or_else(|why| why.valid_up_to(), str::len);
    let before = String::from_utf8_lossy(&bytes[..good]);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("{}:{line}:{column}: a byte here is no text (UTF-8); {name}", path.display())
}
