//! The command line.

use crate::exit::CODES;
use crate::service::Service;
use crate::{clear, doctor, end, logs, show};
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use std::path::PathBuf;

/// Starts guests with their virtual TPMs, and shows them
#[derive(Parser, Debug)]
#[command(name = "xl-vtpm", version, disable_help_subcommand = true, after_long_help = notes())]
pub(crate) struct Arguments {
    /// Write answers as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  xl-vtpm new guest1 --guest-config /etc/xen/guest1.cfg
  xl-vtpm create /etc/xen/vtpm/guest1.cfg --dry-run
  xl-vtpm create /etc/xen/vtpm/guest1.cfg
  xl-vtpm list
  xl-vtpm shutdown guest1
  xl-vtpm doctor

More in xl-vtpm(1).";

fn notes() -> String {
    let codes = CODES.iter().map(|(code, means)| format!("  {code}  {means}\n"));
    format!("Exit codes:\n{}\n{EXAMPLES}", codes.collect::<String>())
}

/// Where the files of vTPM domains are looked for, besides the folder of the guest's file.
pub(crate) const FOLDER: &str = "/etc/xen/vtpm";

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// List the vTPMs of all domains, or of these
    List {
        /// Names or numbers
        domains: Vec<String>,
        /// Also ask the vTPMs' managers for the generations, by a device of domain 0 made for that
        #[arg(long)]
        records: bool,
    },
    /// Show a vTPM's record at the manager: identity, generation, image, endorsement key
    Show(show::Options),
    /// Write the configuration files of a guest's vTPM
    New(New),
    /// Start a guest, before it its vTPMs, and before them their manager
    Create {
        /// The guest's xl configuration
        file: PathBuf,
        #[command(flatten)]
        how: How,
    },
    /// Give a running guest a vTPM
    Attach {
        /// The guest's name or number
        guest: String,
        /// As in an xl configuration: backend=DOMAIN[,uuid=UUID]
        #[arg(value_hint = ValueHint::Other)]
        vtpm: String,
        /// Say what would be done, and do nothing
        #[arg(long)]
        dry_run: bool,
        /// How long to wait for a vTPM domain that is starting, in seconds
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600), value_name = "SECONDS")]
        timeout: u64,
    },
    /// Take a vTPM from a running guest
    Detach {
        /// The guest's name or number
        guest: String,
        /// The vTPM's number or uuid
        #[arg(value_hint = ValueHint::Other)]
        vtpm: String,
        /// Say what would be done, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// End a guest and then its vTPMs, in order
    Shutdown(end::Shutdown),
    /// End a guest at once, and then its vTPMs in order
    Destroy(end::Destroy),
    /// Forget what a vTPM holds, so that it starts as a new TPM; asks first
    Clear(clear::Options),
    /// Print what a vTPM domain or the manager wrote to its console
    Logs(logs::Options),
    /// Say what is in the way of vTPMs on this machine, and what to do about it
    Doctor(doctor::Options),
    /// Print the completion of this command for a shell
    Completion {
        /// Which
        shell: Shell,
    },
    /// The manager of all vTPMs
    #[command(subcommand)]
    Manager(Manager),
    /// Start a guest's vTPMs at boot, and let them outlive their guest
    Enable {
        /// The guest's name
        guest: String,
        /// The xl configuration of a vTPM domain; may be repeated [default: NAME.cfg in /etc/xen/vtpm]
        #[arg(long, value_name = "FILE")]
        config: Vec<PathBuf>,
        /// Say what would be done, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Let a guest's vTPMs come and go with their guest again
    Disable {
        /// The guest's name
        guest: String,
        /// Say what would be done, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// What runs around guests: before they start, while they run, when all of them end
    #[command(subcommand)]
    Service(Service),
    /// Start the vTPMs of a guest that is being started; for block-vtpm
    #[command(hide = true)]
    Hotplug {
        /// The guest's number
        domid: u32,
    },
    /// Take a domain away once it has ended
    #[command(hide = true)]
    Reap {
        /// Its number
        domid: u32,
    },
}

/// A shell that can be taught to complete words.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Shell {
    /// GNU bash
    Bash,
    /// zsh
    Zsh,
    /// fish
    Fish,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Manager {
    /// Start it
    Start {
        /// Its name
        #[arg(default_value = "vtpmmgr")]
        name: String,
        #[command(flatten)]
        how: How,
    },
    /// End it in order
    Stop {
        /// Its name
        #[arg(default_value = "vtpmmgr")]
        name: String,
        /// How long it may take to end in order before it is ended by force, in seconds
        #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=3600), value_name = "SECONDS")]
        timeout: u64,
    },
    /// Say whether it serves
    Status {
        /// Its name
        #[arg(default_value = "vtpmmgr")]
        name: String,
    },
}

/// How something is started.
#[derive(Args, Debug)]
pub(crate) struct How {
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// How long to wait for each domain to be ready, in seconds
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600), value_name = "SECONDS")]
    pub(crate) timeout: u64,
    /// The xl configuration of a vTPM domain or manager; may be repeated [default: NAME.cfg beside the guest's file or in /etc/xen/vtpm]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Vec<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct New {
    /// The guest's name
    pub(crate) guest: String,
    /// Its xl configuration, to a copy of which the vTPM is added
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) guest_config: String,
    /// Which TPM, 2.0 or 1.2
    #[arg(long, default_value = "2.0", value_name = "VERSION")]
    pub(crate) tpm: String,
    /// Its identity [default: that of a file that is replaced, or a new one]
    #[arg(long, value_hint = ValueHint::Other)]
    pub(crate) uuid: Option<String>,
    /// A vTPM whose state lives as long as its domain
    #[arg(long)]
    pub(crate) ephemeral: bool,
    /// The hardware TPM of the manager, 2.0, 1.2 or none; a manager's file that is there stays as it is,
    /// and has to say the same [default: 2.0]
    #[arg(long, value_name = "VERSION")]
    pub(crate) hardware: Option<String>,
    /// Disk images get all their space when they are made, in place of being sparse
    #[arg(long)]
    pub(crate) allocated: bool,
    /// The folder that the files are written to
    #[arg(long, default_value = FOLDER, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(crate) output: PathBuf,
    /// Replace files that are there (a vTPM keeps its uuid)
    #[arg(long)]
    pub(crate) force: bool,
    /// Show the files, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[test]
fn the_command_line_is_strict() {
    let good = |words: &[&str]| Arguments::try_parse_from([&["xl-vtpm"], words].concat()).is_ok();
    assert!(good(&["create", "g.cfg", "--timeout", "5", "--json", "--dry-run"]));
    assert!(good(&["list", "g1", "g2"]) && good(&["manager", "status"]));
    for words in [&["attach", "g", "backend=v"][..], &["detach", "g", "0"], &["disable", "g"]] {
        assert!(good(words) && good(&[words, &["--dry-run"]].concat()), "{words:?}");
    }
    assert!(good(&["enable", "g", "--dry-run"]) && good(&["service", "down", "--timeout", "9"]));
    for words in [&["attach", "g", "backend=v"][..], &["destroy", "g"], &["clear", "g"]] {
        assert!(good(&[words, &["--timeout", "9"]].concat()), "{words:?}");
        assert!(!good(&[words, &["--timeout", "0"]].concat()), "{words:?}");
    }
    assert!(good(&["manager", "stop", "--timeout", "3600"]));
    assert!(!good(&["detach", "g", "0", "--timeout", "9"]), "the ten seconds are libxl's");
    assert!(!good(&["service"]) && !good(&["service", "up", "g"]) && !good(&["enable"]));
    assert!(!good(&["create"]) && !good(&["create", "g.cfg", "--timeout", "0"]));
    assert!(good(&["clear", "g", "--yes"]) && good(&["completion", "fish"]));
    assert!(!good(&["completion", "tcsh"]) && !good(&["logs", "g", "--lines", "0"]));
    assert!(!good(&["shutdown", "g", "h"]) && !good(&["manager", "restart"]));
}

#[test]
fn the_manual_page_has_every_option_and_no_other() {
    manual::assert_page("xl-vtpm.1", <Arguments as clap::CommandFactory>::command());
}
