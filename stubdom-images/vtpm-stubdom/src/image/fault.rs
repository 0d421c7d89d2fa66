//! Why a vTPM domain stops without having been asked to.

use alloc::string::String;
use core::fmt;
use domain_io::StoreError;
use vtpm_engine::EngineError;
use vtpm_keeper::{LinkError, ManagerError, Stop, UuidError};
use vtpm_service::ServiceError;
use vtpm_service::arguments::ArgumentError;
use xen_guest::{AttachError, CommandLineError, TooLittleMemory};

/// What to do when the TPM itself is at fault.
const RESTART: &str = "start the domain again, with a larger memory= if it says that memory ran out, \
                       and report it with data/vtpm/image if it comes back";

/// One sentence each for the console and for `data/vtpm/error`.
pub(crate) enum Fault {
    /// The command line cannot be split into words.
    CommandLine(CommandLineError),
    /// A word of the command line cannot be what it is.
    Argument(ArgumentError),
    /// The domain is too small.
    Memory(TooLittleMemory),
    /// The engine did not start.
    Engine(EngineError),
    /// The TPM cannot be used, or cannot be used any more.
    Service(ServiceError),
    /// The configuration names no manager.
    NoManager,
    /// The manager's device has no uuid, or what this says in its place.
    NoUuid(Option<String>),
    /// The device of the manager was not there when its uuid was to be read.
    NoLink(LinkError),
    /// The disk cannot be used.
    Disk(AttachError),
    /// The manager did not answer.
    Manager(ManagerError),
    /// The kept state may not be used, or none may be made.
    Stop(Stop),
    /// xenstored does not let us work.
    Store { what: String, error: StoreError },
}

impl Fault {
    /// Why there is no uuid.
    pub(crate) fn uuid(error: UuidError) -> Self {
        match error {
            UuidError::Absent => Self::NoUuid(None),
            UuidError::NotOne(text) => Self::NoUuid(Some(text)),
            UuidError::Link(error) => Self::NoLink(error),
            UuidError::Store(error) => Self::Store {
                what: "the uuid of its manager's device cannot be read".into(),
                error,
            },
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommandLine(error) => write!(f, "{error}; see extra= of its configuration"),
            Self::Argument(error) => error.fmt(f),
            Self::Memory(error) => error.fmt(f),
            Self::Engine(EngineError::NoEntropy) => f.write_str(
                "no source of entropy passed its checks, so every key would be guessable; run it on \
                 a CPU with RDRAND or RDSEED and do not mask those by cpuid=",
            ),
            Self::Engine(error) => write!(f, "{error}; {RESTART}"),
            // These say themselves what to do.
            Self::Service(error @ (ServiceError::NotKept(_) | ServiceError::NotBegun(_))) => {
                error.fmt(f)
            }
            Self::Service(error) => write!(f, "{error}; {RESTART}"),
            Self::NoManager => f.write_str(
                "it has no manager to keep its state with: write \
                 vtpm=[\"backend=MANAGER,uuid=UUID\"] into its configuration, or add the word \
                 ephemeral to extra= for state that lives as long as this domain",
            ),
            Self::NoUuid(None) => f.write_str(
                "the device of its manager has no uuid: write uuid= into vtpm= of its configuration",
            ),
            Self::NoUuid(Some(text)) => write!(
                f,
                "the device of its manager has no uuid but {text:?}: write a uuid of the form \
                 8-4-4-4-12 into vtpm= of its configuration"
            ),
            Self::NoLink(error) => write!(
                f,
                "the uuid of its manager's device: {error}: start the manager that vtpm= of its \
                 configuration names, then this domain"
            ),
            Self::Disk(AttachError::NoSuchDisk(_)) => f.write_str(
                "it has no disk to keep its state on: write disk=[\"format=raw, vdev=hda, access=w, \
                 target=FILE\"] into its configuration, or add the word ephemeral to extra= for \
                 state that lives as long as this domain",
            ),
            Self::Disk(error) => write!(f, "its disk hda: {error}"),
            Self::Manager(error) => write!(
                f,
                "{error}: start the manager that vtpm= of its configuration names, then this domain"
            ),
            Self::Stop(stop) => stop.fmt(f),
            Self::Store { what, error } => {
                write!(f, "{what}: {error}; see that xenstored runs, and start it again")
            }
        }
    }
}
