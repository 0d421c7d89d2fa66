//! Files that people name as TPM devices of this machine.

use rustix::fs::{major, minor};
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// Where the kernel lists character devices by their numbers.
const CHARACTER_DEVICES: &str = "/sys/dev/char";

/// Whether this is no TPM device, for all that the kernel says. A command must not be written over
/// somebody's file or disk. What is not there at all is left to those who open it.
#[must_use]
pub fn is_no_tpm(path: &Path) -> bool {
    let Ok(found) = path.metadata() else { return false };
    let numbers = (major(found.rdev()), minor(found.rdev()));
    !found.file_type().is_char_device() || is_other(numbers, Path::new(CHARACTER_DEVICES))
}

/// Whether the kernel names another kind of this character device; where it names none, it may be a TPM.
fn is_other((major, minor): (u32, u32), devices: &Path) -> bool {
    let class = fs::canonicalize(devices.join(format!("{major}:{minor}/subsystem")));
    class.is_ok_and(|class| !class.ends_with("tpm") && !class.ends_with("tpmrm"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_no_tpm_and_what_is_not_there_may_be_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mine");
        assert!(!is_no_tpm(&file));
        fs::write(&file, "mine").unwrap();
        assert!(is_no_tpm(&file) && is_no_tpm(folder.path()));
    }

    #[test]
    fn the_kernel_tells_tpms_from_other_devices() {
        let folder = tempfile::tempdir().unwrap();
        for (numbers, class) in [("10:224", "tpm"), ("254:65536", "tpmrm"), ("1:3", "mem")] {
            let class = folder.path().join("class").join(class);
            fs::create_dir_all(&class).unwrap();
            fs::create_dir_all(folder.path().join(numbers)).unwrap();
            let subsystem = folder.path().join(numbers).join("subsystem");
            std::os::unix::fs::symlink(class, subsystem).unwrap();
        }
        let other = |numbers| is_other(numbers, folder.path());
        assert!(!other((10, 224)) && !other((254, 65536)) && other((1, 3)));
        assert!(!other((1, 4)), "the kernel does not say");
    }
}
