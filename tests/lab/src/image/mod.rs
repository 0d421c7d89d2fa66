//! What a machine boots: hypervisor, kernel, dom0's initramfs and the guests' files, built from
//! unpacked packages and the scripts in `tests/lab/dom0` and `tests/lab/guest`.

mod cpio;
mod dom0;
mod elf;
mod guest;
mod kernel;
mod modules;
mod tree;

use crate::fetch::{self, Set};
use crate::place::Place;
use crate::release::Release;
use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// What builds the images: when any of it changes, they are built anew.
const BUILDER: [&str; 8] = [
    include_str!("mod.rs"),
    include_str!("dom0.rs"),
    include_str!("guest.rs"),
    include_str!("kernel.rs"),
    include_str!("modules.rs"),
    include_str!("tree.rs"),
    dom0::SCRIPTS,
    guest::SCRIPTS,
];

/// The files of one release, complete and never changed once built.
#[derive(Clone, Debug)]
pub struct Images {
    /// Names packages, scripts and builder: equal keys mean equal files.
    pub key: String,
    folder: PathBuf,
}

impl Images {
    /// The hypervisor's ELF.
    #[must_use]
    pub fn xen(&self) -> PathBuf {
        self.folder.join("xen")
    }

    /// The kernel's ELF, for dom0 and guests.
    #[must_use]
    pub fn kernel(&self) -> PathBuf {
        self.folder.join("vmlinux")
    }

    /// dom0's initramfs; with `guests`, the one that also holds `/lab/guest`.
    #[must_use]
    pub fn dom0(&self, guests: bool) -> PathBuf {
        self.folder.join(if guests { "dom0-with-guests.cpio" } else { "dom0.cpio" })
    }
}

/// The images of `release`, built first where they are not there yet.
///
/// # Errors
/// Packages cannot be fetched, or hold something unexpected.
pub fn of(place: &Place, release: &'static Release) -> Result<Images> {
    let system = fetch::tree(place, Set::System(release))?;
    let kernel = fetch::tree(place, Set::Kernel(release))?;
    let key = key(&[&fetch::versions(&system)?, &fetch::versions(&kernel)?], &BUILDER);
    let folder = place.lab.join("images").join(format!("{}-{key}", release.name));
    let done = folder.join("complete");
    if !done.exists() {
        fs::create_dir_all(&folder)?;
        let _one_at_a_time = fetch::lock(place, &format!("images-{}", release.name))?;
        if !done.exists() {
            eprintln!("lab: building images of Debian {} (once)", release.name);
            build(release, &system, &kernel, &folder)
                .with_context(|| format!("cannot build the images of Debian {}", release.name))?;
            fs::write(&done, "")?;
        }
    }
    Ok(Images { key, folder })
}

/// The boot image in the unpacked package of a kernel.
///
/// # Errors
/// There is none.
pub(crate) fn boot_image(kernel: &Path) -> Result<PathBuf> {
    let boot = fs::read_dir(kernel.join("boot"))?.collect::<Result<Vec<_>, _>>()?;
    let named = |entry: &&fs::DirEntry| entry.file_name().to_string_lossy().starts_with("vmlinuz-");
    Ok(boot.iter().find(named).context("the kernel package has no vmlinuz")?.path())
}

fn build(release: &Release, system: &Path, kernel: &Path, folder: &Path) -> Result<()> {
    let packed = fs::read(system.join(format!("boot/xen-{}-amd64.gz", release.xen)))?;
    fs::write(folder.join("xen"), kernel::unpacked(&packed)?)?;
    fs::write(folder.join("vmlinux"), kernel::vmlinux(&fs::read(boot_image(kernel)?)?)?)?;
    let modules = modules::Modules::of(kernel, system)?;
    let dom0 = folder.join("dom0.cpio");
    dom0::tree(release, system, &modules)?.write(&dom0)?;
    let guests = guest::files(system, &modules, folder)?;
    join(&[&dom0, &guests], &folder.join("dom0-with-guests.cpio"))
}

/// Archives one behind the other, which the kernel unpacks in turn.
fn join(parts: &[&Path], whole: &Path) -> Result<()> {
    let mut out = fs::File::create(whole)?;
    for part in parts {
        std::io::copy(&mut fs::File::open(part)?, &mut out)?;
    }
    Ok(())
}

/// A short name for exactly these texts.
#[must_use]
pub fn key(texts: &[&str], more: &[&str]) -> String {
    let mut hash = Sha256::new();
    for text in texts.iter().chain(more) {
        hash.update(text.len().to_le_bytes());
        hash.update(text.as_bytes());
    }
    let mut name = String::new();
    for byte in hash.finalize().iter().take(8) {
        let _infallible = write!(name, "{byte:02x}");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_apart_what_only_joins_to_the_same_text() {
        assert_ne!(key(&["ab"], &["c"]), key(&["a"], &["bc"]));
        assert_eq!(key(&["ab"], &["c"]), key(&["ab", "c"], &[]));
        assert_eq!(key(&[], &[]).len(), 16);
    }
}
