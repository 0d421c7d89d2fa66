//! What the wishes amount to: every domain with every value, checked.

use crate::checks;
use crate::identity;
use crate::wanted::{Guest, Text, Wanted};
use anyhow::{Context, Result};
use libxl_vtpm::line::VtpmLine;
use libxl_vtpm::{TpmVersion, Uuid};
use std::collections::HashMap;
use std::path::PathBuf;

/// Everything that is to be written.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) images: String,
    /// How stub domains run: `pvh` or `pv`.
    pub(crate) kind: &'static str,
    /// `None`: every vTPM is ephemeral.
    pub(crate) manager: Option<Manager>,
    pub(crate) vtpms: Vec<Vtpm>,
}

#[derive(Debug)]
pub(crate) struct Manager {
    pub(crate) file: PathBuf,
    /// It is there, and is left alone.
    pub(crate) stays: bool,
    pub(crate) name: String,
    /// `2.0`, `1.2` or `none`.
    pub(crate) hardware: &'static str,
    pub(crate) memory_mib: u32,
    pub(crate) disk: String,
    pub(crate) iomem: Vec<String>,
    pub(crate) extra: String,
}

/// A vTPM domain and its guest.
#[derive(Debug)]
pub(crate) struct Vtpm {
    pub(crate) file: PathBuf,
    pub(crate) name: String,
    pub(crate) tpm: TpmVersion,
    pub(crate) uuid: Uuid,
    pub(crate) ephemeral: bool,
    pub(crate) memory_mib: u32,
    pub(crate) disk: String,
    pub(crate) extra: String,
    pub(crate) guest: GuestFile,
}

#[derive(Debug)]
pub(crate) struct GuestFile {
    pub(crate) file: PathBuf,
    pub(crate) name: String,
    pub(crate) content: Content,
}

/// Where a guest's file comes from.
#[derive(Debug)]
pub(crate) enum Content {
    /// A file of the administrator's, with its path and text.
    From(PathBuf, String),
    /// Made here.
    Made(Box<Made>),
}

#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) kind: &'static str,
    pub(crate) memory_mib: u32,
    pub(crate) vcpus: u32,
    pub(crate) kernel: Option<String>,
    pub(crate) ramdisk: Option<String>,
    pub(crate) cmdline: Option<String>,
    pub(crate) bootloader: Option<String>,
    pub(crate) disk: Vec<String>,
    pub(crate) vif: Vec<String>,
}

const MANAGER: &str = "vtpmmgr";
/// The registers of the hardware TPM: five localities from 0xfed40000 on (TCG PC Client Platform TPM
/// Profile 1.05, 6.5).
const IOMEM: &str = "fed40,5";

impl Vtpm {
    /// The guest's line.
    pub(crate) fn line(&self) -> VtpmLine {
        VtpmLine { backend: self.name.clone(), uuid: Some(self.uuid), tpm: None }
    }
}

impl Plan {
    /// Checks everything and fills in what was left out.
    ///
    /// # Errors
    /// The first thing that cannot be, with its place in the file.
    pub(crate) fn of(wanted: &Wanted) -> Result<Self> {
        let folder = wanted.host.output.clone().unwrap_or_default();
        let folder = wanted.output_is_relative_to.join(folder);
        let given = |text: Option<&Text>, otherwise: &str| match text {
            Some(text) => checks::disk(wanted, text),
            None => Ok(otherwise.to_owned()),
        };
        let planner = Planner {
            wanted,
            disks: given(wanted.host.disks.as_ref(), "/var/lib/xen/vtpm")?,
            folder,
        };
        let vtpms = wanted.guest.iter().map(|guest| planner.vtpm(guest));
        let vtpms: Vec<Vtpm> = vtpms.collect::<Result<_>>()?;
        let managed = vtpms.is_empty() || vtpms.iter().any(|vtpm| !vtpm.ephemeral);
        let plan = Self {
            images: given(wanted.host.images.as_ref(), "/usr/lib/xen/boot")?,
            kind: checks::one_of(wanted, wanted.host.kind.as_ref(), &["pvh", "pv"])?,
            manager: if managed { Some(planner.manager()?) } else { None },
            vtpms,
        };
        plan.all_different(wanted)?;
        Ok(plan)
    }

    /// Two domains of one name, or two vTPMs of one identity or on one disk, would ruin each other.
    fn all_different(&self, wanted: &Wanted) -> Result<()> {
        let mut seen: HashMap<String, String> = HashMap::new();
        let mut once = |guest: usize, what: String, whose: &str| match seen.get(&what) {
            None => {
                seen.insert(what, whose.to_owned());
                Ok(())
            }
            Some(other) => {
                let span = wanted.guest.get(guest).map_or(0..0, |guest| guest.name.span());
                Err(wanted.error(
                    span,
                    format!("{what} is \"{other}\"'s already; \"{whose}\" needs another"),
                ))
            }
        };
        if let Some(manager) = &self.manager {
            once(0, format!("the name {}", manager.name), &manager.name)?;
            once(0, format!("the disk {}", manager.disk), &manager.name)?;
        }
        for (at, vtpm) in self.vtpms.iter().enumerate() {
            once(at, format!("the name {}", vtpm.name), &vtpm.name)?;
            once(at, format!("the name {}", vtpm.guest.name), &vtpm.guest.name)?;
            once(at, format!("the uuid {}", vtpm.uuid), &vtpm.name)?;
            if !vtpm.ephemeral {
                once(at, format!("the disk {}", vtpm.disk), &vtpm.name)?;
            }
        }
        Ok(())
    }
}

struct Planner<'w> {
    wanted: &'w Wanted,
    folder: PathBuf,
    disks: String,
}

impl Planner<'_> {
    fn text(&self, text: Option<&Text>) -> Result<Option<String>> {
        text.map(|text| checks::quotable(self.wanted, text)).transpose()
    }

    fn texts(&self, texts: &[Text]) -> Result<Vec<String>> {
        texts.iter().map(|text| checks::quotable(self.wanted, text)).collect()
    }

    /// A command line of its first words and those that were asked for.
    fn words(&self, first: &[&str], more: Option<&Text>) -> Result<String> {
        let more = self.text(more)?.unwrap_or_default();
        let words = first.iter().copied().chain(more.split_whitespace());
        Ok(words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "))
    }

    fn manager(&self) -> Result<Manager> {
        let none = crate::wanted::Manager::default();
        let asked = self.wanted.manager.as_ref().unwrap_or(&none);
        let name = match &asked.name {
            Some(name) => checks::name(self.wanted, name)?,
            None => MANAGER.into(),
        };
        let hardware =
            checks::one_of(self.wanted, asked.hardware.as_ref(), &["2.0", "1.2", "none"])?;
        let word = match hardware {
            "2.0" => "tpm2",
            "none" => "hwtpm=none",
            _ => "",
        };
        let disk = match &asked.disk {
            Some(disk) => checks::disk(self.wanted, disk)?,
            None => format!("{}/{name}.img", self.disks),
        };
        let file = self.folder.join(format!("{name}.cfg"));
        Ok(Manager {
            stays: asked.keep && file.exists(),
            file,
            hardware,
            memory_mib: asked.memory.unwrap_or(16),
            disk,
            iomem: match &asked.iomem {
                Some(ranges) => self.texts(ranges)?,
                None => vec![IOMEM.into()],
            },
            extra: self.words(&[word], asked.extra.as_ref())?,
            name,
        })
    }

    fn vtpm(&self, asked: &Guest) -> Result<Vtpm> {
        let guest = self.guest(asked)?;
        let name = match &asked.vtpm {
            Some(name) => checks::name(self.wanted, name)?,
            None => format!("{}-vtpm", guest.name),
        };
        let file = self.folder.join(format!("{name}.cfg"));
        let tpm = checks::version(self.wanted, asked.tpm.as_ref())?;
        let ephemeral = asked.ephemeral.unwrap_or(false);
        let first = [
            if tpm == TpmVersion::Tpm20 { "tpm2" } else { "" },
            if ephemeral { "ephemeral" } else { "" },
        ];
        let disk = match &asked.vtpm_disk {
            Some(disk) => checks::disk(self.wanted, disk)?,
            None => format!("{}/{name}.img", self.disks),
        };
        Ok(Vtpm {
            uuid: identity::of(self.wanted, asked.uuid.as_ref(), &file, &guest.file)?,
            tpm,
            ephemeral,
            memory_mib: asked.vtpm_memory.unwrap_or(8),
            disk,
            extra: self.words(&first, asked.vtpm_extra.as_ref())?,
            guest,
            file,
            name,
        })
    }

    fn guest(&self, asked: &Guest) -> Result<GuestFile> {
        let name = checks::name(self.wanted, &asked.name)?;
        let content = match &asked.config {
            Some(path) => self.existing(path)?,
            None => self.made(asked)?,
        };
        Ok(GuestFile { file: self.folder.join(format!("{name}.cfg")), name, content })
    }

    fn existing(&self, path: &Text) -> Result<Content> {
        let file = self.wanted.output_is_relative_to.join(path.get_ref());
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read {}", file.display()));
        let text = text.map_err(|error| self.wanted.error(path.span(), format!("{error:#}")))?;
        Ok(Content::From(file, text))
    }

    fn made(&self, asked: &Guest) -> Result<Content> {
        let kind = checks::one_of(self.wanted, asked.kind.as_ref(), &["pvh", "pv", "hvm"])?;
        let (kernel, bootloader) =
            (self.text(asked.kernel.as_ref())?, self.text(asked.bootloader.as_ref())?);
        if kernel.is_none() && bootloader.is_none() && kind != "hvm" {
            return Err(self.wanted.error(
                asked.name.span(),
                "this guest has nothing to boot; name its xl configuration with config=, or a \
                 kernel= or bootloader=",
            ));
        }
        Ok(Content::Made(Box::new(Made {
            kind,
            memory_mib: asked.memory.unwrap_or(512),
            vcpus: asked.vcpus.unwrap_or(1),
            kernel,
            ramdisk: self.text(asked.ramdisk.as_ref())?,
            cmdline: self.text(asked.cmdline.as_ref())?,
            bootloader,
            disk: self.texts(&asked.disk)?,
            vif: self.texts(&asked.vif)?,
        })))
    }
}
