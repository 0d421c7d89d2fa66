//! The command line.

use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Hands the hardware TPM of this machine over to the manager of all vTPMs
#[derive(Parser)]
#[command(name = "vtpm-hwtpm", version, disable_help_subcommand = true, after_long_help = NOTES)]
pub(crate) struct Arguments {
    /// Write answers as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Use the sys, proc and etc below this folder in place of this machine's
    #[arg(long, value_name = "DIR", default_value = "/", global = true, value_parser = folder)]
    pub(crate) root: PathBuf,

    #[command(subcommand)]
    pub(crate) command: Command,
}

const NOTES: &str = "\
To be run as root in domain 0. Once, when the manager is set up:

  vtpm-hwtpm status
  vtpm-hwtpm release
  vtpm-hwtpm lines                 (in place of iomem= and extra= in /etc/xen/vtpm/vtpmmgr.cfg)
  vtpm-hwtpm keep

Exit code 0: done, or nothing to do; 1: refused or failed, with the reason; 2: wrong arguments.";

fn folder(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_dir() { Ok(path) } else { Err("name a folder that is there".into()) }
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Say who holds the TPM, who uses it, and what firmware says about it
    Status,
    /// Make domain 0's kernel let go of the TPM; refused while a program has it open
    Release {
        /// Do nothing, successfully, where this is not domain 0 of Xen or has no TPM
        #[arg(long)]
        at_boot: bool,
    },
    /// Let domain 0's kernel have the TPM again; refused while a manager runs
    GiveBack {
        /// Also while a manager runs, whose commands this can ruin
        #[arg(long)]
        force: bool,
    },
    /// Release the TPM at each boot from now on, under systemd and under sysvinit
    Keep,
    /// Stop doing that
    Unkeep,
    /// Print the lines for the manager's configuration
    Lines,
}

#[test]
fn the_manual_page_has_every_option_and_no_other() {
    manual::assert_page("vtpm-hwtpm.8", <Arguments as clap::CommandFactory>::command());
}
