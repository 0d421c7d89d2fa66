//! Whole guest files, read through the libxlutil of each release, and the text's own reading of the
//! same files beside it.
#![forbid(unsafe_code)]

use libxl_vtpm::guest::Guest;
use libxl_vtpm::text::settings;
use peers::{XenTree, unless_missing};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::path::Path;
use xenlight_sys::{GuestFile, Library, Setting, XenRelease};

/// Set in the process that has a release's libraries.
const RELEASE: &str = "LIBXL_VTPM_RELEASE";

/// Runs the calling test again in a process per release, with that release's libraries.
fn in_every_release(test: &str, body: impl Fn(&'static Library)) {
    if let Ok(numbers) = std::env::var(RELEASE) {
        let release = XenRelease::ALL.into_iter().find(|known| known.numbers() == numbers);
        body(Library::of(release.unwrap()).unwrap());
        return;
    }
    for release in XenRelease::ALL {
        let Some(tree) = unless_missing(XenTree::of(release.numbers())) else { continue };
        let mut again = tree.command(&std::env::current_exe().unwrap());
        again.args(["--exact", test, "--nocapture"]).env(RELEASE, release.numbers());
        let done = again.output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout);
        let complained = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "with Xen {}: {said}{complained}", tree.release);
        assert!(said.contains("1 passed"), "nothing ran with Xen {}: {said}", tree.release);
    }
}

fn read(library: &'static Library, text: &str) -> Result<Guest, String> {
    Guest::parse(library, Path::new("g.cfg"), text.as_bytes()).map_err(|error| error.to_string())
}

#[test]
fn a_guest_s_vtpms_are_read_with_what_xl_would_not_understand() {
    in_every_release("a_guest_s_vtpms_are_read_with_what_xl_would_not_understand", |library| {
        let text = "name='g'\nvtpm = [\n  'backend=a,tpm2', # one\n  \"backend=b\" ]\n";
        let guest = read(library, text).unwrap();
        assert_eq!(guest.name.as_deref(), Some("g"));
        assert_eq!(guest.vtpms.len(), 2);
        assert_eq!(guest.warnings.len(), 1);
        assert!(
            guest.warnings[0].starts_with("g.cfg:3:14: stock xl passes"),
            "{:?}",
            guest.warnings
        );
        assert_eq!(read(library, "name='g'\n").unwrap().vtpms, []);
    });
}

#[test]
fn a_mistake_is_named_with_file_line_and_column() {
    in_every_release("a_mistake_is_named_with_file_line_and_column", |library| {
        let complaint = read(library, "vtpm = [ 'backend=a',\n'backend=b,tpm=3' ]\n").unwrap_err();
        assert!(complaint.starts_with("g.cfg:2:12: there is no TPM \"3\""), "{complaint}");
        let complaint = read(library, "vtpm = 5\n").unwrap_err();
        assert!(complaint.starts_with("g.cfg:1:1: vtpm must be a list"), "{complaint}");
        let complaint = read(library, "vtpm = [ ['backend=a'] ]\n").unwrap_err();
        assert!(complaint.starts_with("g.cfg:1:1: vtpm must be a list of texts"), "{complaint}");
        let complaint = read(library, "vtpm = [ 'backend=a'\nname='g'\n").unwrap_err();
        assert!(complaint.starts_with("g.cfg:2:1: this is not the syntax"), "{complaint}");
    });
}

/// Files made of the pieces of the syntax, in any order.
fn files() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => Just("vtpm=["), 1 => Just("vtpm = '"), 2 => Just("vtpm += ["), 3 => Just("'a'"),
        2 => Just("\"b c\""), 3 => Just(","), 3 => Just("]"), 4 => Just("\n"), 1 => Just(";"),
        1 => Just(" "), 1 => Just("# it's\n"), 1 => Just("name='g'\n"), 1 => Just("5"),
        1 => Just("0xfg"), 1 => Just("["), 1 => Just("="),  1 => Just("ä"),
        1 => Just("x_1=0x1f\n"), 1 => Just("\r\n"), 1 => Just("\t"), 1 => Just("vtpm=['a',\n'b']\n"),
        1 => Just("vtpm=['a',]\n"), 1 => Just("+="), 1 => Just("# c\r\n"), 1 => Just("[,]"),
        1 => Just("name += 'h'\n"),
    ];
    proptest::collection::vec(piece, 0..9).prop_map(|pieces| pieces.concat())
}

#[test]
fn the_text_s_own_reading_of_a_file_is_libxlutil_s() {
    in_every_release("the_text_s_own_reading_of_a_file_is_libxlutil_s", |library| {
        let mut runner =
            TestRunner::new(Config { cases: 400, failure_persistence: None, ..Config::default() });
        let run = runner.run(&files(), |text| {
            let theirs = GuestFile::parse(library, "g.cfg", text.as_bytes());
            let ours = settings(&text);
            prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?}", text);
            let (Ok(theirs), Ok(ours)) = (theirs, ours) else { return Ok(()) };
            if let Some(Setting::Text(name)) = theirs.get("name") {
                prop_assert_eq!(ours.text("name"), Some(name), "name of {:?}", text);
            }
            let Some(Setting::List(items)) = theirs.get("vtpm") else { return Ok(()) };
            let items: Vec<_> = items.into_iter().flatten().collect();
            let found: Vec<_> = ours.list("vtpm").iter().map(|item| item.text.clone()).collect();
            prop_assert_eq!(found, items, "{:?}", text);
            Ok(())
        });
        run.unwrap();
    });
}
