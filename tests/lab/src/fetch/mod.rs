//! Debian packages, downloaded with a private apt state and unpacked privately: nothing is
//! installed on the machine.

mod apt;
mod manifest;
mod mirror;
mod unpack;

use crate::place::Place;
use crate::release::{BOOKWORM, Release};
use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

/// A set of packages that is fetched and unpacked together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// What dom0 and Linux guests are made of, hypervisor included.
    System(&'static Release),
    /// The release's kernel package alone, without what Debian would run to install it.
    Kernel(&'static Release),
    /// QEMU and the firmware of its machine.
    Qemu,
    /// The software TPM and TPM 2.0 tools, for the lab and for host tests.
    Swtpm,
    /// What counts the instructions that a program takes.
    Valgrind,
    /// What makes a file system.
    Disk,
    /// libtpms as Debian builds it: library, static library, headers.
    Libtpms,
    /// libxl's headers and libraries, with all that a program needs to load them.
    Libxl(&'static Release),
    /// A Python for the kernel's tests.
    Python,
    /// The kernel's sources, which hold its tests.
    KernelSources,
    /// systemd and udev, for guests and a dom0 that boot with them.
    Systemd,
    /// What runs containers, less what is in the packages of systemd.
    Containers,
    /// What a program that speaks to a TPM by tpm2-tss is built with.
    Tss,
    /// Other people's programs that use a TPM, and swtpm, for guests.
    Suites,
    /// What emulates the devices of an HVM guest.
    DeviceModel,
}

impl Set {
    fn release(self) -> &'static Release {
        match self {
            Self::System(release) | Self::Kernel(release) | Self::Libxl(release) => release,
            Self::Qemu
            | Self::Swtpm
            | Self::Valgrind
            | Self::Disk
            | Self::Libtpms
            | Self::Python
            | Self::KernelSources
            | Self::Systemd
            | Self::Containers
            | Self::Tss
            | Self::Suites
            | Self::DeviceModel => &BOOKWORM,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::System(_) => "system",
            Self::Kernel(_) => "kernel",
            Self::Qemu => "qemu",
            Self::Swtpm => "swtpm",
            Self::Valgrind => "valgrind",
            Self::Disk => "disk",
            Self::Libtpms => "libtpms",
            Self::Libxl(_) => "libxl",
            Self::Python => "python",
            Self::KernelSources => "kernel-sources",
            Self::Systemd => "systemd",
            Self::Containers => "containers",
            Self::Tss => "tss",
            Self::Suites => "suites",
            Self::DeviceModel => "device-model",
        }
    }

    fn wanted(self) -> apt::Wanted {
        let all = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        match self {
            Self::System(release) => apt::Wanted::WithDependencies(release.system_packages()),
            Self::Kernel(_) => apt::Wanted::DependencyOf("linux-image-amd64", "linux-image-"),
            Self::Qemu => apt::Wanted::WithDependencies(all(&["qemu-system-x86", "seabios"])),
            Self::Swtpm => apt::Wanted::WithDependencies(all(&[
                "swtpm",
                "swtpm-tools",
                "tpm2-tools",
                "libtss2-tcti-swtpm0",
                "libtss2-tcti-device0",
            ])),
            Self::Valgrind => apt::Wanted::WithDependencies(all(&["valgrind"])),
            Self::Disk => apt::Wanted::WithDependencies(all(&["e2fsprogs"])),
            Self::Libtpms => apt::Wanted::Alone(all(&["libtpms-dev", "libtpms0"])),
            Self::Python => {
                apt::Wanted::WithDependencies(all(&["python3.11-minimal", "libpython3.11-stdlib"]))
            }
            Self::KernelSources => apt::Wanted::Alone(all(&["linux-source-6.1"])),
            Self::Systemd => apt::Wanted::WithDependencies(all(&["systemd", "udev", "kmod"])),
            Self::Containers => apt::Wanted::Alone(all(&["crun", "libyajl2", "systemd-container"])),
            Self::Tss => {
                apt::Wanted::WithDependencies(all(&["libtss2-dev", "libc6-dev", "pkgconf"]))
            }
            Self::Suites => apt::Wanted::WithDependencies(all(SUITES)),
            Self::DeviceModel => apt::Wanted::WithDependencies(all(&["qemu-system-xen"])),
            // libxl.h includes uuid.h, which libxen-dev does not depend on.
            Self::Libxl(_) => apt::Wanted::WithDependencies(all(&["libxen-dev", "uuid-dev"])),
        }
    }
}

/// The programs of [`Set::Suites`].
const SUITES: &[&str] = &[
    "bash",
    "clevis-tpm2",
    "coreutils",
    "diffutils",
    "grep",
    "gzip",
    "jose",
    "libtpm2-pkcs11-1",
    "libtpm2-pkcs11-tools",
    "libtss2-tcti-device0",
    "libtss2-tcti-swtpm0",
    "opensc",
    "openssl",
    "sed",
    "swtpm",
    "tpm-quote-tools",
    "tpm-tools",
    "tpm2-openssl",
    "tpm2-tools",
];

/// The unpacked tree of `set`, fetched first where it is not there yet or was left half-way.
///
/// # Errors
/// A package cannot be downloaded or unpacked, or one of the few tools needed is missing.
pub fn tree(place: &Place, set: Set) -> Result<PathBuf> {
    let folder = place.lab.join("packages").join(set.release().name).join(set.name());
    let wanted = set.wanted();
    if manifest::names(&folder, &wanted.to_string()) {
        return Ok(folder);
    }
    fs::create_dir_all(&place.lab)?;
    let _one_at_a_time = lock(place, &format!("fetch-{}", set.release().name))?;
    if !manifest::names(&folder, &wanted.to_string()) {
        fetch(place, set, &wanted, &folder).with_context(|| {
            format!("cannot fetch the {} packages of Debian {}", set.name(), set.release().name)
        })?;
    }
    Ok(folder)
}

fn fetch(place: &Place, set: Set, wanted: &apt::Wanted, folder: &PathBuf) -> Result<()> {
    eprintln!("lab: fetching {} of Debian {} (once)", set.name(), set.release().name);
    for tool in ["apt-get", "dpkg-deb", "tar"] {
        need(tool)?;
    }
    let parts = folder.with_extension("debs");
    for stale in [folder, &parts] {
        if stale.exists() {
            fs::remove_dir_all(stale).with_context(|| format!("{}", stale.display()))?;
        }
    }
    let apt = apt::Apt::set_up(place, set.release().name)?;
    let debs = apt.download(wanted, &parts)?;
    unpack::all(&debs, folder)?;
    manifest::write(folder, &wanted.to_string(), &debs)?;
    manifest::gather(place)?;
    fs::remove_dir_all(&parts)?;
    Ok(())
}

fn need(tool: &str) -> Result<()> {
    if Command::new(tool).arg("--version").output().is_err() {
        bail!("{tool} is not here; the lab needs a Debian-like machine with apt, dpkg and tar");
    }
    Ok(())
}

/// Holds a lock file of this name until dropped.
///
/// # Errors
/// The lab's folder cannot be written.
pub fn lock(place: &Place, name: &str) -> Result<File> {
    let path = place.lab.join(format!("{name}.lock"));
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
    Ok(file)
}

/// The exact packages a tree was unpacked from, one file name per line.
///
/// # Errors
/// The tree's own list cannot be read.
pub fn versions(tree: &std::path::Path) -> Result<String> {
    manifest::read(tree)
}
