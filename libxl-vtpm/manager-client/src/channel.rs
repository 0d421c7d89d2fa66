//! The device that leads to the manager.

use crate::error::ChannelError;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use tpm_wire::MAX_PACKET_BYTES;
use tpm_wire::manager::AnswerError;
use tpm_wire::tpm12::TpmResult;

/// An open way to the manager. The kernel gives a TPM device to one program at a time.
pub struct Channel {
    device: File,
    path: PathBuf,
}

impl Channel {
    /// Finds the device of domain 0's whose other end is a manager.
    ///
    /// # Errors
    /// [`ChannelError::NoDevice`] when there is none.
    pub fn find() -> Result<Self, ChannelError> {
        Self::find_among(|_| true)
    }

    /// As [`Channel::find`], but looks at no device whose number is not wanted: the kernel would wait two minutes for
    /// an answer of one whose other end is gone.
    ///
    /// # Errors
    /// As [`Channel::find`].
    pub fn find_among(wanted: impl Fn(i32) -> bool) -> Result<Self, ChannelError> {
        let mut tried = Vec::new();
        for path in linux_tpms::frontends(wanted) {
            let opened = Self::open(&path).and_then(|mut channel| {
                channel.is_manager()?;
                Ok(channel)
            });
            match opened {
                Ok(channel) => return Ok(channel),
                Err(error) => tried.push((path, error.to_string())),
            }
        }
        Err(ChannelError::NoDevice { tried })
    }

    /// Uses this device.
    ///
    /// # Errors
    /// [`ChannelError::Device`], [`ChannelError::NoTpm`].
    pub fn open(path: &Path) -> Result<Self, ChannelError> {
        let failed = |error| ChannelError::Device { path: path.to_path_buf(), error };
        // A command must not be written over somebody's file.
        path.metadata().map_err(failed)?;
        if linux_tpms::is_no_tpm(path) {
            return Err(ChannelError::NoTpm { path: path.to_path_buf() });
        }
        let device = OpenOptions::new().read(true).write(true).open(path).map_err(failed)?;
        Ok(Self { device, path: path.to_path_buf() })
    }

    /// Sends a whole packet and takes the whole answer. The kernel gives up after two minutes.
    ///
    /// # Errors
    /// [`ChannelError::Device`].
    pub fn transmit(&mut self, packet: &[u8]) -> Result<Vec<u8>, ChannelError> {
        let mut answer = vec![0; MAX_PACKET_BYTES];
        // One write is one command, and one read is its answer.
        let got = self
            .device
            .write_all(packet)
            .and_then(|()| self.device.read(&mut answer))
            .map_err(|error| ChannelError::Device { path: self.path.clone(), error })?;
        if got == 0 {
            return Err(ChannelError::NoTpm { path: self.path.clone() });
        }
        answer.truncate(got);
        Ok(answer)
    }

    /// Whether a manager answers, also one that waits for its recovery key.
    fn is_manager(&mut self) -> Result<(), ChannelError> {
        match self.stats() {
            Err(ChannelError::Answer(AnswerError::Refused(TpmResult::RETRY, _))) => Ok(()),
            other => other.map(|_| ()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_is_no_way_to_the_manager_and_is_not_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mine");
        fs::write(&file, "mine").unwrap();
        let said = Channel::open(&file).err().unwrap().to_string();
        assert!(said.contains("mine is no TPM device"), "{said}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    }

    #[test]
    fn a_device_that_is_no_tpm_is_named_so() {
        let said = match Channel::open(Path::new("/dev/null")) {
            Err(error) => error.to_string(),
            Ok(mut channel) => channel.transmit(&[0; 10]).unwrap_err().to_string(),
        };
        assert!(said.contains("/dev/null is no TPM device; name one such as"), "{said}");
    }
}
