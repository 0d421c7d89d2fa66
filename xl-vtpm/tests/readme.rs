//! What the README tells to type on a Xen host is what the package has.
#![forbid(unsafe_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The section about a Xen host of one's own.
fn section() -> String {
    let text = fs::read_to_string(project().join("README.md")).unwrap();
    let (_, rest) = text.split_once("\n## On your own Xen host\n").unwrap();
    rest.split_once("\n## ").unwrap().0.to_owned()
}

/// The lines of its examples, without remarks.
fn examples(section: &str) -> Vec<&str> {
    let lines = section.lines().filter_map(|line| line.strip_prefix("    "));
    lines.map(|line| line.split("  #").next().unwrap_or_default().trim()).collect()
}

#[test]
fn every_example_of_xl_vtpm_is_a_command_line_that_it_takes() {
    let section = section();
    let lines = examples(&section);
    let ours: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("xl-vtpm ")).collect();
    assert!(ours.len() >= 6, "only {ours:?}");
    for words in ours {
        let mut program = Command::new(env!("CARGO_BIN_EXE_xl-vtpm"));
        let done = program.args(words.split_whitespace()).arg("--help").output().unwrap();
        assert!(done.status.success(), "xl-vtpm {words}: {done:?}");
        for path in words.split_whitespace().filter(|word| word.ends_with(".cfg")) {
            assert!(path.starts_with("/etc/xen/"), "{path} is there wherever this is typed");
        }
    }
}

#[test]
fn the_service_is_started_at_once_by_what_is_told() {
    let section = section();
    let mut starts = examples(&section).into_iter();
    let mut told = |begin: &str| starts.find_map(|line| line.strip_prefix(begin)).unwrap();
    let units: Vec<&str> = told("systemctl start ").split_whitespace().collect();
    let by_script = told("for name in ").split_once("; do service $name start; done").unwrap().0;
    let scripts: Vec<&str> = by_script.split_whitespace().collect();
    let manual = fs::read_to_string(project().join("man/xl-vtpm.7")).unwrap().replace("\\-", "-");
    assert!(manual.contains(&format!("\"systemctl start {}\"", units.join(" "))));
    let postinst = fs::read_to_string(project().join("xtask/deb/xen-vtpm/postinst")).unwrap();
    assert!(postinst.contains(&format!("for name in {}; do", units.join(" "))));
    for unit in units {
        let file = project().join(format!("hotplug/systemd/{unit}.service"));
        assert!(fs::read_to_string(file).unwrap().contains("\nExecStart="), "{unit}");
        // A start script that does nothing at its start need not be started to be stopped; a unit must.
        let file = project().join(format!("hotplug/sysvinit/{unit}"));
        let text = fs::read_to_string(file).unwrap();
        let start = text.split_once("\nstart)\n").unwrap().1.split_once(";;").unwrap().0;
        let does =
            start.lines().any(|line| !line.trim().is_empty() && !line.trim().starts_with('#'));
        assert_eq!(does, scripts.contains(&unit), "{unit}: {start}");
    }
    for script in scripts {
        assert!(manual.contains(&format!("service {script} start")), "{script}");
    }
}

#[test]
fn a_disk_line_is_whole_and_names_a_script_that_the_package_has() {
    let text = fs::read_to_string(project().join("README.md")).unwrap();
    let about_a_disk = |line: &&str| line.contains(".img,hda") || line.contains("script=");
    let disks: Vec<_> = examples(&text).into_iter().filter(about_a_disk).collect();
    assert!(disks.len() >= 3, "{disks:?}");
    for line in disks {
        assert!(line.starts_with("disk=[\"") && line.ends_with("\"]"), "{line}");
        if let Some((_, script)) = line.split_once("script=") {
            let script = script.split(',').next().unwrap();
            assert!(project().join("hotplug").join(script).exists(), "{script}");
        }
    }
}
