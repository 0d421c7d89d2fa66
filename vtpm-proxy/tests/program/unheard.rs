//! Nobody listens: standard output or standard error is a pipe without a reader, or a full disk.

use crate::double::{Place, Served};
use crate::index::{define_index, write_index};
use std::fs::File;
use std::process::{Command, Output, Stdio};
use tpm_wire::tpm20;

/// A pipe that nobody reads.
fn closed_pipe() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn full_disk() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

#[test]
fn a_tpm_is_served_and_ends_in_order_where_nobody_hears_that_it_is_ready() {
    for nowhere in [closed_pipe, full_disk] {
        let place = Place::new();
        // An open platform hierarchy is warned of at each start.
        let words = ["--state", "=state", "--key-file", "=key", "--stdin", "--platform-open"];
        let mut command = place.run(&words);
        command.stdout(nowhere()).stderr(nowhere());
        let served = Served::begin_unheard(command);
        served.ask(&define_index());
        served.ask(&write_index(7));
        for _ in 0..20 {
            served.ask(&tpm20::get_random(8));
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        served.stop();
        let again = place.serve(&[]);
        assert_eq!(again.index_value(), 7);
        again.stop();
    }
}

fn printed(place: &Place, words: &[&str], out: Stdio) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vtpm-proxy"));
    command.args(words).env("VTPM_PROXY_RUN", place.path("run"));
    command.stdout(out).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap()
}

#[test]
fn what_a_command_prints_may_be_cut_off_by_its_reader_and_not_by_a_full_disk() {
    let place = Place::new();
    let served = place.serve(&["--name", "web"]);
    for words in [&["list"][..], &["list", "--json"], &["completion", "bash"], &["--help"]] {
        let done = printed(&place, words, closed_pipe());
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!((done.status.code(), said.as_str()), (Some(0), ""), "{words:?}");
    }
    for words in [&["list"][..], &["list", "--json"], &["completion", "bash"]] {
        let done = printed(&place, words, full_disk());
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(1), "{words:?}: {said}");
        assert!(said.starts_with("vtpm-proxy: standard output cannot be written: "), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    let done = printed(&place, &["recipe", "web"], Stdio::piped());
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(1));
    assert!(said.starts_with("vtpm-proxy: it serves on standard input: "), "{said}");
    served.stop();
}

#[test]
fn an_error_has_its_exit_code_where_nobody_hears_it() {
    let place = Place::new();
    for nowhere in [closed_pipe, full_disk] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vtpm-proxy"));
        command.args(["stop", "nobody"]).env("VTPM_PROXY_RUN", place.path("run"));
        assert_eq!(command.stderr(nowhere()).status().unwrap().code(), Some(1));
    }
}
