//! What the fuzz targets promise holds for the kept inputs and for a few thousand arbitrary ones.
#![forbid(unsafe_code)]

use flow_tests::fuzz::TARGETS;
use std::fs;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

/// The kept inputs of a target, with their names.
fn kept(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = folder().join("corpus").join(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let paths = files.map(|file| file.unwrap().path());
    paths.map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect()
}

/// What `./x fuzz --keep` packed: each input behind its length, two bytes, little-endian.
fn found(target: &str) -> Vec<(String, Vec<u8>)> {
    let file = folder().join("found").join(target);
    let bytes = fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let (mut rest, mut inputs) = (&*bytes, Vec::new());
    while let Some((length, bytes)) = rest.split_first_chunk() {
        let (input, bytes) = bytes.split_at(u16::from_le_bytes(*length).into());
        inputs.push((format!("{target}, found input {}", inputs.len()), input.to_vec()));
        rest = bytes;
    }
    assert!(rest.is_empty(), "{} is cut", file.display());
    inputs
}

/// `./x fuzz` goes by the entry points, and these tests by the table.
#[test]
fn every_target_has_an_entry_point_and_every_entry_point_a_target() {
    let files = fs::read_dir(folder().join("fuzz_targets")).unwrap();
    let mut points: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    points.sort();
    let mut names: Vec<_> = TARGETS.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    let stems: Vec<_> = points.iter().map(|path| path.file_stem().unwrap()).collect();
    assert_eq!(stems, names);
    for (path, name) in points.iter().zip(names) {
        let text = fs::read_to_string(path).unwrap();
        assert!(text.contains(&format!("flow_tests::fuzz::{name}")), "{name}: {text}");
    }
}

#[test]
fn every_target_holds_for_its_kept_inputs() {
    for (name, run) in TARGETS {
        let inputs = kept(name);
        assert!(!inputs.is_empty(), "{name} has no kept inputs");
        for (file, input) in inputs {
            eprintln!("{file}");
            run(&input);
        }
    }
}

#[test]
fn every_target_holds_for_what_its_runs_found() {
    for (name, run) in TARGETS {
        let inputs = found(name);
        assert!(!inputs.is_empty(), "{name}");
        for (input, bytes) in inputs {
            eprintln!("{input}");
            run(&bytes);
        }
    }
}

/// The same bytes on every run, so that a failure comes again.
#[test]
fn every_target_holds_for_arbitrary_bytes() {
    let mut seed = 0x2545_F491_4F6C_DD1D_u64;
    let mut byte = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed.to_le_bytes()[3]
    };
    for (name, run) in TARGETS {
        let (count, longest) = match name {
            "packets" => (40, 200),
            "page" | "disks" | "hardware_tpm" | "manager_packets" => (200, 300),
            "tpm_answers" | "manager_answers" | "proxy_state" => (500, 200),
            _ => (2000, 100),
        };
        for length in (0..count).map(|number| number * longest / count) {
            let input: Vec<u8> = (0..length).map(|_| byte()).collect();
            eprintln!("{name} {input:02x?}");
            run(&input);
        }
    }
}
