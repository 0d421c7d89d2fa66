//! The command line.

use crate::wanted::{Guest, Manager, Wanted};
use crate::{files, machine};
use anyhow::{Result, anyhow, bail};
use clap::Parser;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// Writes xl configuration files for the vTPM manager, vTPM domains and their guests
#[derive(Parser, Debug, Default)]
#[command(name = "vtpm-config-gen", version, after_long_help = NOTES)]
pub struct Arguments {
    /// What is wanted, as TOML
    #[arg(value_name = "FILE.toml", required_unless_present = "guest", conflicts_with = "guest")]
    pub file: Option<PathBuf>,

    /// Without a TOML file: the guest that gets a vTPM
    #[arg(long, value_name = "NAME")]
    pub guest: Option<String>,

    /// With --guest: its xl configuration, to which the vTPM is added
    #[arg(long, value_name = "FILE", requires = "guest")]
    pub guest_config: Option<String>,

    /// With --guest: which TPM, 2.0 or 1.2 [default: 2.0]
    #[arg(long, value_name = "VERSION", requires = "guest")]
    pub tpm: Option<String>,

    /// With --guest: the vTPM's identity [default: the one of a file that is replaced, or a new one]
    #[arg(long, value_name = "UUID", requires = "guest")]
    pub uuid: Option<String>,

    /// With --guest: a vTPM whose state lives as long as its domain
    #[arg(long, requires = "guest")]
    pub ephemeral: bool,

    /// With --guest: the hardware TPM of the manager, 2.0, 1.2 or none; a manager's file that is there
    /// stays as it is, and has to say the same [default: 2.0]
    #[arg(long, value_name = "VERSION", requires = "guest")]
    pub hardware: Option<String>,

    /// With --guest: disk images get all their space when xl-vtpm makes them, in place of being sparse
    #[arg(long, requires = "guest")]
    pub allocated: bool,

    /// The folder that the files are written to [default: host.output of the TOML file, or .]
    #[arg(long, value_name = "FOLDER")]
    pub output: Option<PathBuf>,

    /// Replace files that are there (a vTPM keeps its uuid)
    #[arg(long)]
    pub force: bool,

    /// Print the files instead of writing them
    #[arg(long)]
    pub dry_run: bool,

    /// Say what was written as JSON
    #[arg(long)]
    pub json: bool,
}

const NOTES: &str = r#"A TOML file, all of it optional but the guests' names:

  [host]
  output = "/etc/xen/vtpm"            # where the files are written
  disks = "/var/lib/xen/vtpm"         # where the disk images are
  images = "/usr/lib/xen/boot"        # where vtpm-stubdom.gz and vtpmmgr-stubdom.gz are
  check_disks = true                  # scripts of the package make and check the disk images
  allocated = true                    # disk images have all their space from the start
  type = "pvh"                        # how the domains run: pvh or pv; by itself what this host does best

  [manager]
  hardware = "2.0"                    # the hardware TPM: 2.0, 1.2 or none
  extra = "loglevel=debug"            # more words for its command line

  [[guest]]
  name = "guest1"
  config = "/etc/xen/guest1.cfg"      # the vTPM is added to a copy of this file

  [[guest]]
  name = "guest2"
  tpm = "1.2"
  type = "pvh"                        # without config, a file is made of these
  kernel = "/boot/vmlinuz"
  memory = 512
  pinned = true                       # its vTPM serves no guest but one with this vTPM's uuid in its line

Examples:
  vtpm-config-gen vtpms.toml
  vtpm-config-gen --guest guest1 --guest-config /etc/xen/guest1.cfg --output /etc/xen/vtpm"#;

impl Arguments {
    /// What is wanted, from the file or from the options.
    pub(crate) fn wanted(&self) -> Result<Wanted> {
        let mut wanted = match (&self.file, &self.guest) {
            (Some(file), _) => {
                let text =
                    files::text(file, "name a TOML file, as vtpm-config-gen --help shows it")?;
                Wanted::parse(file, &text).map_err(|why| of_xl(file).unwrap_or(why))?
            }
            (None, Some(name)) => self.one_guest(name),
            (None, None) => bail!("name a TOML file, or a guest with --guest NAME"),
        };
        if let Some(output) = &self.output {
            // That of the file is relative to it, and config= stays so.
            wanted.host.output = Some(match self.file {
                Some(_) => std::path::absolute(output)?,
                None => output.clone(),
            });
        }
        wanted.kind_here = machine::kind();
        Ok(wanted)
    }

    fn one_guest(&self, name: &str) -> Wanted {
        let spanned = |text: &String| Spanned::new(0..0, text.clone());
        let guest = Guest {
            name: spanned(&name.to_owned()),
            config: self.guest_config.as_ref().map(spanned),
            tpm: self.tpm.as_ref().map(spanned),
            uuid: self.uuid.as_ref().map(spanned),
            ephemeral: self.ephemeral.then_some(true),
            ..Guest::default()
        };
        let mut wanted = Wanted::default();
        wanted.host.allocated = self.allocated.then_some(true);
        wanted.guest.push(guest);
        let hardware = self.hardware.as_ref().map(spanned);
        wanted.manager = Some(Manager { hardware, keep: true, ..Manager::default() });
        wanted
    }
}

/// What is said of a file that is one of xl's by its name.
fn of_xl(file: &Path) -> Option<anyhow::Error> {
    let told = "is an xl configuration by its name, and no TOML; to add a vTPM to it, type vtpm-config-gen \
                --guest NAME --guest-config";
    let path = file.display();
    (file.extension()? == "cfg").then(|| anyhow!("{path} {told} {path}"))
}

#[test]
fn the_manual_page_has_every_option_and_no_other() {
    manual::assert_page("vtpm-config-gen.1", <Arguments as clap::CommandFactory>::command());
}
