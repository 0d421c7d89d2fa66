//! The devices of xen-tpmfront.

use std::fs;
use std::path::{Path, PathBuf};

/// Where the kernel lists the devices that the toolstack gave this domain.
const XEN_DEVICES: &str = "/sys/bus/xen/devices";

/// `/dev/tpmN` of each vTPM device of this domain whose number is wanted, in the order of the devices' names. The
/// kernel may list a device moments before its node is there.
#[must_use]
pub fn frontends(wanted: impl Fn(i32) -> bool) -> Vec<PathBuf> {
    listed(Path::new(XEN_DEVICES), wanted)
}

fn listed(devices: &Path, wanted: impl Fn(i32) -> bool) -> Vec<PathBuf> {
    let number = |name: &str| name.strip_prefix("vtpm-")?.parse().ok();
    names(devices, "vtpm-")
        .iter()
        .filter(|device| number(device).is_none_or(&wanted))
        .flat_map(|device| names(&devices.join(device).join("tpm"), "tpm"))
        .map(|name| Path::new("/dev").join(name))
        .collect()
}

fn names(folder: &Path, start: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(start)).collect();
    names.sort();
    names
}

#[test]
fn only_vtpm_devices_of_this_domain_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    for path in
        ["vtpm-1/tpm/tpm3", "vtpm-0/tpm/tpm1", "vtpm-1/tpm/null", "vtpm-2", "vbd-51712/tpm/tpm4"]
    {
        fs::create_dir_all(folder.path().join(path)).unwrap();
    }
    let expected = [PathBuf::from("/dev/tpm1"), PathBuf::from("/dev/tpm3")];
    assert_eq!(listed(folder.path(), |_| true), expected);
    assert_eq!(listed(folder.path(), |number| number != 0), expected[1..]);
}
