//! Where the key of a state comes from.

use anyhow::{Context, Result, anyhow, bail};
use rustix::fs::{Mode, fstat};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use vtpm_store::Secret;
use zeroize::Zeroizing;

const KEY_BYTES: usize = 32;

/// Longer files are not read: 64 hexadecimal digits and white space.
const MOST_BYTES: u64 = 4096;

/// The variable by which systemd names the folder of a unit's credentials.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// Reads a key from a file that only its owner may read.
///
/// # Errors
/// When it is not a key, or others may read it.
pub(crate) fn from_file(path: &Path) -> Result<Secret> {
    let shown = path.display();
    let file = open(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => anyhow!(
            "there is no key {shown}; make one with: (umask 077; head -c 32 /dev/urandom >{shown})"
        ),
        _ => anyhow!("cannot open the key {shown}: {error}"),
    })?;
    if !file.metadata()?.is_file() {
        bail!(
            "{shown} is no file: name one with {KEY_BYTES} bytes, or {} hexadecimal digits",
            2 * KEY_BYTES
        );
    }
    let mode = Mode::from_raw_mode(fstat(&file)?.st_mode);
    if mode.intersects(Mode::RWXG | Mode::RWXO) {
        bail!("others may read the key {shown}: make it yours alone with chmod 600 {shown}");
    }
    read(file, path)
}

/// Reads a credential that systemd handed to this unit.
///
/// # Errors
/// When there is none, or it is not a key.
pub(crate) fn from_credential(name: &str) -> Result<Secret> {
    if name.is_empty() || name.contains('/') || name.starts_with('.') {
        bail!("{name:?} cannot be a credential's name");
    }
    let folder = std::env::var_os(CREDENTIALS).with_context(|| {
        format!(
            "there are no credentials: run this in a systemd unit with LoadCredentialEncrypted={name}"
        )
    })?;
    let path = PathBuf::from(folder).join(name);
    let file =
        open(&path).with_context(|| format!("cannot open the credential {}", path.display()))?;
    read(file, &path)
}

/// Without waiting for somebody who would write, as the opening of a named pipe does.
fn open(path: &Path) -> std::io::Result<File> {
    File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path)
}

fn read(file: File, path: &Path) -> Result<Secret> {
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(MOST_BYTES)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read the key {}", path.display()))?;
    match parse(&bytes) {
        Some(key) => Ok(key),
        None => bail!(
            "{} is not a key: it must hold {KEY_BYTES} bytes, or {} hexadecimal digits",
            path.display(),
            2 * KEY_BYTES
        ),
    }
}

/// 32 bytes as they are, or 64 hexadecimal digits with white space around them.
fn parse(bytes: &[u8]) -> Option<Secret> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    if bytes.len() == KEY_BYTES {
        key.copy_from_slice(bytes);
        return Some(Secret::new(*key));
    }
    let digits = bytes.trim_ascii();
    if digits.len() != 2 * KEY_BYTES {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? << 4 | digit(1)?).ok()?;
    }
    Some(Secret::new(*key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn bytes_and_digits_are_keys_and_nothing_else_is() {
        assert_eq!(parse(&[7; 32]), Some(Secret::new([7; 32])));
        assert_eq!(parse(format!("{}\n", "0a".repeat(32)).as_bytes()), Some(Secret::new([10; 32])));
        for bad in [&[7_u8; 31][..], &[7; 33], b"", "0g".repeat(32).as_bytes()] {
            assert_eq!(parse(bad), None);
        }
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        fs::write(&file, [7; 32]).unwrap();
        fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).unwrap();
        assert!(from_file(&file).unwrap_err().to_string().contains("chmod 600"));
        fs::set_permissions(&file, PermissionsExt::from_mode(0o400)).unwrap();
        assert_eq!(from_file(&file).unwrap(), Secret::new([7; 32]));
    }

    #[test]
    fn a_folder_is_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let error = from_file(folder.path()).unwrap_err().to_string();
        assert!(error.contains("is no file: name one with 32 bytes"), "{error}");
    }

    #[test]
    fn a_missing_key_says_how_to_make_one() {
        let error = from_file(Path::new("/nowhere/key")).unwrap_err().to_string();
        assert!(error.contains("/dev/urandom"), "{error}");
    }
}
