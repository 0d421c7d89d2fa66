//! Every page: its form, its references, and its examples.
#![forbid(unsafe_code)]

use libxl_vtpm::line::VtpmLine;
use libxl_vtpm::text::settings;
use manual::{Example, Page, path};
use std::fs;
use std::process::Command;

/// How examples are tested: `host` in the programs' own crates, `xen` and `guest` in the lab, `claim NAME`
/// as the story of that claim, the others here. `unproved WHY` is for what no test can run yet.
const KINDS: [&str; 9] =
    ["host", "xen", "guest", "claim", "unproved", "line", "cfg", "extra", "toml"];

fn examples(kind: &str) -> Vec<Example> {
    let pages = Page::names();
    let all = pages.iter().flat_map(|name| Page::of(name).examples());
    let found: Vec<_> = all.filter(|example| example.kind == kind).collect();
    assert!(!found.is_empty(), "no page has an example of the kind {kind}");
    found
}

#[test]
fn every_example_is_of_a_kind_that_a_test_runs() {
    for name in Page::names() {
        for example in Page::of(&name).examples() {
            assert!(KINDS.contains(&example.kind.as_str()), "{}: {}", example.place, example.kind);
            assert!(!example.lines.is_empty(), "{}", example.place);
            let why = example.kind != "unproved" || example.note.split_whitespace().count() > 3;
            assert!(why, "{}: nothing says why no test runs this", example.place);
        }
    }
}

#[test]
fn an_example_that_is_a_claim_s_story_names_one_that_is_there() {
    for example in examples("claim") {
        let claim = path(&format!("../tests/lab/claims/{}.sh", example.note));
        assert!(claim.is_file(), "{}: there is no claim {}", example.place, example.note);
    }
}

#[test]
fn every_page_has_its_sections_and_refers_to_pages_that_are_there() {
    let names = Page::names();
    assert!(names.len() >= 9, "{names:?}");
    for name in &names {
        let page = Page::of(name);
        for section in ["NAME", "DESCRIPTION", "SEE ALSO"] {
            assert!(!page.section(section).is_empty(), "{name} lacks {section}");
        }
        if name.ends_with(['1', '8']) {
            for section in ["SYNOPSIS", "OPTIONS", "EXIT STATUS", "EXAMPLES"] {
                assert!(!page.section(section).is_empty(), "{name} lacks {section}");
            }
        }
        for line in page.section("SEE ALSO") {
            let words: Vec<_> =
                line.replace("\\-", "-").split_whitespace().map(String::from).collect();
            let [_, other, section] = &words[..] else { panic!("{name}: {line}") };
            let section = section.trim_matches(['(', ')', ',']);
            let ours = other.contains("vtpm");
            let file = format!("{other}.{section}");
            assert!(!ours || names.contains(&file), "{name} refers to {file}, which is not there");
            assert_ne!(&file, name, "a page need not refer to itself");
        }
    }
}

#[test]
fn groff_warns_of_nothing() {
    if Command::new("man").arg("--version").output().is_err() {
        return peers::skip(&"there is no man here; apt-get install man-db brings it");
    }
    for name in Page::names() {
        let mut man = Command::new("man");
        man.args(["--warnings", "-E", "UTF-8", "-Tutf8", "-Z", "-l"]).arg(path(&name));
        let done = man.env("LC_ALL", "C.UTF-8").output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success() && said.is_empty(), "{name}: {said}");
    }
}

#[test]
fn examples_of_the_vtpm_line_are_understood_and_mean_to_xl_what_they_say() {
    for example in examples("line") {
        for line in &example.lines {
            let read = VtpmLine::parse(line).unwrap_or_else(|why| panic!("{line}: {why}"));
            let ours = line.contains("tpm=") || line.contains(",tpm2");
            assert_eq!(read.warnings.is_empty(), !ours, "{line}: {:?}", read.warnings);
        }
    }
}

#[test]
fn examples_of_files_are_xl_configuration_with_lines_and_words_that_are_known() {
    for example in examples("cfg") {
        let text = example.text();
        let found = settings(&text).unwrap_or_else(|why| panic!("{}: {why}", example.place));
        assert!(found.0.iter().any(|setting| setting.name == "kernel"), "{text}");
        for item in found.list("vtpm") {
            assert_eq!(VtpmLine::parse(&item.text).unwrap().warnings, [], "{}", item.text);
        }
        let extra = text.lines().find_map(|line| line.strip_prefix("extra = ")).unwrap();
        words_are_taken(&example, extra.trim_matches('"'));
    }
}

#[test]
fn examples_of_extra_words_are_taken() {
    for example in examples("extra") {
        example.lines.iter().for_each(|line| words_are_taken(&example, line));
    }
}

fn words_are_taken(example: &Example, line: &str) {
    let words = line.split_whitespace();
    let notices = if example.note == "manager" {
        let (_, notices) =
            vtpm_manager::Arguments::parse(words).unwrap_or_else(|e| panic!("{line}: {e}"));
        notices
    } else {
        let (_, notices) =
            vtpm_service::Arguments::parse(words).unwrap_or_else(|e| panic!("{line}: {e}"));
        notices
    };
    assert!(notices.is_empty(), "{}: {line}: {notices:?}", example.place);
}

#[test]
fn examples_of_the_toml_file_are_taken() {
    use clap::Parser;
    for example in examples("toml") {
        let folder = tempfile::tempdir().unwrap();
        let guest = folder.path().join("guest1.cfg");
        fs::write(&guest, "name = 'guest1'\n").unwrap();
        let text = example.text().replace("/etc/xen/guest1.cfg", &guest.display().to_string());
        let file = folder.path().join("vtpms.toml");
        fs::write(&file, text).unwrap();
        let words = ["vtpm-config-gen", "--dry-run", file.to_str().unwrap()];
        let said = config_gen::run(&config_gen::Arguments::try_parse_from(words).unwrap()).unwrap();
        assert!(said.contains("guest2-vtpm.cfg <==") && said.contains("loglevel=debug"), "{said}");
    }
}

#[test]
fn examples_in_the_guest_are_those_of_a_claim() {
    let claim = path("../tests/lab/claims/tpm2-guest-uses-its-tpm.sh");
    let library = path("../tests/lab/libraries/vtpm-lib");
    let lab = [claim, library].map(|file| fs::read_to_string(file).unwrap()).concat();
    for example in examples("guest") {
        for line in &example.lines {
            assert!(lab.contains(line.as_str()), "{}: no claim runs {line}", example.place);
        }
    }
}
