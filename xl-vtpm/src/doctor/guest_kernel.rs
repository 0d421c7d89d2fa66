//! Whether a guest's kernel is made for a vTPM.

use super::Finding;
use flate2::read::GzDecoder;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

const TOPIC: &str = "guest kernel";

/// No kernel's configuration is longer.
const MOST_BYTES: u64 = 16 << 20;

/// A config file, or every one in a guest's file system.
pub(super) fn look(path: &Path) -> Vec<Finding> {
    let files = if path.is_dir() { configs(path) } else { vec![path.to_owned()] };
    if files.is_empty() {
        let says = format!("{} holds no config-* and no boot/config-*", path.display());
        let todo = "name the kernel's config file, as Debian leaves it in /boot";
        return vec![Finding::bad(TOPIC, says, todo)];
    }
    files.iter().flat_map(|file| of_file(file)).collect()
}

fn configs(folder: &Path) -> Vec<PathBuf> {
    let inside = |folder: PathBuf| fs::read_dir(folder).into_iter().flatten().flatten();
    let all = inside(folder.to_owned()).chain(inside(folder.join("boot")));
    let named = all.filter(|entry| entry.file_name().to_string_lossy().starts_with("config-"));
    let mut files: Vec<_> = named.map(|entry| entry.path()).collect();
    files.sort();
    files
}

fn of_file(file: &Path) -> Vec<Finding> {
    let here = file.display();
    match text(file) {
        Ok(text) if text.lines().any(|line| line.starts_with("CONFIG_")) => judged(file, &text),
        Ok(_) => vec![Finding::bad(
            TOPIC,
            format!("{here} is no configuration of a kernel: no line begins with CONFIG_"),
            "name the file config-VERSION beside the kernel, not the kernel itself",
        )],
        Err(error) => vec![Finding::bad(
            TOPIC,
            format!("{here} cannot be read: {error}"),
            "name the kernel's config file, as Debian leaves it in /boot",
        )],
    }
}

fn text(file: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    fs::File::open(file)?.take(MOST_BYTES).read_to_end(&mut bytes)?;
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut plain = Vec::new();
        GzDecoder::new(&bytes[..]).take(MOST_BYTES).read_to_end(&mut plain)?;
        bytes = plain;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn judged(file: &Path, text: &str) -> Vec<Finding> {
    let set = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once('='));
        lines.find(|(key, _)| *key == name).map_or("n", |(_, value)| value)
    };
    let here = file.display();
    if set("CONFIG_TCG_XEN") == "n" {
        return vec![Finding::bad(
            TOPIC,
            format!("{here}: it has no driver for a vTPM (CONFIG_TCG_XEN is not set)"),
            "take a kernel with CONFIG_TCG_TPM and CONFIG_TCG_XEN, such as Debian's",
        )];
    }
    let driver = set("CONFIG_TCG_XEN");
    let mut found = vec![Finding::good(
        TOPIC,
        match driver {
            "y" => format!("{here}: the driver of a vTPM is built in"),
            _ => format!("{here}: the driver of a vTPM is a module: modprobe xen-tpmfront"),
        },
    )];
    if driver != "y" && set("CONFIG_IMA") == "y" {
        found.push(Finding::note(
            TOPIC,
            format!("{here}: IMA starts before the module is loaded, and measures into no TPM"),
            "where IMA is wanted, build the kernel with CONFIG_TCG_XEN=y and CONFIG_TCG_TPM=y",
        ));
    }
    if set("CONFIG_TCG_VTPM_PROXY") == "n" {
        found.push(Finding::note(
            TOPIC,
            format!("{here}: no /dev/vtpmx (CONFIG_TCG_VTPM_PROXY is not set)"),
            "vtpm-proxy relay, which makes a /dev/tpmrmN in the guest, needs CONFIG_TCG_VTPM_PROXY",
        ));
    }
    found
}
