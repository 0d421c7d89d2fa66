//! Who may start or end a domain now. Held by processes, so that nothing has to be cleaned up after one
//! that died.

use libxl_vtpm::plan::Problem;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const FOLDER: &str = "/run/xl-vtpm";

/// How long others are waited for: as long as one needs to end a domain that hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

const LOOK: Duration = Duration::from_millis(50);

/// Of a manager or a vTPM domain: its one creator, or who ends it. Held until dropped.
pub(crate) fn domain(name: &str, patience: Duration) -> Result<File, Problem> {
    take(Path::new(FOLDER), name, patience)
}

/// Of a guest that is being started: its vTPMs are not idle.
pub(crate) fn guest(name: &str, patience: Duration) -> Result<File, Problem> {
    take(Path::new(FOLDER), &format!("{name}.guest"), patience)
}

fn take(folder: &Path, name: &str, patience: Duration) -> Result<File, Problem> {
    let path = PathBuf::from(folder).join(format!("{name}.lock"));
    let failed = |error| Problem(format!("{} cannot be locked: {error}", path.display()));
    fs::create_dir_all(folder).map_err(failed)?;
    let file = File::create(&path).map_err(failed)?;
    let deadline = Instant::now() + patience;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
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

#[test]
fn a_lock_is_held_by_one_and_is_free_when_that_one_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let held = take(folder.path(), "v", Duration::ZERO).unwrap();
    let refused = take(folder.path(), "v", Duration::ZERO).unwrap_err();
    assert!(refused.0.starts_with("another xl-vtpm has been busy"), "{refused}");
    take(folder.path(), "w", Duration::ZERO).unwrap();
    drop(held);
    take(folder.path(), "v", Duration::ZERO).unwrap();
}
