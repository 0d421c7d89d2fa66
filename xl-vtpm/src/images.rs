//! Disk images that are made, and taken back.

use libxl_vtpm::plan::Removed;
use rustix::fs::{FallocateFlags, fallocate};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Gives a file of no size so many bytes of zeros.
pub(crate) type Allocate = fn(&File, u64) -> io::Result<()>;

/// Those bytes are on the disk already: a full file system is noticed now, and not when a TPM saves.
pub(crate) fn allocate(file: &File, bytes: u64) -> io::Result<()> {
    Ok(fallocate(file, FallocateFlags::empty(), 0, bytes)?)
}

/// Device and inode of a file, by which it is known again.
type Place = (u64, u64);

/// Images, and the folders that were made for them.
#[derive(Default)]
pub(crate) struct Images {
    folders: Vec<PathBuf>,
    made: BTreeMap<PathBuf, Place>,
}

impl Images {
    /// Makes a file of zeros where nothing is, for its owner alone; a sparse one unless it is to be allocated.
    ///
    /// # Errors
    /// Something is there, or it cannot be made, or not allocated; nothing is left of it then.
    pub(crate) fn make(
        &mut self,
        path: &Path,
        mib: u32,
        allocate: Option<Allocate>,
    ) -> io::Result<()> {
        let made = self.try_make(path, mib, allocate);
        if made.is_err() {
            self.remove_folders();
        }
        made
    }

    /// Removes an image that was made here, while a lock keeps everybody else from starting its domain on it. It
    /// stays where somebody does so just now, or has, or may have had it.
    ///
    /// # Errors
    /// It stays.
    pub(crate) fn remove<L, E>(
        &mut self,
        path: &Path,
        lock: impl FnOnce() -> Result<L, E>,
        has_domain: impl FnOnce() -> bool,
    ) -> io::Result<Removed> {
        let Ok(_nobody_starts_it) = lock() else { return Ok(Removed::Kept) };
        if has_domain() || !self.is_as_made(path)? {
            return Ok(Removed::Kept);
        }
        fs::remove_file(path)?;
        self.made.remove(path);
        self.remove_folders();
        Ok(Removed::Gone)
    }

    /// Whether it is the file that was made here, and still zeros.
    fn is_as_made(&self, path: &Path) -> io::Result<bool> {
        let mut file = File::open(path)?;
        if self.made.get(path) != Some(&place(&file.metadata()?)) {
            return Ok(false);
        }
        let mut bytes = vec![0; 1 << 16];
        loop {
            match file.read(&mut bytes)? {
                0 => return Ok(true),
                read if bytes[..read].iter().any(|byte| *byte != 0) => return Ok(false),
                _ => {}
            }
        }
    }

    fn try_make(&mut self, path: &Path, mib: u32, allocate: Option<Allocate>) -> io::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let missing = folder.ancestors().take_while(|folder| !folder.exists());
        let missing: Vec<_> = missing.map(Path::to_owned).collect();
        self.folders.extend(missing.into_iter().rev());
        fs::create_dir_all(folder)?;
        // It has its name once it has its size: whoever is killed meanwhile leaves no image of no size.
        let image = NamedTempFile::new_in(folder)?;
        let file = image.as_file();
        let bytes = u64::from(mib) << 20;
        match allocate {
            None => file.set_len(bytes)?,
            Some(allocate) => allocate(file, bytes).map_err(|why| unallocated(path, mib, why))?,
        }
        file.sync_all()?;
        let made = image.persist_noclobber(path).map_err(|error| error.error)?;
        self.made.insert(path.to_owned(), place(&made.metadata()?));
        // The name, too: a record at the manager without its image would be refused for good.
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.inspect_err(|_| drop(fs::remove_file(path)))
    }

    /// Those that hold something by now stay, until that goes.
    fn remove_folders(&mut self) {
        let inner_first = std::mem::take(&mut self.folders).into_iter().rev();
        let stay = inner_first.filter(|folder| fs::remove_dir(folder).is_err() && folder.exists());
        let mut stay: Vec<_> = stay.collect();
        stay.reverse();
        self.folders = stay;
    }
}

fn place(file: &fs::Metadata) -> Place {
    (file.dev(), file.ino())
}

/// A file system that cannot do it is not taken for one that has done it.
fn unallocated(path: &Path, mib: u32, why: io::Error) -> io::Error {
    if why.kind() != io::ErrorKind::Unsupported {
        return why;
    }
    let path = path.display();
    io::Error::other(format!(
        "its file system gives no space ahead of time ({why}); take no-discard out of disk= for a sparse \
         image, or write it yourself: (umask 077; dd if=/dev/zero of={path} bs=1M count={mib})"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn an_image_is_its_owner_s_alone_and_never_made_over_anything() {
        let here = tempfile::tempdir().unwrap();
        let (path, mut images) = (here.path().join("v.img"), Images::default());
        images.make(&path, 2, None).unwrap();
        let made = fs::metadata(&path).unwrap();
        assert_eq!((made.len(), made.permissions().mode() & 0o777), (2 << 20, 0o600));
        fs::write(&path, "a TPM's state").unwrap();
        assert_eq!(images.make(&path, 2, None).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"a TPM's state");
        let nowhere = here.path().join("link.img");
        std::os::unix::fs::symlink("/nowhere/at/all", &nowhere).unwrap();
        assert_eq!(
            images.make(&nowhere, 2, None).unwrap_err().kind(),
            io::ErrorKind::AlreadyExists
        );
        assert_eq!(fs::read_dir(here.path()).unwrap().count(), 2, "nothing else is left");
    }

    #[test]
    fn an_allocated_image_has_all_its_space_and_a_sparse_one_none() {
        let here = tempfile::tempdir().unwrap();
        let blocks = |name: &str, how: Option<Allocate>| {
            let path = here.path().join(name);
            Images::default().make(&path, 2, how)?;
            let made = fs::metadata(&path).unwrap();
            assert_eq!((made.len(), made.permissions().mode() & 0o777), (2 << 20, 0o600));
            assert!(fs::read(&path).unwrap().iter().all(|byte| *byte == 0));
            Ok::<_, io::Error>(made.blocks() * 512)
        };
        assert!(blocks("sparse.img", None).unwrap() < 2 << 20);
        assert!(blocks("allocated.img", Some(allocate)).unwrap() >= 2 << 20);
        let unable: Allocate = |_, _| Err(io::Error::from_raw_os_error(95));
        let why = blocks("unable.img", Some(unable)).unwrap_err().to_string();
        assert!(why.contains("gives no space ahead") && why.contains("no-discard out of"), "{why}");
        assert!(why.contains("unable.img bs=1M count=2"), "{why}");
        let full: Allocate = |_, _| Err(io::ErrorKind::StorageFull.into());
        let why = blocks("full.img", Some(full)).unwrap_err();
        assert_eq!(why.kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read_dir(here.path()).unwrap().count(), 2, "nothing of those two");
    }

    fn free() -> Result<(), ()> {
        Ok(())
    }

    #[test]
    fn an_image_goes_only_while_nobody_can_have_a_domain_on_it() {
        let here = tempfile::tempdir().unwrap();
        let path = here.path().join("v.img");
        let mut images = Images::default();
        images.make(&path, 2, None).unwrap();
        assert_eq!(images.remove(&path, || Err::<(), ()>(()), || false).unwrap(), Removed::Kept);
        assert_eq!(images.remove(&path, free, || true).unwrap(), Removed::Kept);
        // A domain of this name has come and gone.
        let mut bytes = vec![0; 2 << 20];
        bytes[(2 << 20) - 1] = 1;
        fs::write(&path, &bytes).unwrap();
        assert_eq!(images.remove(&path, free, || false).unwrap(), Removed::Kept);
        // Another file of this name.
        fs::write(here.path().join("new"), vec![0; 2 << 20]).unwrap();
        fs::rename(here.path().join("new"), &path).unwrap();
        assert_eq!(images.remove(&path, free, || false).unwrap(), Removed::Kept);
        assert_eq!(Images::default().remove(&path, free, || false).unwrap(), Removed::Kept);
        assert!(path.exists());
        fs::remove_file(&path).unwrap();
        images.make(&path, 2, None).unwrap();
        assert_eq!(images.remove(&path, free, || false).unwrap(), Removed::Gone);
        assert!(!path.exists());
    }

    #[test]
    fn folders_that_were_made_go_with_their_image_and_no_others() {
        let here = tempfile::tempdir().unwrap();
        let (one, two) = (here.path().join("a/b/v.img"), here.path().join("a/w.img"));
        let mut images = Images::default();
        images.make(&one, 2, None).unwrap();
        images.make(&two, 2, None).unwrap();
        images.remove(&one, free, || false).unwrap();
        assert!(two.exists() && !here.path().join("a/b").exists());
        fs::write(here.path().join("file"), "").unwrap();
        assert!(images.make(&here.path().join("file/v.img"), 2, None).is_err());
        assert!(images.make(&here.path().join("c/d/").join("x".repeat(300)), 2, None).is_err());
        assert!(!here.path().join("c").exists() && two.exists());
        images.remove(&two, free, || false).unwrap();
        assert_eq!(fs::read_dir(here.path()).unwrap().count(), 1, "the file alone");
    }
}
