//! Images, consoles and packages.

use super::{Finding, Machine};
use crate::consoles::{self, Consoles};
use std::fs::File;
use std::io::Read;
use std::path::Path;

pub(super) fn look(machine: &Machine) -> Vec<Finding> {
    let mut found = vec![image(machine, "vtpm-stubdom.gz"), image(machine, "vtpmmgr-stubdom.gz")];
    found.extend(consoles(machine));
    found.extend(packages(machine));
    found
}

fn image(machine: &Machine, name: &str) -> Finding {
    let (topic, path) = ("images", machine.images.join(name));
    let here = path.display();
    let todo = "install the package xen-vtpm, or copy target/images/*.gz of ./x images there; \
                --images names another folder";
    match begins(&path) {
        // RFC 1952, 2.3.1.
        Ok([0x1f, 0x8b]) => Finding::good(topic, format!("{here} is there")),
        Ok(_) => Finding::bad(topic, format!("{here} is not compressed by gzip"), todo),
        Err(error) => Finding::bad(topic, format!("{here} cannot be read: {error}"), todo),
    }
}

fn begins(path: &Path) -> std::io::Result<[u8; 2]> {
    let mut head = [0; 2];
    File::open(path)?.read_exact(&mut head)?;
    Ok(head)
}

fn consoles(machine: &Machine) -> Option<Finding> {
    machine.xen()?;
    let topic = "consoles";
    Some(match Consoles::of(&machine.root) {
        Consoles::Kept(folder) => {
            Finding::good(topic, format!("xenconsoled keeps them in {}", folder.display()))
        }
        Consoles::NotKept => Finding::note(
            topic,
            format!(
                "xenconsoled keeps none; while the service xl-vtpm-watch runs, it keeps the last of what \
                 vTPM domains and the manager say, in {}",
                consoles::BY_SERVICE
            ),
            format!("to have all of it, of guests, too: {}", consoles::HOW),
        ),
        Consoles::NoDaemon => Finding::bad(topic, "xenconsoled does not run", "service xen start"),
    })
}

/// What has to be installed for the Xen that runs, on Debian.
fn packages(machine: &Machine) -> Vec<Finding> {
    let topic = "packages";
    let Some(release) = machine.xen() else { return Vec::new() };
    let Some(status) = machine.text("var/lib/dpkg/status") else {
        return vec![Finding::note(
            topic,
            "this is no Debian system: packages are not looked at",
            format!("see that xl and libxenlight.so.{release} are installed"),
        )];
    };
    let wanted = [format!("xen-utils-{release}"), "xen-utils-common".into()];
    let lacking: Vec<_> = wanted.iter().filter(|name| !installed(&status, name)).collect();
    if lacking.is_empty() {
        return vec![Finding::good(topic, format!("Xen's tools for {release} are installed"))];
    }
    let bad = lacking.into_iter().map(|name| {
        Finding::bad(topic, format!("{name} is not installed"), format!("apt install {name}"))
    });
    bad.collect()
}

/// From dpkg's own list (dpkg(1): /var/lib/dpkg/status).
fn installed(status: &str, name: &str) -> bool {
    let line = format!("Package: {name}");
    let mut packages = status.split("\n\n").filter(|package| package.lines().any(|l| l == line));
    packages.any(|package| package.lines().any(|l| l == "Status: install ok installed"))
}
