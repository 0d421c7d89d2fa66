//! The command line of `xl-vtpm service`.

use clap::{Subcommand, value_parser};

#[derive(Subcommand, Debug)]
pub(crate) enum Service {
    /// Start the manager and the resident vTPMs, as at boot
    Up {
        /// How long to wait for each to be ready, in seconds
        #[arg(long, default_value_t = 60, value_parser = value_parser!(u64).range(1..=3600), value_name = "SECONDS")]
        timeout: u64,
        /// The manager's name
        #[arg(long, default_value = "vtpmmgr", value_name = "NAME")]
        manager: String,
        /// Say what would be done, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// End all guests that have a vTPM, then all vTPMs, then their managers
    Down {
        /// How long guests may take to shut down before they are ended by force, in seconds
        #[arg(long, default_value_t = 120, value_parser = value_parser!(u64).range(1..=3600), value_name = "SECONDS")]
        timeout: u64,
        /// Say what would be ended, and end nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Watch: end vTPMs whose guests are gone, connect vTPMs to a restarted manager
    Run {
        /// How long a vTPM that is not resident outlives its guest, in seconds
        #[arg(long, default_value_t = 30, value_parser = value_parser!(u64).range(0..=86400), value_name = "SECONDS")]
        grace: u64,
        /// The manager's name
        #[arg(long, default_value = "vtpmmgr", value_name = "NAME")]
        manager: String,
    },
}
