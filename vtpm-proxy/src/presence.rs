//! Whether a device is still there.

use anyhow::{Context, Result};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const GLANCE: Duration = Duration::from_millis(50);

/// Watches the name of a device. The kernel takes the name away when the device goes, also from under
/// those that have it open.
pub(crate) struct Presence {
    device: PathBuf,
    inotify: OwnedFd,
}

impl Presence {
    /// Begins.
    ///
    /// # Errors
    /// When the kernel does not watch.
    pub(crate) fn of(device: &Path) -> Result<Self> {
        let watch = || -> rustix::io::Result<OwnedFd> {
            let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
            let folder = device.parent().unwrap_or(Path::new("/"));
            inotify::add_watch(&inotify, folder, WatchFlags::DELETE | WatchFlags::MOVED_FROM)?;
            Ok(inotify)
        };
        let inotify = watch().with_context(|| format!("cannot watch {}", device.display()))?;
        Ok(Self { device: device.to_path_buf(), inotify })
    }

    /// Becomes readable when something in its folder went.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }

    /// Whether the device went.
    pub(crate) fn over(&self) -> bool {
        let mut events = [0; 4096];
        while rustix::io::read(&self.inotify, &mut events).is_ok_and(|count| count > 0) {}
        !self.device.exists()
    }

    /// Whether it goes within this time.
    pub(crate) fn over_within(&self, patience: Duration) -> bool {
        let began = Instant::now();
        while !self.over() {
            if began.elapsed() >= patience {
                return false;
            }
            std::thread::sleep(GLANCE);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use std::fs;

    #[test]
    fn a_device_that_goes_is_noticed_and_another_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, other) = (folder.path().join("tpm0"), folder.path().join("tpm1"));
        [&ours, &other].into_iter().for_each(|file| fs::write(file, "").unwrap());
        let presence = Presence::of(&ours).unwrap();
        let readable = || {
            let mut fds = [PollFd::new(&presence.inotify, PollFlags::IN)];
            poll(&mut fds, Some(&Timespec::default())).unwrap() == 1
        };
        let _held = fs::File::open(&ours).unwrap();
        assert!(!readable() && !presence.over_within(Duration::from_millis(60)));
        fs::remove_file(&other).unwrap();
        assert!(readable() && !presence.over() && !readable());
        fs::remove_file(&ours).unwrap();
        assert!(readable() && presence.over() && presence.over_within(Duration::ZERO));
    }
}
