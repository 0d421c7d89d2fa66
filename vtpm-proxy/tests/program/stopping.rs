//! The ends of a TPM that somebody asked for.

use crate::double::{Place, Served};
use crate::index::{define_index, write_index};
use rustix::process::Signal;
use std::fs;
use std::process::{Command, Output};
use std::time::{Duration, Instant};
use tpm_wire::tpm20;

/// `vtpm-proxy` with these words, among this place's entries.
fn vtpm_proxy(place: &Place, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vtpm-proxy"));
    command.args(words).env("VTPM_PROXY_RUN", place.path("run")).output().unwrap()
}

fn sentence(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn stop_ends_a_tpm_in_order_however_long_it_may_take() {
    let place = Place::new();
    let served = place.serve(&["--name", "web"]);
    let words = ["stop", "web", "--timeout", "18446744073709551615"];
    let done = vtpm_proxy(&place, &words);
    assert!(done.status.success(), "{}", sentence(&done));
    assert!(served.end().status.success());
    assert_eq!(fs::read_dir(place.path("run")).unwrap().count(), 0, "no entry is left");
    let again = place.serve(&["--name", "web"]);
    assert!(again.was_orderly());
    again.stop();
}

#[test]
fn stop_says_when_a_tpm_did_not_end_in_order() {
    let place = Place::new();
    let served = place.serve(&["--name", "web"]);
    served.ask(&tpm20::get_random(8));
    // Nothing can be written there any more, whoever tries.
    fs::create_dir(place.path("state").join("state.new")).unwrap();
    let done = vtpm_proxy(&place, &["stop", "web"]);
    assert_eq!(done.status.code(), Some(1));
    assert_eq!(sentence(&done), "vtpm-proxy: web has ended, but not in order: look at its log\n");
    assert_eq!(served.end().status.code(), Some(1));
    fs::remove_dir(place.path("state").join("state.new")).unwrap();
    place.serve(&["--name", "web"]).stop();
}

#[test]
fn one_that_fails_while_it_is_asked_to_stop_has_not_ended_in_order() {
    let place = Place::new();
    let served = place.serve(&["--name", "web"]);
    fs::create_dir(place.path("state").join("state.new")).unwrap();
    assert!(served.send(&define_index()).is_empty(), "no answer without a state on disk");
    assert_eq!(served.end().status.code(), Some(1));
    assert!(place.path("run/web.json").exists(), "whoever asks it to stop looks for that");
    fs::remove_dir(place.path("state").join("state.new")).unwrap();
    place.serve(&["--name", "web"]).stop();
    assert!(!place.path("run/web.json").exists());
}

#[test]
fn stop_has_an_end_where_its_tpm_has_none() {
    let place = Place::new();
    let served = place.serve(&["--name", "web"]);
    served.signal(Signal::STOP);
    let done = vtpm_proxy(&place, &["stop", "web", "--timeout", "1"]);
    assert_eq!(done.status.code(), Some(1));
    assert!(sentence(&done).contains("web has not stopped within 1 s"), "{}", sentence(&done));
    served.signal(Signal::CONT);
    assert!(served.end().status.success());
}

#[test]
fn a_tpm_that_is_not_ready_yet_is_said_so() {
    let place = Place::new();
    fs::create_dir(place.path("run")).unwrap();
    let entry = fs::File::create(place.path("run/web.json")).unwrap();
    rustix::fs::flock(&entry, rustix::fs::FlockOperation::LockExclusive).unwrap();
    for words in [["stop", "web"], ["recipe", "web"]] {
        let done = vtpm_proxy(&place, &words);
        assert_eq!(done.status.code(), Some(1));
        assert_eq!(
            sentence(&done),
            "vtpm-proxy: web is not ready yet: try again in a moment\n",
            "{words:?}"
        );
    }
}

#[test]
fn one_that_is_asked_to_stop_while_it_starts_ends_in_order() {
    let place = Place::new();
    let words = ["--state", "=state", "--key-file", "=key", "--stdin"];
    let served = Served::begin(place.run(&words));
    // The first thing that a new TPM does is to be kept.
    let end = Instant::now() + Duration::from_secs(60);
    while !place.path("state/state").exists() {
        assert!(Instant::now() < end, "it does not start");
        std::thread::sleep(Duration::from_millis(1));
    }
    served.terminate();
    let output = served.end();
    assert!(output.status.success(), "{output:?}");
    let again = place.serve(&[]);
    assert!(again.was_orderly());
    again.stop();
}

#[test]
fn a_terminal_that_goes_ends_it_in_order_but_not_one_that_ignores_it() {
    let place = Place::new();
    let words = ["--state", "=state", "--key-file", "=key", "--stdin"];
    let run = place.run(&words);
    // These tests may themselves run under nohup, and what is ignored is inherited.
    let under = |option: &str| {
        let mut env = Command::new("env");
        env.arg(option).arg(run.get_program()).args(run.get_args());
        env.env("VTPM_PROXY_RUN", place.path("run"));
        Served::start(env)
    };
    let served = under("--default-signal=HUP");
    served.signal(Signal::HUP);
    assert!(served.end().status.success());
    let served = under("--ignore-signal=HUP");
    assert!(served.was_orderly());
    served.signal(Signal::HUP);
    served.ask(&tpm20::get_random(8));
    served.stop();
}

#[test]
fn a_client_that_takes_no_answers_does_not_keep_it_from_stopping() {
    let place = Place::new();
    let served = place.serve(&[]);
    served.ask(&define_index());
    served.ask(&write_index(3));
    served.flood(&tpm20::get_random(32));
    served.stop();
    let again = place.serve(&[]);
    assert_eq!(again.index_value(), 3);
    assert!(again.was_orderly());
    again.stop();
}
