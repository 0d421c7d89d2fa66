//! Waiting for the device that leads to the manager: one that was attached just now takes a moment.

use crate::channel::Channel;
use crate::error::ChannelError;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// Where the kernel has its Xen devices and their drivers.
const XEN: &str = "/sys/bus/xen";

const LOOK: Duration = Duration::from_millis(100);

impl Channel {
    /// As [`Channel::find`], but looks again for so long while a device may still come: the kernel's driver is
    /// loaded, or a device waits for it.
    ///
    /// # Errors
    /// [`ChannelError::NoDevice`] when there is none by then.
    pub fn find_within(limit: Duration) -> Result<Self, ChannelError> {
        let limit = if may_come(Path::new(XEN)) { limit } else { Duration::ZERO };
        within(limit, Self::find)
    }
}

fn may_come(xen: &Path) -> bool {
    let devices = fs::read_dir(xen.join("devices")).into_iter().flatten().flatten();
    xen.join("drivers/vtpm").exists()
        || devices
            .into_iter()
            .any(|device| device.file_name().to_string_lossy().starts_with("vtpm-"))
}

fn within<T>(
    limit: Duration,
    mut look: impl FnMut() -> Result<T, ChannelError>,
) -> Result<T, ChannelError> {
    let begun = Instant::now();
    loop {
        match look() {
            Err(ChannelError::NoDevice { .. }) if begun.elapsed() < limit => {
                std::thread::sleep(LOOK);
            }
            found => return found,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: ChannelError = ChannelError::NoDevice { tried: Vec::new() };

    #[test]
    fn a_device_that_comes_in_time_is_found_and_another_failure_is_told_at_once() {
        let mut looks = 0;
        let late = within(Duration::from_secs(60), || {
            looks += 1;
            if looks < 4 { Err(NONE) } else { Ok(looks) }
        });
        assert_eq!(late.unwrap(), 4);
        let never: Result<(), _> = within(Duration::from_millis(150), || Err(NONE));
        assert!(matches!(never, Err(ChannelError::NoDevice { .. })));
        let mut looks = 0;
        let other: Result<(), _> = within(Duration::from_secs(60), || {
            looks += 1;
            Err(ChannelError::NoTpm { path: "/dev/null".into() })
        });
        assert!(other.is_err() && looks == 1);
    }

    #[test]
    fn where_no_device_can_come_nobody_waits() {
        let folder = tempfile::tempdir().unwrap();
        let xen = folder.path();
        assert!(!may_come(xen));
        fs::create_dir_all(xen.join("devices/vbd-51712")).unwrap();
        assert!(!may_come(xen));
        fs::create_dir(xen.join("devices/vtpm-0")).unwrap();
        assert!(may_come(xen));
        fs::remove_dir(xen.join("devices/vtpm-0")).unwrap();
        fs::create_dir_all(xen.join("drivers/vtpm")).unwrap();
        assert!(may_come(xen));
    }
}
