//! The words that pages describe, and those that programs know: the same, in both directions.
#![forbid(unsafe_code)]

use clap::Parser;
use manual::{Page, path};
use std::collections::BTreeSet;
use std::process::Command;

const SYNTAX: &str = "xl-vtpm.cfg.5";

/// The names of a section's tags, without values.
fn described(section: &str) -> BTreeSet<String> {
    let tags = Page::of(SYNTAX).tags(section);
    let name = |tag: &String| tag.split(['=', ',']).next().unwrap_or_default().trim().to_owned();
    tags.iter().map(name).collect()
}

fn known(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn the_page_has_every_word_of_a_vtpm_domain_and_no_other() {
    assert_eq!(described("Words of a vTPM domain"), known(&vtpm_service::Arguments::WORDS));
}

#[test]
fn the_page_has_every_word_of_the_manager_and_no_other() {
    assert_eq!(described("Words of the manager"), known(&vtpm_manager::Arguments::WORDS));
    assert_eq!(described("Words about the hardware TPM"), known(&tpm_hw::HardwareArguments::WORDS));
}

#[test]
fn the_page_has_every_word_of_a_vtpm_line_and_no_other() {
    let mistake = libxl_vtpm::line::VtpmLine::parse("backend=a,nothing=1").unwrap_err().to_string();
    let said = described("THE LINE VTPM=");
    assert_eq!(said, known(&["backend", "uuid", "tpm", "tpm2"]));
    for word in said.iter().filter(|word| *word != "tpm2") {
        assert!(mistake.contains(&format!("{word}=")), "{mistake}");
    }
}

#[test]
fn the_page_has_every_key_of_the_toml_file_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.toml");
    for table in ["[host]", "[manager]", "[[guest]]"] {
        std::fs::write(&file, format!("{table}\nno_such_key = 1\n")).unwrap();
        let words = ["vtpm-config-gen", file.to_str().unwrap()];
        let arguments = config_gen::Arguments::try_parse_from(words).unwrap();
        let complaint = config_gen::run(&arguments).unwrap_err().to_string();
        let (_, keys) = complaint.split_once("the keys are ").unwrap();
        let keys = keys.split(", ").map(|key| key.trim().to_owned());
        let mut described = described(table);
        if table == "[[guest]]" {
            // One tag for the keys that are xl's own.
            let more =
                ["memory", "vcpus", "kernel", "ramdisk", "cmdline", "bootloader", "disk", "vif"];
            let page = Page::of(SYNTAX).section(table).join("\n");
            for key in more {
                assert!(page.contains(&format!(" {key}")), "{key}");
                described.insert(key.into());
            }
        }
        assert_eq!(described, keys.collect::<BTreeSet<_>>(), "{table}");
    }
}

#[test]
fn the_page_of_vtpm_rewire_has_every_option_and_no_other() {
    let script = path("../hotplug/vtpm-rewire");
    let done = Command::new("sh").arg(&script).arg("--help").output().unwrap();
    assert!(done.status.success());
    let help = String::from_utf8(done.stdout).unwrap();
    let options = help.lines().filter(|line| line.starts_with("  -"));
    let options = options.flat_map(|line| line.split_whitespace().take(2));
    let options = options.map(|word| word.trim_end_matches(',').to_owned());
    let options: BTreeSet<_> = options.filter(|word| word.starts_with("--")).collect();
    let tags = Page::of("vtpm-rewire.8").tags("OPTIONS");
    let tags = tags.iter().map(|tag| if tag == "-h," { "--help".into() } else { tag.clone() });
    assert_eq!(tags.collect::<BTreeSet<_>>(), options);
    let codes = Page::of("vtpm-rewire.8").tags("EXIT STATUS");
    assert_eq!(codes, ["0", "1", "2", "3"]);
}

/// Files of a folder of hotplug.
fn parts(folder: &str) -> BTreeSet<String> {
    let files = std::fs::read_dir(path(&format!("../hotplug/{folder}"))).unwrap();
    let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    files.map(|name| name.trim_end_matches(".service").to_owned()).collect()
}

#[test]
fn the_system_s_page_has_every_part_beside_stock_xl() {
    let page = Page::of("xl-vtpm.7").section("BESIDE STOCK XL").join("\n").replace("\\-", "-");
    let (units, mut scripts) = (parts("systemd"), parts("sysvinit"));
    assert!(scripts.remove("xl-vtpm.default") && page.contains("/etc/default/xl-vtpm"));
    assert_eq!(units, scripts, "a unit and a start script of each name");
    for name in units {
        assert!(page.lines().any(|line| line.ends_with(&format!(": {name}"))), "{name}");
    }
    let commands = ["up", "run", "down"].map(|word| format!("xl-vtpm service {word}"));
    let others = ["xl-vtpm enable", "xl-vtpm disable", "xendomains"];
    for word in commands.iter().map(String::as_str).chain(others) {
        assert!(page.contains(word), "{word}");
    }
    let scripts = parts("").into_iter().filter(|name| name.contains("vtpm") && !name.contains('.'));
    let scripts: Vec<_> = scripts.collect();
    assert!(scripts.len() >= 4, "{scripts:?}");
    for name in scripts {
        let lines =
            page.lines().map(|line| line.trim_start_matches(".BR ").trim_start_matches(".B "));
        let mut words = lines.filter_map(|line| line.split_whitespace().find(|word| *word == name));
        assert!(words.next().is_some(), "{name}");
    }
}
