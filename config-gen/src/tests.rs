//! Whole runs in a folder of their own.

use crate::arguments::Arguments;
use clap::Parser;
use indoc::indoc;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn run(folder: &Path, toml: &str, more: &[&str]) -> Result<String, String> {
    let file = folder.join("vtpms.toml");
    fs::write(&file, toml).unwrap();
    let words = ["vtpm-config-gen".to_owned(), file.display().to_string()];
    let words = words.into_iter().chain(more.iter().map(ToString::to_string));
    crate::run(&Arguments::try_parse_from(words).unwrap()).map_err(|error| format!("{error:#}"))
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

const TWO_GUESTS: &str = indoc! {r#"
    [manager]
    extra = "loglevel=debug"

    [[guest]]
    name = "g1"
    config = "mine.cfg"

    [[guest]]
    name = "g2"
    tpm = "1.2"
    kernel = "/boot/vmlinuz"
    disk = ["/dev/vg/g2,raw,xvda,w"]
    ephemeral = true
"#};

const MINE: &str = "# my own words\nname = 'g1'\nmemory = 256\nkernel = '/k'\n";

#[test]
fn a_toml_file_becomes_manager_vtpms_and_guests() {
    let here = folder();
    fs::write(here.path().join("mine.cfg"), MINE).unwrap();
    let said = run(here.path(), TWO_GUESTS, &[]).unwrap();
    assert!(said.contains("g1-vtpm.img || truncate -s 2M"), "{said}");
    let manager = read(here.path(), "vtpmmgr.cfg");
    assert!(manager.contains("extra = \"tpm2 loglevel=debug\"\n"), "{manager}");
    assert!(manager.contains("\niomem = [ \"fed40,5\" ]\n"), "{manager}");
    assert!(manager.contains("\nshadow_memory = 1\n"), "{manager}");
    let managed = read(here.path(), "g1-vtpm.cfg");
    assert!(managed.contains("\nextra = \"tpm2\"\n"), "{managed}");
    assert!(managed.contains("\nvtpm = [ \"backend=vtpmmgr,uuid="), "{managed}");
    let ephemeral = read(here.path(), "g2-vtpm.cfg");
    assert!(ephemeral.contains("\nextra = \"ephemeral\"\n"), "{ephemeral}");
    assert!(!ephemeral.contains("\ndisk ="), "{ephemeral}");
    let mine = read(here.path(), "g1.cfg");
    assert!(mine.starts_with(MINE) && mine.contains("vtpm = [ \"backend=g1-vtpm,uuid="), "{mine}");
    assert_eq!(read(here.path(), "mine.cfg"), MINE);
    let made = read(here.path(), "g2.cfg");
    assert!(made.contains("\ndisk = [ \"/dev/vg/g2,raw,xvda,w\" ]\n"), "{made}");
}

#[test]
fn every_file_is_xl_configuration_and_every_setting_has_its_comment() {
    let here = folder();
    fs::write(here.path().join("mine.cfg"), MINE).unwrap();
    run(here.path(), TWO_GUESTS, &[]).unwrap();
    for name in ["vtpmmgr.cfg", "g1-vtpm.cfg", "g2-vtpm.cfg", "g1.cfg", "g2.cfg"] {
        let text = read(here.path(), name);
        let found = libxl_vtpm::text::settings(&text).unwrap();
        assert!(found.0.iter().any(|setting| setting.name == "name"), "{text}");
        assert!(!text.contains("\n\n\n") && text.ends_with('\n'), "{text}");
        assert!(text.starts_with('#'), "{text}");
    }
}

#[test]
fn a_file_that_is_there_is_replaced_only_when_told_and_the_uuid_stays() {
    let here = folder();
    let toml = "[[guest]]\nname = 'g'\nkernel = '/k'\n";
    run(here.path(), toml, &[]).unwrap();
    let first = read(here.path(), "g-vtpm.cfg");
    assert!(run(here.path(), toml, &[]).is_ok(), "the same again changes nothing");
    let changed = format!("{toml}vtpm_memory = 12\nmemory = 99\n");
    let refused = run(here.path(), &changed, &[]).unwrap_err();
    assert!(refused.contains("g-vtpm.cfg, ") && refused.contains("--force"), "{refused}");
    assert_eq!(read(here.path(), "g-vtpm.cfg"), first);
    run(here.path(), &changed, &["--force"]).unwrap();
    let second = read(here.path(), "g-vtpm.cfg");
    assert_eq!(second, first.replace("memory = 8", "memory = 12"));
    let another = format!("{toml}uuid = '0f8e1a52-7c3d-4b69-9a10-5566778899aa'\n");
    let refused = run(here.path(), &another, &["--force"]).unwrap_err();
    assert!(refused.contains("vtpms.toml:4:8: ") && refused.contains("would be lost"), "{refused}");
}

#[test]
fn a_dry_run_writes_nothing_and_shows_everything() {
    let here = folder();
    let toml = "[[guest]]\nname = 'g'\nkernel = '/k'\n";
    let said = run(here.path(), toml, &["--dry-run"]).unwrap();
    assert!(said.contains("g-vtpm.cfg <==") && said.contains("vtpm = [ \"backend=g-vtpm,uuid="));
    let json = run(here.path(), toml, &["--dry-run", "--json"]).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["files"].as_array().unwrap().len(), 3);
    assert_eq!(fs::read_dir(here.path()).unwrap().count(), 1);
}

#[test]
fn flags_do_for_one_guest() {
    let here = folder();
    let mine = here.path().join("mine.cfg");
    fs::write(&mine, "name='g'\nvtpm=['backend=old']").unwrap();
    let output = here.path().join("out").display().to_string();
    let (mine, uuid) = (mine.display().to_string(), "0f8e1a52-7c3d-4b69-9a10-5566778899aa");
    let words = [
        "x",
        "--guest",
        "g",
        "--guest-config",
        &mine,
        "--output",
        &output,
        "--uuid",
        uuid,
        "--tpm",
        "1.2",
    ];
    crate::run(&Arguments::try_parse_from(words).unwrap()).unwrap();
    let guest = read(here.path(), "out/g.cfg");
    assert_eq!(guest, format!("name='g'\nvtpm=['backend=old', \"backend=g-vtpm,uuid={uuid}\"]"));
    assert!(read(here.path(), "out/g-vtpm.cfg").contains("\nextra = \"\"\n"));
    let changed = read(here.path(), "out/vtpmmgr.cfg").replace("memory = 16", "memory = 32");
    fs::write(here.path().join("out/vtpmmgr.cfg"), &changed).unwrap();
    let words = ["x", "--guest", "h", "--guest-config", &mine, "--output", &output];
    crate::run(&Arguments::try_parse_from(words).unwrap()).unwrap();
    assert_eq!(read(here.path(), "out/vtpmmgr.cfg"), changed, "a manager's file stays");
}

#[test]
fn every_mistake_is_named_with_file_line_and_column() {
    let here = folder();
    fs::write(here.path().join("bad.cfg"), "name = 'g'\nvtpm = [\n").unwrap();
    for (toml, place, says) in [
        ("[[guest]]\nname = 5\n", "2:8:", "expected a string"),
        ("[[guest]]\nnam = 'g'\n", "2:1:", "unknown field `nam`"),
        ("[[guest]\n", "1:9:", ""),
        ("[[guest]]\ntpm = '2.0'\n", "1:1:", "missing field `name`"),
        ("[[guest]]\nname = 'a b'\n", "2:8:", "letters, digits"),
        ("[[guest]]\nname = '17'\n", "2:8:", "number"),
        ("[[guest]]\nname = 'g'\nkernel='/k'\ntpm = '2'\n", "4:7:", "\"2.0\" or \"1.2\""),
        ("[[guest]]\nname = 'g'\nkernel='/k'\nuuid = 'x'\n", "4:8:", "uuidgen"),
        ("[[guest]]\nname = 'g'\nkernel='/\"'\n", "3:8:", "cannot stand"),
        ("[[guest]]\nname = 'g'\n", "2:8:", "nothing to boot"),
        ("[[guest]]\nname = 'g'\nconfig = 'none.cfg'\n", "3:10:", "cannot read"),
        ("[host]\ntype = 'hvm'\n", "2:8:", "\"pvh\" or \"pv\""),
        ("[host]\ndisks = 'x'\n", "2:9:", "whole path"),
        (
            "[[guest]]\nname='g'\nkernel='/k'\n[[guest]]\nname='g'\nkernel='/k'\n",
            "5:6:",
            "needs another",
        ),
        ("[[guest]]\nname='vtpmmgr'\nkernel='/k'\n", "2:6:", "needs another"),
    ] {
        let complaint = run(here.path(), toml, &[]).unwrap_err();
        assert!(complaint.contains(&format!("vtpms.toml:{place}")), "{toml}: {complaint}");
        assert!(complaint.contains(says), "{toml}: {complaint}");
    }
    let complaint = run(here.path(), "[[guest]]\nname='g'\nconfig='bad.cfg'\n", &[]).unwrap_err();
    assert!(complaint.contains("bad.cfg:3:1: "), "{complaint}");
    assert_eq!(fs::read_dir(here.path()).unwrap().count(), 2, "nothing is half done");
}

#[test]
fn what_cannot_be_written_leaves_nothing_behind() {
    let here = folder();
    fs::create_dir(here.path().join("g.cfg")).unwrap();
    let refused =
        run(here.path(), "[[guest]]\nname = 'g'\nkernel = '/k'\n", &["--force"]).unwrap_err();
    assert!(refused.contains("g.cfg"), "{refused}");
    assert_eq!(fs::read_dir(here.path()).unwrap().count(), 2);
}

const PAGE: &str = include_str!("../../docs/formats/vtpms-toml.md");

#[test]
fn the_page_describes_every_key_and_its_example_is_taken() {
    let here = folder();
    for table in ["[host]", "[manager]", "[[guest]]"] {
        let complaint = run(here.path(), &format!("{table}\nno_such_key = 1\n"), &[]).unwrap_err();
        let keys = complaint.split("expected one of ").nth(1).unwrap().split(", ");
        let section = PAGE.split("\n## `").find(|part| part.starts_with(table)).unwrap();
        for key in keys {
            assert!(section.contains(key), "{table} {key}");
        }
    }
    let example = PAGE.split("```").nth(1).unwrap().strip_prefix("toml\n").unwrap();
    let web = here.path().join("web.cfg");
    fs::write(&web, "name = 'web'\n").unwrap();
    let example = example.replace("/etc/xen/web.cfg", &web.display().to_string());
    let said = run(here.path(), &example, &["--dry-run"]).unwrap();
    assert!(said.contains("/etc/xen/vtpm/ci-vtpm.cfg <==") && said.contains("root=/dev/xvda ro"));
}
