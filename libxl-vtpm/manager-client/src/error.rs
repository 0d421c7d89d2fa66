//! Why a command was not carried out.

use std::fmt;
use std::io;
use std::path::PathBuf;
use tpm_wire::manager::AnswerError;

/// Why a command was not carried out.
#[derive(Debug)]
pub enum ChannelError {
    /// No device of domain 0's leads to a manager.
    NoDevice {
        /// What was looked at, and why it is none.
        tried: Vec<(PathBuf, String)>,
    },
    /// The device could not be used.
    Device {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// What was named is no device.
    NoTpm {
        /// Which.
        path: PathBuf,
    },
    /// The manager refused, or answered something else.
    Answer(AnswerError),
}

impl fmt::Display for ChannelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDevice { tried } => {
                f.write_str(
                    "no TPM device of domain 0 leads to a manager; start the manager \
                     (xl-vtpm manager start), load xen-tpmfront (modprobe xen-tpmfront) and attach \
                     one: xl vtpm-attach 0 backend=vtpmmgr",
                )?;
                tried.iter().try_for_each(|(path, why)| write!(f, " [{}: {why}]", path.display()))
            }
            Self::Device { path, error } if error.kind() == io::ErrorKind::ResourceBusy => {
                write!(f, "{} is in use by another program; try again", path.display())
            }
            Self::NoTpm { path } => write!(
                f,
                "{} is no TPM device; name one such as /dev/tpm1, or leave --device out",
                path.display()
            ),
            Self::Device { path, error } if error.kind() == io::ErrorKind::NotFound => write!(
                f,
                "{}: there is no such device; leave --device out to have it found",
                path.display()
            ),
            Self::Device { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Answer(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ChannelError {}

impl From<AnswerError> for ChannelError {
    fn from(error: AnswerError) -> Self {
        Self::Answer(error)
    }
}
