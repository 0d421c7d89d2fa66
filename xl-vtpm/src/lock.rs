//! Who may start or end a domain now. Held by processes, so that nothing has to be cleaned up after one
//! that died.

use libxl_vtpm::plan::{NotStarted, Problem};
use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const FOLDER: &str = "/run/xl-vtpm";

/// Behind a guest's name: no other name has a single `%` in its file's.
const GUEST: &str = "%guest";

/// As above.
const MEMORY: &str = "%memory";

/// Bytes of a name that count: three times as many are still a file's name (NAME_MAX, limits.h).
const LONGEST: usize = 80;

/// How long others are waited for: as long as one needs to end a domain that hangs.
const PATIENCE: Duration = Duration::from_secs(60);

const LOOK: Duration = Duration::from_millis(50);

/// Until when others are waited for by somebody who has no deadline of his own.
pub(crate) fn patience() -> Instant {
    Instant::now() + PATIENCE
}

/// Why a lock is not held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotHeld {
    /// Others held it for as long as there was time.
    Busy(Problem),
    /// There can be none.
    Failed(Problem),
}

impl fmt::Display for NotHeld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Busy(why) | Self::Failed(why)) = self;
        why.fmt(f)
    }
}

impl From<NotHeld> for Problem {
    fn from(why: NotHeld) -> Self {
        let (NotHeld::Busy(why) | NotHeld::Failed(why)) = why;
        why
    }
}

impl From<NotHeld> for NotStarted {
    fn from(why: NotHeld) -> Self {
        match why {
            NotHeld::Busy(why) => Self::Busy(why),
            NotHeld::Failed(why) => Self::Failed(why),
        }
    }
}

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
pub(crate) fn domain(name: &str, until: Instant) -> Result<Held, NotHeld> {
    take(Path::new(FOLDER), &file_name(name, ""), until)
}

/// Of a guest that is being started: its vTPMs are not idle.
pub(crate) fn guest(name: &str, until: Instant) -> Result<Held, NotHeld> {
    take(Path::new(FOLDER), &file_name(name, GUEST), until)
}

/// Of domain 0's memory, while a new domain's is taken from it.
pub(crate) fn memory(until: Instant) -> Result<Held, NotHeld> {
    take(Path::new(FOLDER), &file_name("", MEMORY), until).map_err(|why| match why {
        NotHeld::Busy(Problem(why)) => NotHeld::Busy(Problem(format!(
            "domain 0's memory is being taken for another domain: {why}"
        ))),
        other => other,
    })
}

/// The file's name for a domain's name, which may have a `/` in it and be longer than a file's name. Two
/// domains share one only where their names begin with the same 80 bytes; they wait for each other then without
/// need.
fn file_name(name: &str, of: &str) -> String {
    let longest = (0..=name.len().min(LONGEST)).rev().find(|at| name.is_char_boundary(*at));
    let name = &name[..longest.unwrap_or(0)];
    format!("{}{of}.lock", name.replace('%', "%25").replace('/', "%2f"))
}

fn take(folder: &Path, file: &str, until: Instant) -> Result<Held, NotHeld> {
    let path = folder.join(file);
    let failed =
        |error| NotHeld::Failed(Problem(format!("{} cannot be locked: {error}", path.display())));
    fs::create_dir_all(folder).map_err(failed)?;
    let begun = Instant::now();
    loop {
        let open = make(&path).map_err(failed)?;
        match open.try_lock() {
            Ok(()) if is_at(&open, &path) => return Ok(Held { path, _file: open }),
            // Its holder has removed it meanwhile.
            Ok(()) => {}
            Err(TryLockError::Error(error)) => return Err(failed(error)),
            Err(TryLockError::WouldBlock) if Instant::now() >= until => {
                return Err(NotHeld::Busy(Problem(format!(
                    "another xl-vtpm has been busy with it for {} s ({})",
                    begun.elapsed().as_secs(),
                    path.display()
                ))));
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOOK),
        }
    }
}

/// Its owner's alone: whoever may read it may lock it, and nobody else would ever have it.
fn make(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
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
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn every_name_can_be_locked_and_a_guest_s_is_not_that_of_a_vtpm() {
        let folder = tempfile::tempdir().unwrap();
        let (long, accents) = ("/".repeat(5000), "é".repeat(300));
        let names = ["g", "a/b", "../x", "a%2fb", "g%guest", "g.guest", &long, &accents];
        let mut held = Vec::new();
        for name in names {
            for of in ["", GUEST] {
                held.push(take(folder.path(), &file_name(name, of), Instant::now()).unwrap());
            }
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2 * names.len());
    }

    #[test]
    fn a_lock_is_held_by_one_and_leaves_no_file_behind() {
        let folder = tempfile::tempdir().unwrap();
        let now = Instant::now;
        let held = take(folder.path(), "v", now()).unwrap();
        let mode = fs::metadata(folder.path().join("v")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "no other user holds it up");
        let refused = take(folder.path(), "v", now()).unwrap_err();
        assert!(
            matches!(&refused, NotHeld::Busy(why) if why.0.starts_with("another xl-vtpm has been busy"))
        );
        drop(take(folder.path(), "w", now()).unwrap());
        drop(held);
        drop(take(folder.path(), "v", now()).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let nowhere = take(Path::new("/proc/none"), "v", now()).unwrap_err();
        assert!(matches!(nowhere, NotHeld::Failed(_)), "{nowhere}");
    }

    #[test]
    fn several_locks_are_waited_for_until_one_deadline_and_not_for_one_limit_each() {
        let folder = tempfile::tempdir().unwrap();
        let held = ["v", "m"].map(|name| take(folder.path(), name, Instant::now()).unwrap());
        let (begun, limit) = (Instant::now(), Duration::from_millis(1500));
        let until = begun + limit;
        for name in ["v", "m"] {
            assert!(matches!(take(folder.path(), name, until), Err(NotHeld::Busy(_))));
        }
        assert!(begun.elapsed() >= limit && begun.elapsed() < 2 * limit, "{:?}", begun.elapsed());
        drop(held);
    }

    #[test]
    fn many_who_want_it_at_once_hold_it_one_after_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let inside = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let _held = take(folder.path(), "v", patience()).unwrap();
                        assert_eq!(inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                        std::thread::yield_now();
                        inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                    }
                });
            }
        });
    }
}
