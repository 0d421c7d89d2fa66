//! The command line of `policy`.

use clap::{Args, Subcommand};
use std::path::PathBuf;
use vtpm_custody::{PcrSelection, PcrState};

pub(super) const NOTES: &str = "\
A STATE is a word such as sha256:5=HEX,7=HEX: PCRs of one bank and their values; several banks are joined by +.

Before an update that changes PCRs, without an administrator's key: have the recovery key at hand, and bring it
where the store does not open afterwards:
  vtpmmgr-ctl policy recover --key FILE
Where the PCRs after the update are known, they can be accepted before it:
  vtpmmgr-ctl policy predict sha256:5=HEX,7=ZEROS --extend sha256:7=HEX ...     (every digest of that boot)
  vtpmmgr-ctl policy add STATE
and after it:
  vtpmmgr-ctl policy drop

With an administrator's key, which may live on another machine:
  vtpmmgr-ctl policy new-key admin.pem                  (there; leaves admin.pem.pub, too)
  vtpmmgr-ctl policy request > request.json             (here)
  vtpmmgr-ctl policy approve --key admin.pem request.json > approval.json      (there)
  vtpmmgr-ctl policy enrol --key admin.pem.pub approval.json                   (here)
  vtpmmgr-ctl policy request STATE, approve, policy submit approval.json       (before an update)
  vtpmmgr-ctl policy request --next, approve, submit, policy retire            (after it)";

#[derive(Subcommand)]
pub(crate) enum Policy {
    /// Show the accepted states, the present one, and who decides
    Show,
    /// Seal anew, to the machine as it is now
    Reseal {
        /// Which PCRs must stay as they are, as in sha256:5,7 [default: the default selection]
        #[arg(long, value_parser = selection)]
        pcrs: Option<PcrSelection>,
        /// In spite of PCRs without measurements, or of a missing recovery key
        #[arg(long)]
        force: bool,
    },
    /// Accept further states, such as the one after an update
    Add {
        /// States besides the present one and those that are accepted already
        #[arg(required = true, value_name = "STATE", value_parser = state)]
        states: Vec<PcrState>,
        /// In spite of PCRs without measurements
        #[arg(long)]
        force: bool,
    },
    /// Accept the present state alone, as after an update
    Drop {
        /// In spite of PCRs without measurements
        #[arg(long)]
        force: bool,
    },
    /// Make a recovery key and hand it out, this once
    ///
    /// It opens the store on any machine and without any TPM. The manager keeps no copy. Lost on
    /// the way, it is replaced by another.
    RecoveryKey {
        #[command(flatten)]
        to: Where,
        /// Also when there is one already, which opens nothing any more then
        #[arg(long)]
        replace: bool,
    },
    /// Open a store whose policy refuses, or begin anew without an administrator's key
    ///
    /// The store is sealed to this machine as it is now, under the default selection; a manager
    /// that runs with hwtpm=none keeps its secret in clear. On another TPM than before, or
    /// without one, nobody can tell whether the disk is the newest: rollback before this moment
    /// cannot be detected.
    Recover {
        /// The file with the recovery key [default: standard input]
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// In spite of PCRs without measurements
        #[arg(long)]
        force: bool,
    },
    /// Write down what an administrator is to approve
    ///
    /// Makes the epoch of approvals in the hardware TPM where there is none.
    Request {
        /// The state [default: the present one]
        #[arg(value_parser = state)]
        state: Option<PcrState>,
        /// For the epoch that retiring the present one begins
        #[arg(long)]
        next: bool,
    },
    /// Let an administrator's key decide what is accepted, from now on
    Enrol {
        /// The public key: ECDSA on P-256, in PEM
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Files with approvals, one of them of the present state
        #[arg(required = true, value_name = "APPROVAL")]
        approvals: Vec<PathBuf>,
    },
    /// Accept a state that the administrator's key approved
    Submit {
        /// The file with the approval, - for standard input
        #[arg(value_name = "APPROVAL")]
        approval: PathBuf,
    },
    /// End every approval of the present epoch, on older copies of the disk, too
    ///
    /// The present state must be approved for the next epoch already.
    Retire,
    #[command(flatten)]
    Offline(Offline),
}

/// What needs no manager, or only to read from it.
#[derive(Subcommand)]
pub(crate) enum Offline {
    /// Compute what a policy over a state would be
    Predict {
        /// The state to begin with [default: the present one, for which the manager is asked: right only for
        /// what is measured behind all of this boot]
        #[arg(value_parser = state)]
        state: Option<PcrState>,
        /// What will be measured into one of its PCRs, in this order; may be repeated
        #[arg(long, value_name = "BANK:PCR=HEX", value_parser = state)]
        extend: Vec<PcrState>,
        /// The epoch of an approval
        #[arg(long)]
        epoch: Option<u64>,
    },
    /// Make an administrator's key: FILE, and FILE.pub for enrol
    NewKey {
        /// The private key's file, which must not be there yet
        #[arg(value_name = "FILE")]
        key: PathBuf,
    },
    /// Sign an approval, without a manager, on any machine
    Approve {
        /// The private key: ECDSA on P-256, in PEM
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// The file that request wrote, - for standard input
        #[arg(value_name = "REQUEST", required_unless_present = "state")]
        request: Option<PathBuf>,
        /// The state, in place of a request
        #[arg(long, value_parser = state, requires = "epoch", conflicts_with = "request")]
        state: Option<PcrState>,
        /// Its epoch
        #[arg(long, requires = "state")]
        epoch: Option<u64>,
    },
}

/// Where a recovery key goes.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Where {
    /// Into this file, which must not be there yet; only root may read it
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// To standard output
    #[arg(long)]
    pub(crate) stdout: bool,
}

fn selection(text: &str) -> Result<PcrSelection, String> {
    PcrSelection::parse(text).map_err(|error| error.to_string())
}

fn state(text: &str) -> Result<PcrState, String> {
    PcrState::parse(text)
        .map_err(|error| format!("{error} (vtpmmgr-ctl policy show prints the present one)"))
}
