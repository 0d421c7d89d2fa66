//! Why a vTPM domain stops without having been asked to.

use alloc::string::String;
use core::fmt;
use domain_io::StoreError;
use vtpm_engine::EngineError;
use vtpm_service::ServiceError;
use vtpm_service::arguments::ArgumentError;
use xen_guest::{CommandLineError, TooLittleMemory};

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
    /// xenstored does not let us work.
    Store { what: String, error: StoreError },
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
            Self::Service(error) => write!(f, "{error}; {RESTART}"),
            Self::Store { what, error } => {
                write!(f, "{what}: {error}; see that xenstored runs, and start it again")
            }
        }
    }
}
