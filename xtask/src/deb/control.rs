//! The description that dpkg reads.

use anyhow::{Context, Result, ensure};
use std::env;
use std::fs;
use std::path::Path;

/// Whom a package names that nobody put his name to; `DEBFULLNAME` and `DEBEMAIL` say otherwise, as
/// for Debian's own tools.
const NOBODY: (&str, &str) = ("whoever built this package", "root@localhost");

/// The version of all packages: the workspace's.
pub(super) fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// Whom a package names.
pub(super) fn maintainer() -> String {
    let name = env::var("DEBFULLNAME").unwrap_or_else(|_| NOBODY.0.into());
    let address = env::var("DEBEMAIL").unwrap_or_else(|_| NOBODY.1.into());
    format!("{name} <{address}>")
}

/// Whether that is nobody in particular.
pub(super) fn is_nobodys() -> bool {
    maintainer().contains(NOBODY.1)
}

/// The recipe's description, filled in. `depends` is what its programs are linked with.
///
/// # Errors
/// The file cannot be read or has a word that nothing is put in for.
pub(super) fn text(file: &Path, depends: &[String]) -> Result<String> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let filled = text
        .replace("@VERSION@", version())
        .replace("@MAINTAINER@", &maintainer())
        .replace("@DEPENDS@", &depends.join(", "));
    let left =
        filled.lines().find(|line| line.split('@').count() > 2 && !line.starts_with("Maintainer:"));
    ensure!(left.is_none(), "{}: nothing is put in for {left:?}", file.display());
    ensure!(
        depends.is_empty() || text.contains("@DEPENDS@"),
        "{} has no place for what its programs need: {}",
        file.display(),
        depends.join(", ")
    );
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_filled_in_or_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("control");
        fs::write(&file, "Version: @VERSION@\nDepends: @DEPENDS@, x\n").unwrap();
        let filled = text(&file, &["libc6 (>= 2.34)".into()]).unwrap();
        assert!(filled.contains("Depends: libc6 (>= 2.34), x"), "{filled}");
        assert!(!filled.contains('@'), "{filled}");
        fs::write(&file, "Version: @VERSIONS@\n").unwrap();
        assert!(text(&file, &[]).unwrap_err().to_string().contains("@VERSIONS@"));
        fs::write(&file, "Version: 1\n").unwrap();
        assert!(text(&file, &["libc6".into()]).unwrap_err().to_string().contains("no place"));
    }
}
