//! Files that were named for a guest's, and are another's or lack something.

use libxl_vtpm::text::{read_file, settings};
use std::fs;
use std::path::Path;

/// Why a file is not a guest's: it starts one of our own images.
pub(crate) fn of_ours(file: &Path) -> Option<String> {
    let kernel = kernel(file)?;
    let file = file.display();
    if kernel.starts_with("vtpmmgr-stubdom") {
        return Some(format!("{file} is a manager's; start it by xl-vtpm manager start"));
    }
    kernel.starts_with("vtpm-stubdom").then(|| {
        format!(
            "{file} is a vTPM domain's, which is started with its guest; name the guest's file, or start this \
             domain alone: xl create {file}"
        )
    })
}

/// The file name of what is started.
fn kernel(file: &Path) -> Option<String> {
    let text = String::from_utf8(read_file(file).ok()?).ok()?;
    let kernel = settings(&text).ok()?.text("kernel")?;
    Some(Path::new(&kernel).file_name()?.to_string_lossy().into_owned())
}

/// What to say of a guest's file without `vtpm=`: most likely the file with it was meant.
pub(crate) fn without_tpm(file: &Path, guest: &str, folder: &Path) -> String {
    let ours = folder.join(format!("{guest}.cfg"));
    let same = |other: &Path| fs::canonicalize(other).ok() == fs::canonicalize(file).ok();
    let next = if ours.exists() && !same(&ours) {
        format!("{} is the file with one", ours.display())
    } else {
        format!("xl-vtpm new {guest} --guest-config {} writes one with it", file.display())
    };
    format!("{} has no vtpm=, so {guest} starts without a TPM; {next}", file.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manager_s_and_a_vtpm_s_file_are_not_taken_for_a_guest_s() {
        let here = tempfile::tempdir().unwrap();
        let file = here.path().join("x.cfg");
        for (kernel, word) in [
            ("/usr/lib/xen/boot/vtpmmgr-stubdom.gz", Some("xl-vtpm manager start")),
            ("/usr/lib/xen/boot/vtpm-stubdom.gz", Some("name the guest's file")),
            ("/boot/vmlinuz", None),
        ] {
            fs::write(&file, format!("name=\"x\"\nkernel = '{kernel}'\n")).unwrap();
            let why = of_ours(&file);
            assert_eq!(why.is_some(), word.is_some(), "{kernel}");
            assert!(why.is_none_or(|why| why.contains(word.unwrap())), "{kernel}");
        }
        fs::write(&file, "name='x'\nbootloader='pygrub'\n").unwrap();
        assert_eq!(of_ours(&file), None);
    }

    #[test]
    fn a_guest_s_file_without_a_vtpm_leads_to_the_one_with_it() {
        let here = tempfile::tempdir().unwrap();
        let file = here.path().join("guest.cfg");
        fs::write(&file, "name='g'\n").unwrap();
        let said = without_tpm(&file, "g", here.path());
        assert!(said.contains("xl-vtpm new g --guest-config"), "{said}");
        fs::write(here.path().join("g.cfg"), "name='g'\n").unwrap();
        let said = without_tpm(&file, "g", here.path());
        assert!(said.ends_with("g.cfg is the file with one"), "{said}");
        let said = without_tpm(&here.path().join("g.cfg"), "g", here.path());
        assert!(said.contains("xl-vtpm new g"), "{said}");
    }
}
