//! The command line.

mod policy;

pub(crate) use policy::{Offline, Policy, Where};

use clap::{Parser, Subcommand, ValueEnum};
use manager_client::{TpmVersion, UuidBytes, parse_uuid};
use std::path::PathBuf;

/// Commands the manager of all vTPMs, from domain 0
#[derive(Parser)]
#[command(name = "vtpmmgr-ctl", version, disable_help_subcommand = true, after_long_help = NOTES)]
pub(crate) struct Arguments {
    /// The device that leads to the manager [default: the one that does]
    #[arg(long, value_name = "PATH", global = true)]
    pub(crate) device: Option<PathBuf>,

    /// Write answers as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

const NOTES: &str = "\
The way to the manager is a vTPM device of domain 0, made once after each start of the manager:

  modprobe xen-tpmfront
  xl vtpm-attach 0 backend=vtpmmgr

Examples:
  vtpmmgr-ctl list
  vtpmmgr-ctl new 0f8e1a52-7c3d-4b69-9a10-5566778899aa --tpm 2.0
  vtpmmgr-ctl policy recovery-key --out /root/vtpm-recovery-key
  vtpmmgr-ctl prepare-shutdown

Exit codes: 0 done; 2 wrong arguments; 3 no way to the manager; 4 the manager refused, and says why; 5 the
manager is locked or busy; 6 its answer cannot be read; 7 a file or value that was given cannot be used;
1 anything else. With --json an error is an object on standard output.";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Say what the manager is and does
    Stats,
    /// List the vTPMs
    List,
    /// Show one vTPM
    Show {
        /// Which
        #[arg(value_parser = uuid)]
        uuid: UuidBytes,
    },
    /// Make the record of a vTPM that will come
    New {
        /// Its uuid, as in vtpm= of its domain
        #[arg(value_parser = uuid)]
        uuid: UuidBytes,
        /// Which TPM it will be
        #[arg(long, value_enum, default_value_t = Version::Tpm20)]
        tpm: Version,
        /// Its group
        #[arg(long, default_value_t = 0)]
        group: u32,
    },
    /// Remove a vTPM's record, and with it the key of its state
    Delete {
        /// Which
        #[arg(value_parser = uuid)]
        uuid: UuidBytes,
        /// Also when it has saved state, which nobody can read any more then
        #[arg(long)]
        with_state: bool,
    },
    /// Serve a vTPM again
    Enable {
        /// Which
        #[arg(value_parser = uuid)]
        uuid: UuidBytes,
    },
    /// Keep a vTPM, but do not serve it
    Disable {
        /// Which
        #[arg(value_parser = uuid)]
        uuid: UuidBytes,
    },
    /// Let a vTPM go on once from an older state, such as a backup of its disk
    ///
    /// The vTPM domain must not be running. It names the generations on its disk when it refuses
    /// them. What was changed since that state is lost: keys, counters, tries of PINs.
    AcceptOlder {
        /// Which vTPM
        #[arg(value_parser = uuid)]
        uuid: UuidBytes,
        /// The generation of the older state
        #[arg(value_parser = clap::value_parser!(u64).range(1..), required_unless_present = "withdraw")]
        generation: Option<u64>,
        /// Take the word back
        #[arg(long, conflicts_with = "generation")]
        withdraw: bool,
    },
    /// What the store's secret is sealed under, and who decides about it
    #[command(subcommand, after_long_help = policy::NOTES)]
    Policy(Policy),
    /// Make everything durable, bring the hardware TPM to rest, and end the manager
    PrepareShutdown {
        /// Also while vTPMs are attached: they can save nothing any more
        #[arg(long)]
        attached_too: bool,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Version {
    /// TPM 1.2
    #[value(name = "1.2")]
    Tpm12,
    /// TPM 2.0
    #[value(name = "2.0")]
    Tpm20,
}

impl From<Version> for TpmVersion {
    fn from(version: Version) -> Self {
        match version {
            Version::Tpm12 => Self::Tpm12,
            Version::Tpm20 => Self::Tpm20,
        }
    }
}

fn uuid(text: &str) -> Result<UuidBytes, String> {
    parse_uuid(text)
        .ok_or_else(|| "write it as in 0f8e1a52-7c3d-4b69-9a10-5566778899aa".to_string())
}

#[test]
fn the_manual_page_has_every_option_and_no_other() {
    manual::assert_page("vtpmmgr-ctl.8", <Arguments as clap::CommandFactory>::command());
}
