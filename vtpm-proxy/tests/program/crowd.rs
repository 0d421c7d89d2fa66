//! A hundred TPMs of one host at once, each a process of its own.

use crate::double::{Place, Served};
use crate::index::{define_index, write_index};
use std::fs;
use std::time::Instant;
use tpm_wire::tpm20;

const COUNT: u64 = 100;

fn serve(place: &Place, number: u64) -> Served {
    let (state, name) = (format!("=state-{number}"), format!("tpm{number}"));
    let words = ["--state", &state, "--key-file", "=key", "--name", &name, "--stdin"];
    Served::begin(place.run(&words))
}

/// Proportional set size in KiB: pages that several share count for each in part.
fn memory(served: &Served) -> u64 {
    let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", served.process.id())).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn open_files(served: &Served) -> usize {
    fs::read_dir(format!("/proc/{}/fd", served.process.id())).unwrap().count()
}

#[test]
fn a_hundred_are_made_used_and_stopped_and_leave_nothing_but_their_states() {
    let place = Place::new();
    let began = Instant::now();
    let mut crowd: Vec<_> = (0..COUNT).map(|number| serve(&place, number)).collect();
    crowd.iter_mut().for_each(Served::wait_ready);
    let ready = began.elapsed();
    for (number, served) in (0..).zip(&crowd) {
        served.ask(&define_index());
        served.ask(&write_index(number));
    }
    let entries = || fs::read_dir(place.path("run")).unwrap().count();
    assert_eq!(entries(), crowd.len());
    // Whatever one answers to another's command stays its own.
    let files: Vec<_> = crowd.iter().map(open_files).collect();
    for _ in 0..20 {
        crowd.iter().for_each(|served| assert_eq!(served.ask(&tpm20::get_random(16)).len(), 18));
    }
    for (number, served) in (0..).zip(&crowd) {
        assert_eq!(served.index_value(), number);
    }
    assert_eq!(crowd.iter().map(open_files).collect::<Vec<_>>(), files, "no file stays open");
    let total: u64 = crowd.iter().map(memory).sum();
    println!("figure: {COUNT} were ready in {ready:.1?} and take {} KiB each (PSS)", total / COUNT);
    assert!(total / COUNT < 6 * 1024, "{} KiB each", total / COUNT);
    crowd.iter().for_each(Served::terminate);
    for served in crowd {
        assert!(served.end().status.success());
    }
    assert_eq!(entries(), 0, "no entry is left");
    for number in 0..COUNT {
        let folder = fs::read_dir(place.path(&format!("state-{number}"))).unwrap();
        let names: Vec<_> = folder.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["state"]);
    }
}
