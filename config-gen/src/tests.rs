//! Whole runs in a folder of their own.

use crate::arguments::Arguments;
use crate::wanted::Wanted;
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
    assert!(said.contains("xl create ") && !said.contains("truncate"), "the scripts do: {said}");
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
fn disks_are_checked_by_scripts_where_the_images_are_the_package_s_or_when_told() {
    let guest = "[[guest]]\nname = 'g'\nkernel = '/k'\n";
    for (host, checked) in [
        ("", true),
        ("[host]\nimages = '/elsewhere'\n", false),
        ("[host]\nimages = '/usr/lib/xen/boot'\n", true),
        ("[host]\nimages = '/usr/lib/xen/boot/'\n", true),
        ("[host]\nimages = '/elsewhere'\ncheck_disks = true\n", true),
        ("[host]\ncheck_disks = false\n", false),
    ] {
        let here = folder();
        let said = run(here.path(), &format!("{host}{guest}"), &[]).unwrap();
        assert_eq!(said.contains("g-vtpm.img || (umask 077; truncate -s 2M"), !checked, "{said}");
        for (name, script) in [("vtpmmgr", "block-vtpmmgr-store"), ("g-vtpm", "block-vtpm-state")] {
            let script = if checked { format!("script={script}, ") } else { String::new() };
            let file = read(here.path(), &format!("{name}.cfg"));
            let target = format!("target=/var/lib/xen/vtpm/{name}.img");
            let line =
                format!("\ndisk = [ \"format=raw, vdev=hda, access=w, {script}{target}\" ]\n");
            assert!(file.contains(&line), "{line}{file}");
            assert_eq!(file.contains("makes the image"), checked, "{file}");
        }
    }
}

#[test]
fn a_type_that_nobody_said_and_this_machine_cannot_say_is_told_as_a_guess() {
    let guest = "[[guest]]\nname = 'g'\nkernel = '/k'\n";
    for (host, here, guessed) in
        [("", None, true), ("", Some("pv"), false), ("[host]\ntype = 'pvh'\n", None, false)]
    {
        let mut wanted = Wanted::parse(Path::new("/x.toml"), &format!("{host}{guest}")).unwrap();
        wanted.kind_here = here;
        let plan = crate::plan::Plan::of(&wanted).unwrap();
        let said = |words: &[&str]| {
            let words = [&["vtpm-config-gen", "/x.toml", "--dry-run"], words].concat();
            crate::report::of(&plan, &[], &Arguments::try_parse_from(words).unwrap())
        };
        let people = said(&[]);
        assert_eq!(people.contains("\"pvh\" is a guess"), guessed, "{people}");
        assert!(!guessed || people.contains("write type = \"pv\" below [host]\n\nTo start"));
        let json: serde_json::Value = serde_json::from_str(&said(&["--json"])).unwrap();
        assert_eq!(json["type_is_guessed"], guessed, "{json}");
    }
}

#[test]
fn images_are_allocated_where_the_host_says_so_and_by_hand_too() {
    for (host, allocated) in [("", false), ("[host]\nallocated = true\n", true)] {
        let here = folder();
        let toml = format!("{host}[[guest]]\nname = 'g'\nkernel = '/k'\n");
        let said = run(here.path(), &toml, &[]).unwrap().replace("(umask 077; fallocate", "+");
        assert_eq!(said.contains("g-vtpm.img || + -l 2M /"), allocated, "{said}");
        assert_eq!(said.contains("vtpmmgr.img || + -l 16M /"), allocated);
        for name in ["vtpmmgr.cfg", "g-vtpm.cfg"] {
            let text = read(here.path(), name);
            assert_eq!(text.contains("access=w, no-discard, script="), allocated, "{text}");
            assert_eq!(text.contains("\n# no-discard: "), allocated, "{text}");
        }
    }
}

#[test]
fn domains_run_as_this_machine_does_it_best_unless_somebody_says_how() {
    let files = |here, toml: &str| {
        let mut wanted = Wanted::parse(Path::new("vtpms.toml"), toml).unwrap();
        wanted.kind_here = here;
        let files = crate::render::all(&crate::plan::Plan::of(&wanted).unwrap()).unwrap();
        files.into_iter().map(|file| file.text).collect::<Vec<_>>()
    };
    let guest = "[[guest]]\nname='g'\nkernel='/k'\n";
    for (here, said, kind) in [
        (Some("pv"), "", "pv"),
        (Some("pvh"), "", "pvh"),
        (None, "", "pvh"),
        (Some("pv"), "type='pvh'", "pvh"),
        (Some("pvh"), "type='pv'", "pv"),
    ] {
        let texts = files(here, &format!("[host]\n{said}\n{guest}{said}\n"));
        assert_eq!(texts.len(), 3);
        for text in &texts {
            assert!(text.contains(&format!("\ntype = \"{kind}\"\n")), "{here:?} {said}: {text}");
        }
        let (found, shadow) = ("has no hardware assisted paging", "\nshadow_memory = 1\n");
        assert_eq!(texts[0].contains(found), here == Some("pv") && said.is_empty(), "{texts:?}");
        assert_eq!(texts[0].contains(shadow), kind == "pvh", "{texts:?}");
    }
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

/// What happened to the vTPM's file of an earlier run, and what is said of it.
const LOST: [(&[u8], &str); 5] = [
    (b"name = 'g-vtpm'\nx y\n", "g-vtpm.cfg:2:3: "),
    (b"name = '\xff'\n", "g-vtpm.cfg:1:9: a byte here is no text"),
    (b"vtpm = ['backend=m,uuid=5']\n", "g-vtpm.cfg:1:20: \"5\" is no uuid"),
    (b"vtpm = ['backend=m']\n", "g-vtpm.cfg has no vtpm= line with a uuid"),
    (b"", "g-vtpm.cfg has no vtpm= line with a uuid"),
];

#[test]
fn a_uuid_that_cannot_be_found_again_is_never_replaced_by_a_new_one() {
    let here = folder();
    let toml = "[[guest]]\nname = 'g'\nkernel = '/k'\n";
    run(here.path(), toml, &[]).unwrap();
    let (vtpm, guest) = (read(here.path(), "g-vtpm.cfg"), read(here.path(), "g.cfg"));
    fs::remove_file(here.path().join("g.cfg")).unwrap();
    for (text, says) in LOST {
        fs::write(here.path().join("g-vtpm.cfg"), text).unwrap();
        let said = run(here.path(), toml, &["--force"]).unwrap_err();
        assert!(said.contains(says) && said.contains("name that uuid yourself"), "{said}");
        assert_eq!(fs::read(here.path().join("g-vtpm.cfg")).unwrap(), text, "{said}");
        assert!(!here.path().join("g.cfg").exists(), "nothing is half done");
    }
    fs::write(here.path().join("g.cfg"), &guest).unwrap();
    run(here.path(), toml, &["--force"]).unwrap();
    assert_eq!(read(here.path(), "g-vtpm.cfg"), vtpm, "the guest's file says it, too");
    fs::write(here.path().join("g-vtpm.cfg"), LOST[0].0).unwrap();
    let uuid = guest.split("uuid=").nth(1).unwrap().split('"').next().unwrap();
    let named = format!("{toml}uuid = '{uuid}'\n");
    run(here.path(), &named, &["--force"]).unwrap();
    assert_eq!(read(here.path(), "g-vtpm.cfg"), vtpm, "who names it needs no file");
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
    fs::write(&mine, "vtpm=['backend=old']").unwrap();
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
    assert_eq!(guest, format!("vtpm=['backend=old', \"backend=g-vtpm,uuid={uuid}\"]"));
    assert!(read(here.path(), "out/g-vtpm.cfg").contains("\nextra = \"\"\n"));
    let changed = read(here.path(), "out/vtpmmgr.cfg").replace("memory = 16", "memory = 32");
    fs::write(here.path().join("out/vtpmmgr.cfg"), &changed).unwrap();
    let words = ["x", "--guest", "h", "--guest-config", &mine, "--output", &output];
    crate::run(&Arguments::try_parse_from(words).unwrap()).unwrap();
    assert_eq!(read(here.path(), "out/vtpmmgr.cfg"), changed, "a manager's file stays");
}

#[test]
fn a_manager_s_file_that_is_there_has_to_have_the_hardware_that_is_asked_for() {
    let here = folder();
    let mine = here.path().join("mine.cfg").display().to_string();
    fs::write(&mine, "").unwrap();
    let output = here.path().display().to_string();
    let new = |guest: &str, hardware: &[&str]| {
        let words = ["x", "--guest", guest, "--guest-config", &mine, "--output", &output];
        let words = [&words[..], hardware].concat();
        crate::run(&Arguments::try_parse_from(words).unwrap()).map_err(|error| format!("{error:#}"))
    };
    new("a", &["--hardware", "none"]).unwrap();
    let manager = read(here.path(), "vtpmmgr.cfg");
    let said = new("b", &[]).unwrap();
    assert!(said.contains("vtpmmgr.cfg is there and stays as it is"), "{said}");
    new("c", &["--hardware", "none"]).unwrap();
    for version in ["2.0", "1.2"] {
        let told = new("d", &["--hardware", version]).unwrap_err();
        let says = format!(
            "vtpmmgr.cfg is there, has no hardware TPM (hwtpm=none), and stays as it is, \
                            so --hardware {version} would change nothing; leave --hardware out"
        );
        assert!(told.contains(&says), "{told}");
    }
    assert_eq!(read(here.path(), "vtpmmgr.cfg"), manager);
    assert!(!here.path().join("d.cfg").exists(), "nothing is half done");
    fs::write(here.path().join("vtpmmgr.cfg"), "extra = 'hwtpm=nine'\n").unwrap();
    let told = new("d", &["--hardware", "2.0"]).unwrap_err();
    assert!(told.contains("hwtpm=nine cannot be used"), "{told}");
}

/// A file, where its mistake is, and what is said of it.
const MISTAKES: [(&str, &str, &str); 57] = [
    ("[[guest]]\nname = 5\n", "vtpms.toml:2:8:", "write a text in quotes"),
    ("[[guest]]\nnam = 'g'\n", "vtpms.toml:2:1:", "did you mean name?"),
    ("[[guest]]\ncolour = 'g'\n", "vtpms.toml:2:1:", "the keys are name, config"),
    ("[hosts]\n", "vtpms.toml:1:2:", "did you mean host?"),
    ("[guest]\nname = 'g'\n", "vtpms.toml:1:1:", "write [[guest]]"),
    ("[[guest]\n", "vtpms.toml:1:9:", "this is no TOML"),
    ("[[guest]]\nname = 'g\n", "vtpms.toml:2:10:", "expected `'`"),
    ("[[guest]]\nname = g\n", "vtpms.toml:2:8:", "quoted"),
    ("[[guest]]\nname = 'g'\nname = 'h'\n", "vtpms.toml:3:1:", "a second time"),
    ("[[guest]]\ntpm = '2.0'\n", "vtpms.toml:1:1:", "a line name = \"…\" is missing"),
    ("[[guest]]\nname = 'a b'\n", "vtpms.toml:2:8:", "letters, digits"),
    ("[[guest]]\nname = ''\n", "vtpms.toml:2:8:", "needs a name"),
    ("[[guest]]\nname = '17'\n", "vtpms.toml:2:8:", "number"),
    ("[[guest]]\nname='g'\nkernel='/k'\ntpm = '2'\n", "vtpms.toml:4:7:", "mean \"2.0\"?"),
    ("[[guest]]\nname='g'\nkernel='/k'\ntpm = 2.0\n", "vtpms.toml:4:7:", "in quotes"),
    ("[[guest]]\nname='g'\nkernel='/k'\nuuid = 'x'\n", "vtpms.toml:4:8:", "random/uuid prints"),
    (
        "[[guest]]\nname='g'\nkernel='/k'\nuuid='00000000-0000-0000-0000-000000000000'\n",
        "vtpms.toml:4:6:",
        "random/uuid prints",
    ),
    ("[[guest]]\nname='g'\nkernel = '/\"'\n", "vtpms.toml:3:10:", "take it out"),
    ("[[guest]]\nname='g'\nkernel = 'vmlinuz'\n", "vtpms.toml:3:10:", "whole path"),
    ("[[guest]]\nname='g'\nkernel='/k'\nramdisk = 'r'\n", "vtpms.toml:4:11:", "whole path"),
    ("[[guest]]\nname='g'\nkernel='/k'\nmemory = '512'\n", "vtpms.toml:4:10:", "without quotes"),
    ("[[guest]]\nname='g'\nkernel='/k'\nmemory = -1\n", "vtpms.toml:4:10:", "whole number"),
    ("[[guest]]\nname='g'\nkernel='/k'\nmemory = 0\n", "vtpms.toml:4:10:", "1 or more"),
    ("[[guest]]\nname='g'\nkernel='/k'\nvcpus = 0\n", "vtpms.toml:4:9:", "1 or more"),
    ("[[guest]]\nname='g'\nkernel='/k'\nvtpm_memory = 5\n", "vtpms.toml:4:15:", "6 or more"),
    ("[[guest]]\nname='g'\nkernel='/k'\nephemeral = 'no'\n", "vtpms.toml:4:13:", "true or false"),
    ("[[guest]]\nname='g'\nkernel='/k'\ndisk = 'x'\n", "vtpms.toml:4:8:", "a list of texts"),
    ("[[guest]]\nname='g'\nkernel='/k'\nvtpm_disk = 'x'\n", "vtpms.toml:4:13:", "whole path"),
    (
        "[[guest]]\nname='g'\nkernel='/k'\nephemeral=true\nvtpm_disk = '/x'\n",
        "vtpms.toml:5:13:",
        "take one of the two out",
    ),
    (
        "[[guest]]\nname='g'\nkernel='/k'\nvtpm_extra = 'save tpm2=1'\n",
        "vtpms.toml:4:20:",
        "write tpm = \"2.0\"",
    ),
    (
        "[[guest]]\nname='g'\nkernel='/k'\nvtpm_extra = 'ephemeral'\n",
        "vtpms.toml:4:15:",
        "ephemeral = true",
    ),
    (
        "[[guest]]\nname='g'\nkernel='/k'\nvtpm_extra = 'save logelvel=debug'\n",
        "vtpms.toml:4:20:",
        "\"logelvel=debug\" is no word of a vTPM domain; did you mean loglevel?",
    ),
    (
        "[[guest]]\nname='g'\nkernel='/k'\nvtpm_extra = 'quiet'\n",
        "vtpms.toml:4:15:",
        "is no word of a vTPM domain; the words are clear, save, deactivated, loglevel",
    ),
    (
        "[[guest]]\nname='g'\nkernel='/k'\nvtpm_extra = 'save=1'\n",
        "vtpms.toml:4:15:",
        "has no effect on a vTPM domain; save needs no value: write save",
    ),
    (
        "[[guest]]\nname='g'\nkernel='/k'\nvtpm_extra = 'loglevel'\n",
        "vtpms.toml:4:15:",
        "loglevel needs a value: write loglevel=…",
    ),
    (
        "[[guest]]\nname='g'\nkernel='/k'\nvtpm_extra = 'save loglevel=loud'\n",
        "vtpms.toml:4:20:",
        "write loglevel=error, loglevel=info or loglevel=debug",
    ),
    (
        "[[guest]]\nname='g'\nkernel='/k'\ntpm='1.2'\nvtpm_extra = 'banks=sha256'\n",
        "vtpms.toml:5:15:",
        "does not exist for a TPM 1.2: remove it",
    ),
    (
        "[[guest]]\nname='g'\nkernel='/k'\nephemeral=true\nvtpm_extra='hwinitpcr=all'\n",
        "vtpms.toml:5:13:",
        "needs a manager",
    ),
    (
        "[[guest]]\nname='g'\nkernel='/k'\nvtpm_extra = 'locality=label=1'\n",
        "vtpms.toml:4:15:",
        "write locality=0 for every guest",
    ),
    ("[manager]\nextra = 'rolback=off'\n", "vtpms.toml:2:10:", "did you mean rollback?"),
    ("[manager]\nextra = 'rollback=on'\n", "vtpms.toml:2:10:", "write rollback=strict"),
    ("[manager]\nextra = 'seal=unmeasured tpmlocality=9'\n", "vtpms.toml:2:26:", "from 0 to 4"),
    ("[manager]\nextra = 'hwtpm=none'\n", "vtpms.toml:2:10:", "hardware = \"none\""),
    ("[manager]\nhardware = 'x'\n", "vtpms.toml:2:12:", "\"1.2\" or \"none\""),
    ("[manager]\nmemory = 4\n", "vtpms.toml:2:10:", "8 or more"),
    ("[manager]\niomem = []\n", "vtpms.toml:2:9:", "vtpm-hwtpm lines"),
    ("[manager]\niomem = ['fed40']\n", "vtpms.toml:2:10:", "\"fed40,5\""),
    ("[manager]\niomem = ['fed40,0']\n", "vtpms.toml:2:10:", "\"fed40,5\""),
    ("[manager]\nhardware='none'\niomem=['fed40,5']\n", "vtpms.toml:3:8:", "take one of"),
    ("[[guest]]\nname = 'g'\n", "vtpms.toml:2:8:", "nothing to boot"),
    ("[[guest]]\nname='g'\nconfig = 'none.cfg'\n", "vtpms.toml:3:10:", "there is no such file"),
    ("[[guest]]\nname='g'\nconfig='other.cfg'\nmemory = 5\n", "vtpms.toml:4:10:", "take it out"),
    ("[[guest]]\nname='g'\nconfig='other.cfg'\n", "other.cfg:2:1:", "the file of \"other\""),
    ("[[guest]]\nname='g'\nconfig='bytes.cfg'\n", "bytes.cfg:2:3:", "no text"),
    ("[host]\ntype = 'hvm'\n", "vtpms.toml:2:8:", "\"pvh\" or \"pv\""),
    ("[host]\ndisks = 'x'\n", "vtpms.toml:2:9:", "whole path"),
    (
        "[[guest]]\nname='g'\nkernel='/k'\n[[guest]]\nname='g'\nkernel='/k'\n",
        "vtpms.toml:5:6:",
        "that of the guest \"g\" (line 2, column 6); give one",
    ),
];

#[test]
fn every_mistake_is_named_with_file_line_and_column() {
    let here = folder();
    fs::write(here.path().join("bad.cfg"), "name = 'g'\nvtpm = [\n").unwrap();
    fs::write(here.path().join("other.cfg"), "kernel = '/k'\nname = 'other'\n").unwrap();
    fs::write(here.path().join("bytes.cfg"), b"name = 'g'\n# \xff\n").unwrap();
    for (toml, place, says) in MISTAKES {
        let complaint = run(here.path(), toml, &[]).unwrap_err();
        assert!(complaint.contains(place), "{toml}: {complaint}");
        assert!(complaint.contains(says), "{toml}: {complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
    }
    let complaint = run(here.path(), "[[guest]]\nname='g'\nconfig='bad.cfg'\n", &[]).unwrap_err();
    assert!(complaint.contains("bad.cfg:3:1: "), "{complaint}");
    assert_eq!(fs::read_dir(here.path()).unwrap().count(), 4, "nothing is half done");
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

#[test]
fn force_replaces_all_or_nothing() {
    let here = folder();
    let toml = "[[guest]]\nname = 'g'\nconfig = 'mine.cfg'\n";
    fs::write(here.path().join("mine.cfg"), MINE.replace("g1", "g")).unwrap();
    run(here.path(), toml, &[]).unwrap();
    let names = ["vtpmmgr.cfg", "g-vtpm.cfg"];
    let before = names.map(|name| read(here.path(), name));
    let changed = format!("[manager]\nmemory = 32\n{toml}vtpm_memory = 12\n");
    let uuid = before[1].split("uuid=").nth(1).unwrap().split('"').next().unwrap();
    let changed = format!("{changed}uuid = '{uuid}'\n");
    fs::remove_file(here.path().join("g.cfg")).unwrap();
    fs::create_dir(here.path().join("g.cfg")).unwrap();
    let refused = run(here.path(), &changed, &["--force"]).unwrap_err();
    assert!(refused.contains("g.cfg, which is there and is no file"), "{refused}");
    assert_eq!(names.map(|name| read(here.path(), name)), before);
    fs::remove_dir(here.path().join("g.cfg")).unwrap();
    run(here.path(), &changed, &["--force"]).unwrap();
    assert!(read(here.path(), "vtpmmgr.cfg").contains("memory = 32"));
    assert_eq!(
        fs::read_dir(here.path()).unwrap().count(),
        5,
        "no old file is left under another name"
    );
}

#[test]
fn what_stock_xl_would_not_understand_of_a_guest_s_own_lines_is_refused_or_left_out() {
    let here = folder();
    let toml = "[[guest]]\nname='g'\nconfig='mine.cfg'\n";
    fs::write(here.path().join("mine.cfg"), "vtpm=['backend=a,tpm2','backend=b,tmp=2.0']\n")
        .unwrap();
    let told = run(here.path(), toml, &[]).unwrap_err();
    assert!(told.contains("mine.cfg:1:35: \"tmp=\" is not a word of this line"), "{told}");
    fs::write(here.path().join("mine.cfg"), "vtpm=['backend=a,tpm2']\n").unwrap();
    let output = here.path().join("out").display().to_string();
    let said = run(here.path(), toml, &["--output", &output]).unwrap();
    assert!(said.contains("xl does not know them; it has 2 vTPMs now"), "{said}");
    assert!(
        read(here.path(), "out/g.cfg").starts_with("vtpm=['backend=a', \"backend=g-vtpm,uuid=")
    );
}

const PAGE: &str = include_str!("../../docs/formats/vtpms-toml.md");

#[test]
fn the_page_describes_every_key_and_its_example_is_taken() {
    let here = folder();
    for table in ["[host]", "[manager]", "[[guest]]"] {
        let complaint = run(here.path(), &format!("{table}\nno_such_key = 1\n"), &[]).unwrap_err();
        let keys = complaint.split("the keys are ").nth(1).unwrap().split(", ");
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
