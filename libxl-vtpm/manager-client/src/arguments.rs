//! The command line.

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
  xl vtpm-attach 0 uuid=$(uuidgen) backend=vtpmmgr

Examples:
  vtpmmgr-ctl list
  vtpmmgr-ctl new 0f8e1a52-7c3d-4b69-9a10-5566778899aa --tpm 2.0
  vtpmmgr-ctl policy recovery-key > /root/vtpm-recovery-key
  vtpmmgr-ctl prepare-shutdown";

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
    /// What the store's secret is sealed under
    #[command(subcommand)]
    Policy(Policy),
    /// Make everything durable, bring the hardware TPM to rest, and end the manager
    PrepareShutdown {
        /// Also while vTPMs are attached: they can save nothing any more
        #[arg(long)]
        attached_too: bool,
    },
}

#[derive(Subcommand)]
pub(crate) enum Policy {
    /// Show it
    Show,
    /// Seal anew, to the machine as it is now
    Reseal {
        /// Which PCRs must stay as they are, as in sha256:5,7 [default: the default selection]
        #[arg(long, default_value = "", hide_default_value = true)]
        pcrs: String,
        /// In spite of PCRs without measurements, or of a missing recovery key
        #[arg(long)]
        force: bool,
    },
    /// Make a new recovery key and print it, this once
    RecoveryKey,
    /// Open a store whose policy refuses; the recovery key is read from standard input
    Recover {
        /// In spite of PCRs without measurements
        #[arg(long)]
        force: bool,
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
