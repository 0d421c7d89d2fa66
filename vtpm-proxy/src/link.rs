//! A second name for a device, for programs that look for a certain one.

use anyhow::{Context, Result, bail};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Takes a link away that a killed relay left, before there is a device. The kernel makes no node of a name that is
/// taken (Linux drivers/base/devtmpfs.c, handle_create), and in a restored guest it may give the device this very one.
/// What cannot be taken away is told by [`make`].
pub(crate) fn clear(link: &Path) {
    if link.is_symlink() {
        let _told_later = fs::remove_file(link);
    }
}

/// Makes `link` lead to `target`. A link that is there is replaced; anything else stays, and so does `target` where
/// the kernel has given it the name of the link.
///
/// # Errors
/// When something else has the name, or it cannot be made.
pub(crate) fn make(link: &Path, target: &str) -> Result<()> {
    if link == Path::new(target) {
        return Ok(());
    }
    let shown = link.display();
    match fs::symlink_metadata(link) {
        Ok(there) if there.is_symlink() => {
            fs::remove_file(link).with_context(|| format!("cannot replace the link {shown}"))?;
        }
        Ok(_) => {
            bail!("{shown} is there already and is no link: leave --link out, or name another")
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("cannot look at {shown}")),
    }
    symlink(target, link).with_context(|| format!("cannot make the link {shown}"))
}

/// Where a link is, or would be; `None` where nothing can be.
pub(crate) fn folder(link: &Path) -> Option<&Path> {
    let folder = match link.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    folder.is_dir().then_some(folder)
}

/// Removes a link when it goes out of sight, if it still leads to our device.
pub(crate) struct Removal {
    /// The link, when one was asked for.
    pub(crate) link: Option<PathBuf>,
    /// Our /dev/tpmrmN.
    pub(crate) target: String,
}

impl Drop for Removal {
    fn drop(&mut self) {
        if let Some(link) = &self.link
            && fs::read_link(link).is_ok_and(|there| there == Path::new(&self.target))
        {
            let _a_link_into_nothing_harms_nobody = fs::remove_file(link);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_a_bare_name_is_the_present_one() {
        assert_eq!(folder(Path::new("/dev/tpmrm0")), Some(Path::new("/dev")));
        assert_eq!(folder(Path::new("tpmrm0")), Some(Path::new(".")));
        assert_eq!(folder(Path::new("/nowhere/tpmrm0")), None);
    }

    #[test]
    fn a_link_is_made_replaced_and_removed_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("tpmrm0");
        make(&link, "/dev/tpmrm7").unwrap();
        make(&link, "/dev/tpmrm8").unwrap();
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("/dev/tpmrm8"));
        let removal = |target: &str| Removal { link: Some(link.clone()), target: target.into() };
        drop(removal("/dev/tpmrm7"));
        assert!(fs::symlink_metadata(&link).is_ok());
        drop(removal("/dev/tpmrm8"));
        assert!(fs::symlink_metadata(&link).is_err());
        fs::write(&link, "a device").unwrap();
        assert!(make(&link, "/dev/tpmrm8").unwrap_err().to_string().contains("is no link"));
        assert_eq!(fs::read(&link).unwrap(), b"a device");
    }

    #[test]
    fn a_device_that_the_kernel_has_given_the_very_name_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join("tpmrm0");
        fs::write(&name, "the kernel's").unwrap();
        make(&name, name.to_str().unwrap()).unwrap();
        assert_eq!(fs::read(&name).unwrap(), b"the kernel's");
        fs::remove_file(&name).unwrap();
        make(&name, "/dev/tpmrm7").unwrap();
        make(&name, name.to_str().unwrap()).unwrap();
        assert!(fs::read_link(&name).map_or(true, |there| there != name), "it leads to itself");
        clear(&name);
        assert!(!name.is_symlink(), "the kernel could not make its device");
        fs::write(&name, "the kernel's").unwrap();
        clear(&name);
        assert_eq!(fs::read(&name).unwrap(), b"the kernel's");
    }
}
