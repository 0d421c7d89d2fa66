//! Who may start or end a domain now. Held by processes, so that nothing has to be cleaned up after one
//! that died.

use libxl_vtpm::plan::Problem;
use std::fs::{self, File, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const FOLDER: &str = "/run/xl-vtpm";

/// How long others are waited for: as long as one needs to end a domain that hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

const LOOK: Duration = Duration::from_millis(50);

/// A lock, held until dropped.
#[derive(Debug)]
pub(crate) struct Held {
    path: PathBuf,
    _file: File,
}

impl Drop for Held {
    fn drop(&mut self) {
        // Before the lock goes with the file's descriptor; whoever waits for it finds out and begins anew.
        let _ = fs::remove_file(&self.path);
    }
}

/// Of a manager or a vTPM domain: its one creator, or who ends it.
pub(crate) fn domain(name: &str, patience: Duration) -> Result<Held, Problem> {
    take(Path::new(FOLDER), name, patience)
}

/// Of a guest that is being started: its vTPMs are not idle.
pub(crate) fn guest(name: &str, patience: Duration) -> Result<Held, Problem> {
    take(Path::new(FOLDER), &format!("{name}.guest"), patience)
}

fn take(folder: &Path, name: &str, patience: Duration) -> Result<Held, Problem> {
    let path = folder.join(format!("{name}.lock"));
    let failed = |error| Problem(format!("{} cannot be locked: {error}", path.display()));
    fs::create_dir_all(folder).map_err(failed)?;
    let deadline = Instant::now() + patience;
    loop {
        let file = File::create(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) if is_at(&file, &path) => return Ok(Held { path, _file: file }),
            // Its holder has removed it meanwhile.
            Ok(()) => {}
            Err(TryLockError::Error(error)) => return Err(failed(error)),
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                return Err(Problem(format!(
                    "another xl-vtpm has been busy with it for {} s ({})",
                    patience.as_secs(),
                    path.display()
                )));
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOOK),
        }
    }
}

/// Whether the file is still the one of this path.
fn is_at(file: &File, path: &Path) -> bool {
    let place = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), fs::metadata(path)) {
        (Ok(ours), Ok(theirs)) => place(ours) == place(theirs),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_by_one_and_leaves_no_file_behind() {
        let folder = tempfile::tempdir().unwrap();
        let held = take(folder.path(), "v", Duration::ZERO).unwrap();
        let refused = take(folder.path(), "v", Duration::ZERO).unwrap_err();
        assert!(refused.0.starts_with("another xl-vtpm has been busy"), "{refused}");
        drop(take(folder.path(), "w", Duration::ZERO).unwrap());
        drop(held);
        drop(take(folder.path(), "v", Duration::ZERO).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn many_who_want_it_at_once_hold_it_one_after_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let inside = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let _held = take(folder.path(), "v", PATIENCE).unwrap();
                        assert_eq!(inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                        std::thread::yield_now();
                        inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                    }
                });
            }
        });
    }
}
