//! What the fuzz targets promise holds for the kept inputs and for a few thousand arbitrary ones.
#![forbid(unsafe_code)]

use flow_tests::fuzz::TARGETS;
use std::fs;
use std::path::Path;

/// The kept inputs of a target, with their names.
fn kept(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let paths = files.map(|file| file.unwrap().path());
    paths.map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect()
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
