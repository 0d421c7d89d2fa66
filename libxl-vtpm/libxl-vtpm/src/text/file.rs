//! Reading a file that a person named.

use std::fs::{self, File};
use std::io::{self, Error, ErrorKind, Read};
use std::path::Path;

/// More than any configuration has: what is larger was named by mistake.
const MOST_BYTES: u64 = 16 << 20;

/// Reads a whole file, and nothing else: a device or a pipe may have no end, or wait for ever.
///
/// # Errors
/// As [`std::fs::read`]; or it is no file, or larger than any configuration.
pub fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let found = fs::metadata(path)?;
    if found.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    if !found.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, "a device or a pipe is no file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= MOST_BYTES) {
        return Ok(bytes);
    }
    Err(Error::new(ErrorKind::FileTooLarge, "it is larger than 16 MiB"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("g.cfg");
        fs::write(&file, "name='g'").unwrap();
        assert_eq!(read_file(&file).unwrap(), b"name='g'");
        assert_eq!(read_file(folder.path()).unwrap_err().kind(), ErrorKind::IsADirectory);
        for endless in ["/dev/zero", "/dev/tty"] {
            let why = read_file(Path::new(endless)).unwrap_err();
            assert!(why.to_string().contains("is no file"), "{endless}: {why}");
        }
        File::create(&file).unwrap().set_len(MOST_BYTES + 1).unwrap();
        assert_eq!(read_file(&file).unwrap_err().kind(), ErrorKind::FileTooLarge);
    }
}
