//! Units and start scripts: what they call exists, and what stops first is what should.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const NAMES: [&str; 3] = ["xl-vtpm", "xl-vtpm-watch", "xl-vtpm-stop"];

fn hotplug() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../hotplug")
}

fn unit(name: &str) -> String {
    fs::read_to_string(hotplug().join(format!("systemd/{name}.service"))).unwrap()
}

fn script(name: &str) -> String {
    fs::read_to_string(hotplug().join(format!("sysvinit/{name}"))).unwrap()
}

/// The words behind a key, in all lines that set it.
fn words<'t>(text: &'t str, key: &str) -> Vec<&'t str> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(key));
    lines.flat_map(str::split_whitespace).collect()
}

/// The words behind each `xl-vtpm service` of a text, less the variables.
fn calls(text: &str) -> Vec<Vec<&str>> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let behind =
        code.filter_map(|line| line.split_once("xl-vtpm service ").map(|(_, words)| words));
    let plain = |word: &&str| !word.starts_with(['$', '<', '>']);
    behind.map(|words| words.split_whitespace().take_while(plain).collect()).collect()
}

#[test]
fn every_command_that_they_call_is_one() {
    let mut count = 0;
    for name in NAMES {
        for text in [unit(name), script(name)] {
            for call in calls(&text) {
                let mut program = Command::new(env!("CARGO_BIN_EXE_xl-vtpm"));
                let done = program.arg("service").args(&call).arg("--help").output().unwrap();
                assert!(done.status.success(), "{name} calls xl-vtpm service {call:?}");
                count += 1;
            }
        }
    }
    assert!(count >= 6, "only {count} calls were found");
}

#[test]
fn settings_are_words_that_their_command_takes() {
    let settings = script("xl-vtpm.default");
    for (name, command) in [("UP_ARGS", "up"), ("RUN_ARGS", "run"), ("DOWN_ARGS", "down")] {
        assert!(settings.contains(&format!("{name}=\"\"")), "{name} is there, and empty");
        assert!(unit("xl-vtpm").contains(name) || unit("xl-vtpm-watch").contains(name), "{name}");
        let mut program = Command::new(env!("CARGO_BIN_EXE_xl-vtpm"));
        let help = program.args(["service", command, "--help"]).output().unwrap();
        let help = String::from_utf8(help.stdout).unwrap();
        let said = settings.split(name).next().unwrap().rsplit("\n\n").next().unwrap();
        let option = said.split_whitespace().find(|word| word.starts_with("--")).unwrap();
        assert!(help.contains(option), "{command} has {option}");
    }
}

/// An init system stops in the reverse of the order in which it starts.
#[test]
fn what_ends_guests_stops_before_xendomains_and_the_rest_after_it() {
    for name in ["xl-vtpm", "xl-vtpm-watch"] {
        assert!(words(&unit(name), "Before=").contains(&"xendomains.service"), "{name}");
        assert!(words(&script(name), "# X-Start-Before:").contains(&"xendomains"), "{name}");
    }
    let after = unit("xl-vtpm-stop");
    for name in ["xendomains", "xl-vtpm", "xl-vtpm-watch", "xen"] {
        assert!(words(&after, "After=").contains(&format!("{name}.service").as_str()), "{name}");
        for key in ["# Required-Start:", "# Required-Stop:"] {
            assert!(words(&script("xl-vtpm-stop"), key).contains(&name), "{key} {name}");
        }
    }
}

/// Each has limits of its own, set by UP_ARGS and DOWN_ARGS and by how many vTPMs there are.
#[test]
fn no_unit_cuts_up_or_down_short() {
    for (name, keys) in [
        ("xl-vtpm", &["TimeoutStartSec=", "TimeoutStopSec="][..]),
        ("xl-vtpm-stop", &["TimeoutStopSec="]),
    ] {
        let text = unit(name);
        for key in keys {
            assert_eq!(words(&text, key), ["infinity"], "{name}: {key}");
        }
    }
}

/// needrestart asks to restart each service that has a process of a program or a library that was replaced, as the
/// processes left behind for domains are after an upgrade, and says yes by itself where nothing else is said
/// (needrestart(1), `override_rc`).
#[test]
fn needrestart_leaves_alone_what_ends_guests() {
    let script = r"our %nrconf = (override_rc => {}); do(shift); die $@ if $@; my $over = $nrconf{override_rc};
        for my $rc (@ARGV) { print qq($rc\n) for grep { $rc =~ /$_/ && !$over->{$_} } keys %$over }";
    let names = ["xl-vtpm.service", "xl-vtpm-stop.service", "xl-vtpm", "xl-vtpm-watch.service"];
    let mut perl = Command::new("perl");
    perl.args(["-e", script]).arg(hotplug().join("needrestart.conf")).args(names);
    let done = perl.output().expect("perl, which every Debian has");
    let said = String::from_utf8(done.stdout).unwrap();
    assert_eq!(said.lines().collect::<Vec<_>>(), &names[..3], "and not the watch");
}
