//! The devices of xen-tpmfront in a guest.

use crate::arguments::Relay;
use anyhow::{Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Where a kernel lists its TPMs.
const TPMS: &str = "/sys/class/tpm";

/// How many TPMs a kernel can have (Linux drivers/char/tpm/tpm.h, `TPM_NUM_DEVICES`).
const MOST_TPMS: u32 = 65_536;

const GLANCE: Duration = Duration::from_millis(100);

/// The device that was named, or the only one of xen-tpmfront, once it is there.
pub(crate) fn find(relay: &Relay) -> Result<PathBuf> {
    let began = Instant::now();
    let mut said = false;
    loop {
        let found = match &relay.device {
            // By the kernel's own name for it, however it was named.
            Some(path) if path.exists() => vec![fs::canonicalize(path).unwrap_or(path.clone())],
            Some(_) => Vec::new(),
            None => {
                linux_tpms::frontends(|_| true).into_iter().filter(|path| path.exists()).collect()
            }
        };
        match found.as_slice() {
            [one] => return Ok(one.clone()),
            [] if began.elapsed() < relay.patience() => {
                if !said {
                    log::info!("waits for {} for at most {} s", name(relay), relay.wait);
                    said = true;
                }
                std::thread::sleep(GLANCE);
            }
            [] => match &relay.device {
                Some(path) => bail!(
                    "there is no {}: name the device of xen-tpmfront, such as /dev/tpm0, or leave --device \
                     out",
                    path.display()
                ),
                None => bail!(
                    "this guest has no vTPM device: attach one with xl vtpm-attach, and load its driver \
                     with modprobe xen-tpmfront"
                ),
            },
            several => {
                let names: Vec<_> = several.iter().map(|path| path.display().to_string()).collect();
                bail!("this guest has several vTPMs, {}: choose with --device", names.join(" "));
            }
        }
    }
}

fn name(relay: &Relay) -> String {
    let named = relay.device.as_ref().map(|path| path.display().to_string());
    named.unwrap_or_else(|| "a vTPM device of xen-tpmfront".into())
}

/// What a TPM device was made of. Its driver makes another one of it, under another number, when the guest is
/// restored (Linux drivers/char/tpm/xen-tpmfront.c, `tpmfront_resume`).
pub(crate) struct Frontend {
    /// Where the TPM devices are that are made of it.
    tpms: PathBuf,
    /// The name of the one that was asked about.
    name: String,
}

impl Frontend {
    /// `None` where the kernel does not say.
    pub(crate) fn of(device: &Path) -> Option<Self> {
        Self::listed(Path::new(TPMS), device)
    }

    fn listed(tpms: &Path, device: &Path) -> Option<Self> {
        let name = device.file_name()?.to_str()?.to_owned();
        let made_of = fs::canonicalize(tpms.join(&name).join("device")).ok()?;
        Some(Self { tpms: made_of.join("tpm"), name })
    }

    /// Another TPM device that is made of the same by now. Reads no folder, so that a confined process may ask.
    pub(crate) fn successor(&self) -> Option<PathBuf> {
        let mut names = (0..MOST_TPMS).map(|number| format!("tpm{number}"));
        let new = names.find(|it| *it != self.name && self.tpms.join(it).exists())?;
        Some(Path::new("/dev").join(new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_is_named_by_a_link_or_without_its_folder_is_watched_by_its_own_name() {
        let folder = tempfile::tempdir().unwrap();
        let (tpm, link) = (folder.path().join("tpm0"), folder.path().join("mine"));
        fs::write(&tpm, "").unwrap();
        std::os::unix::fs::symlink(&tpm, &link).unwrap();
        let find = |name: &Path| {
            let relay = Relay { device: Some(name.to_owned()), link: None, wait: 0 };
            find(&relay).unwrap()
        };
        assert_eq!(find(&link), fs::canonicalize(&tpm).unwrap());
        let here = find(Path::new("Cargo.toml"));
        assert!(here.is_absolute() && crate::presence::Presence::of(&here).is_ok());
    }

    #[test]
    fn a_device_that_its_driver_has_made_anew_is_found_under_its_new_number() {
        let folder = tempfile::tempdir().unwrap();
        let (class, vtpm) = (folder.path().join("class"), folder.path().join("vtpm-0"));
        fs::create_dir_all(class.join("tpm0")).unwrap();
        fs::create_dir_all(vtpm.join("tpm/tpm0")).unwrap();
        std::os::unix::fs::symlink(&vtpm, class.join("tpm0/device")).unwrap();
        let frontend = Frontend::listed(&class, Path::new("/dev/tpm0")).unwrap();
        assert!(Frontend::listed(&class, Path::new("/dev/tpm1")).is_none());
        assert_eq!(frontend.successor(), None);
        fs::remove_dir(vtpm.join("tpm/tpm0")).unwrap();
        assert_eq!(frontend.successor(), None);
        fs::create_dir(vtpm.join("tpm/tpm12")).unwrap();
        assert_eq!(frontend.successor(), Some("/dev/tpm12".into()));
    }
}
