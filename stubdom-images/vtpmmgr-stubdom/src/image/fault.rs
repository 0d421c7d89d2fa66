//! Why the manager stops without having been asked to.

use core::fmt;
use domain_io::StoreError;
use tpm_hw::{HardwareError, StartError, VersionOutcome};
use vtpm_manager::OpenError;
use vtpm_manager::arguments::ArgumentError;
use xen_guest::{AttachError, CommandLineError, DeviceError, TooLittleMemory};

/// One sentence each for the console and for `data/vtpmmgr/error`.
pub(crate) enum Fault {
    /// The command line cannot be split into words.
    CommandLine(CommandLineError),
    /// A word of the command line cannot be what it is.
    Argument(ArgumentError),
    /// The domain is too small.
    Memory(TooLittleMemory),
    /// Its disk cannot be used.
    Disk(AttachError),
    /// Its disk was there and is not any more.
    DiskLost,
    /// A page of the hardware TPM cannot be mapped.
    Page { number: u64, error: DeviceError },
    /// The hardware TPM does not answer.
    Hardware(HardwareError),
    /// The hardware TPM cannot be brought into service.
    Start(StartError),
    /// The hardware TPM has not the version that was relied on.
    Version(VersionOutcome),
    /// The store cannot be opened or made.
    Open(OpenError),
    /// xenstored does not let us watch our own backend directory.
    Store(StoreError),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommandLine(error) => write!(f, "{error}; see extra= of its configuration"),
            Self::Argument(error) => error.fmt(f),
            Self::Memory(error) => error.fmt(f),
            Self::Disk(error) => write!(f, "its disk hda: {error}"),
            Self::DiskLost => f.write_str(
                "its disk hda: the disk's backend does not answer, and nothing can be kept or asked for any more: see \
                 to domain 0's storage, then start the manager again",
            ),
            Self::Page { number, error } => write!(
                f,
                "page {number:x} of the hardware TPM: {error} Without a hardware TPM add \
                 hwtpm=none to extra= of its configuration"
            ),
            Self::Hardware(error) => error.fmt(f),
            Self::Start(error) => error.fmt(f),
            Self::Version(outcome) => outcome.fmt(f),
            Self::Open(error) => error.fmt(f),
            Self::Store(error) => {
                write!(f, "its backend directory in xenstore cannot be watched: {error}")
            }
        }
    }
}
