//! What the wishes amount to: every domain with every value, checked.

use crate::checks;
use crate::different;
use crate::identity;
use crate::standing;
use crate::wanted::{Guest, Text, Wanted};
use crate::words::{self, Reader};
use anyhow::{Result, anyhow};
use libxl_vtpm::line::VtpmLine;
use libxl_vtpm::text::{SettingAt, settings};
use libxl_vtpm::{TpmVersion, Uuid};
use std::path::PathBuf;
use toml::Spanned;

/// Everything that is to be written.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) images: String,
    /// Whether disk lines name the scripts that come with the images.
    pub(crate) checks_disks: bool,
    /// Whether disk images are to have all their space from the start.
    pub(crate) allocated: bool,
    /// How stub domains run: `pvh` or `pv`.
    pub(crate) kind: &'static str,
    /// Nobody has said that, and this machine was asked.
    pub(crate) kind_is_found: bool,
    /// Nobody has said that, and this machine could not be asked.
    pub(crate) kind_is_guessed: bool,
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

/// Less than these many MiB are refused: what a manager has been tried with, and a vTPM (README).
const LEAST_MIB: u32 = 8;
const VTPM_LEAST_MIB: u32 = 6;

impl Vtpm {
    /// The guest's line.
    pub(crate) fn line(&self) -> VtpmLine {
        VtpmLine { backend: self.name.clone(), uuid: Some(self.uuid), tpm: None }
    }
}

/// The package's folder of images.
const IMAGES: &str = "/usr/lib/xen/boot";

impl Plan {
    /// Checks everything and fills in what was left out.
    ///
    /// # Errors
    /// The first thing that cannot be, with its place in the file.
    pub(crate) fn of(wanted: &Wanted) -> Result<Self> {
        let folder = wanted.host.output.clone().unwrap_or_default();
        let folder = wanted.relative_to.join(folder);
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
        let images = given(wanted.host.images.as_ref(), IMAGES)?;
        let plan = Self {
            checks_disks: wanted.host.check_disks.unwrap_or(images.trim_end_matches('/') == IMAGES),
            allocated: wanted.host.allocated.unwrap_or(false),
            images,
            kind: kind(wanted, wanted.host.kind.as_ref(), &["pvh", "pv"])?,
            kind_is_found: wanted.host.kind.is_none() && wanted.kind_here.is_some(),
            kind_is_guessed: wanted.host.kind.is_none() && wanted.kind_here.is_none(),
            manager: if managed { Some(planner.manager()?) } else { None },
            vtpms,
        };
        different::all(wanted, &plan)?;
        Ok(plan)
    }
}

/// How a domain runs: as is said, else as is best on this machine, else as the first word says.
fn kind(wanted: &Wanted, said: Option<&Text>, words: &[&'static str]) -> Result<&'static str> {
    match (said, wanted.kind_here) {
        (None, Some(here)) => Ok(here),
        _ => checks::one_of(wanted, said, words),
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

    fn manager(&self) -> Result<Manager> {
        let none = crate::wanted::Manager::default();
        let asked = self.wanted.manager.as_ref().unwrap_or(&none);
        let name = match &asked.name {
            Some(name) => checks::name(self.wanted, name)?,
            None => MANAGER.into(),
        };
        let hardware = checks::hardware(self.wanted, asked.hardware.as_ref())?;
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
        let stays = asked.keep && file.exists();
        if stays {
            standing::agrees(self.wanted, asked.hardware.as_ref(), &file)?;
        }
        Ok(Manager {
            stays,
            file,
            hardware,
            memory_mib: checks::at_least(self.wanted, asked.memory.as_ref(), LEAST_MIB, 16)?,
            disk,
            iomem: self.iomem(asked, hardware)?,
            extra: words::line(self.wanted, Reader::Manager, &[word], asked.extra.as_ref())?,
            name,
        })
    }

    fn iomem(&self, asked: &crate::wanted::Manager, hardware: &str) -> Result<Vec<String>> {
        let Some(ranges) = &asked.iomem else { return Ok(vec![IOMEM.into()]) };
        let Some(first) = ranges.get_ref().first() else {
            let told = "the manager needs the TPM's pages; write what vtpm-hwtpm lines prints, or \
                        leave iomem out";
            return Err(self.wanted.error(ranges.span(), told));
        };
        if hardware == "none" {
            let told = "without a hardware TPM (hardware = \"none\") there is no iomem; take one of \
                        them out";
            return Err(self.wanted.error(first.span(), told));
        }
        ranges.get_ref().iter().map(|range| checks::pages(self.wanted, range)).collect()
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
        let uuid = identity::of(self.wanted, asked.uuid.as_ref(), &file, &guest.file)?;
        let only = format!("guest={uuid}");
        let first = [
            if tpm == TpmVersion::Tpm20 { "tpm2" } else { "" },
            if ephemeral { "ephemeral" } else { "" },
            if asked.pinned.unwrap_or(false) { &only } else { "" },
        ];
        if let (true, Some(disk)) = (ephemeral, &asked.vtpm_disk) {
            let told = "an ephemeral vTPM keeps nothing and has no disk; take one of the two out";
            return Err(self.wanted.error(disk.span(), told));
        }
        let disk = match &asked.vtpm_disk {
            Some(disk) => checks::disk(self.wanted, disk)?,
            None => format!("{}/{name}.img", self.disks),
        };
        Ok(Vtpm {
            uuid,
            tpm,
            ephemeral,
            memory_mib: checks::at_least(
                self.wanted,
                asked.vtpm_memory.as_ref(),
                VTPM_LEAST_MIB,
                8,
            )?,
            disk,
            extra: words::line(self.wanted, Reader::Vtpm, &first, asked.vtpm_extra.as_ref())?,
            guest,
            file,
            name,
        })
    }

    fn guest(&self, asked: &Guest) -> Result<GuestFile> {
        let name = checks::name(self.wanted, &asked.name)?;
        let content = match &asked.config {
            Some(path) => {
                self.not_made(asked)?;
                self.existing(path, &name)?
            }
            None => self.made(asked)?,
        };
        Ok(GuestFile { file: self.folder.join(format!("{name}.cfg")), name, content })
    }

    /// Keys that would have no effect beside `config`.
    fn not_made(&self, asked: &Guest) -> Result<()> {
        let texts = [&asked.kind, &asked.kernel, &asked.ramdisk, &asked.cmdline, &asked.bootloader];
        let texts = texts.into_iter().flatten().map(Spanned::span);
        let numbers = [&asked.memory, &asked.vcpus].into_iter().flatten().map(Spanned::span);
        let lists = asked.disk.iter().chain(&asked.vif).map(Spanned::span);
        match texts.chain(numbers).chain(lists).next() {
            None => Ok(()),
            Some(span) => Err(self.wanted.error(
                span,
                "config= names the guest's whole file, and this would change nothing; take it out, \
                 and write it there",
            )),
        }
    }

    fn existing(&self, path: &Text, name: &str) -> Result<Content> {
        let file = self.wanted.relative_to.join(path.get_ref());
        let text = crate::files::text(&file, "name the guest's xl configuration");
        let text = text.map_err(|error| self.wanted.error(path.span(), error))?;
        let found = settings(&text).map_err(|why| {
            let meant = match file.extension() {
                Some(ending) if ending == "toml" => {
                    "; a TOML file is given alone: vtpm-config-gen FILE"
                }
                _ => "",
            };
            anyhow!("{}:{why}{meant}", file.display())
        })?;
        let last = found.0.iter().rfind(|setting| setting.name == "name");
        match (found.text("name"), last) {
            (Some(own), Some(SettingAt { place, .. })) if own != name => Err(anyhow!(
                "{}:{place}: this is the file of \"{own}\", and not of \"{name}\"; write the same \
                 name in both",
                file.display()
            )),
            _ => Ok(Content::From(file, text)),
        }
    }

    fn made(&self, asked: &Guest) -> Result<Content> {
        let kind = kind(self.wanted, asked.kind.as_ref(), &["pvh", "pv", "hvm"])?;
        let path =
            |text: Option<&Text>| text.map(|text| checks::path(self.wanted, text)).transpose();
        let (kernel, bootloader) =
            (path(asked.kernel.as_ref())?, self.text(asked.bootloader.as_ref())?);
        if kernel.is_none() && bootloader.is_none() && kind != "hvm" {
            return Err(self.wanted.error(
                asked.name.span(),
                "this guest has nothing to boot; name its xl configuration with config= or \
                 --guest-config, or write a kernel= or bootloader=",
            ));
        }
        Ok(Content::Made(Box::new(Made {
            kind,
            memory_mib: checks::at_least(self.wanted, asked.memory.as_ref(), 1, 512)?,
            vcpus: checks::at_least(self.wanted, asked.vcpus.as_ref(), 1, 1)?,
            kernel,
            ramdisk: path(asked.ramdisk.as_ref())?,
            cmdline: self.text(asked.cmdline.as_ref())?,
            bootloader,
            disk: self.texts(&asked.disk)?,
            vif: self.texts(&asked.vif)?,
        })))
    }
}
