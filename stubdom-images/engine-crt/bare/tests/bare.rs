//! Builds the bare program, and proves by running it what the engine promises without a C library.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The program, built once per test run with the profile of the images.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bare");
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "engine-bare", "--profile", "image"])
            .args(["--target", "x86_64-unknown-none", "--target-dir"])
            .arg(&folder)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .expect("cargo");
        assert!(built.success(), "the engine does not link without a C library");
        folder.join("x86_64-unknown-none/image/engine-bare")
    })
}

/// What one run printed, after it ended well.
fn run(mode: &str) -> String {
    let output = Command::new(program()).arg(mode).output().expect("the program runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{mode}: {}\n{text}", output.status);
    eprintln!("{mode}:\n{text}");
    text
}

/// The number behind `name: `.
fn figure(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in\n{text}"))
}

#[test]
fn both_tpms_live_without_a_c_library_within_stack_and_heap() {
    let text = run("life");
    assert!(text.contains("TPM 1.2: lives") && text.contains("TPM 2.0: lives"), "{text}");
    assert!(text.contains("\"family\":\"2.0\""), "GetInfo formats: {text}");
    assert!(figure(&text, "stack used") < 24 << 10, "{text}");
    assert!(figure(&text, "heap peak") < 1_500 << 10, "{text}");
    assert!(!text.contains("refused "), "nothing was asked for in vain: {text}");
}

#[test]
fn allocation_does_not_dominate_key_generation() {
    let text = run("keys");
    // about 70,000 allocations; with a list that is searched they take more than a second
    assert!(figure(&text, "allocations per key") > 1_000, "{text}");
    assert!(figure(&text, "microseconds per key") < 500_000, "{text}");
}

#[test]
fn without_entropy_nothing_is_made() {
    let text = run("no-entropy");
    for version in ["1.2", "2.0"] {
        let line = format!("TPM {version}: refused without entropy, started with it");
        assert!(text.contains(&line), "{text}");
    }
}

#[test]
fn a_tpm_whose_entropy_ends_hands_out_nothing_guessable() {
    let text = run("late-no-entropy");
    assert!(text.contains("StirRandom: Err(NoEntropy)"), "{text}");
    assert!(text.contains("GetRandom: Err(NoEntropy)"), "{text}");
    assert!(text.contains("power cycle: Err(NoEntropy)"), "{text}");
}

#[test]
fn want_of_memory_is_seen_and_healed_by_power() {
    let text = run("memory");
    let dumped = |line: &str| line.strip_prefix("crt: ").is_some_and(|it| it.starts_with("80 02"));
    assert!(!text.lines().any(dumped), "the command stays out of the log: {text}");
    assert!(text.contains("then: Ok(257)"), "TPM_RC_FAILURE: {text}");
    assert!(text.contains("failed: true") && text.contains("healed: true"), "{text}");
    assert!(figure(&text, "failed allocations") > 0, "{text}");
}

#[test]
fn random_commands_neither_break_nor_grow_the_engine() {
    for mode in ["soak1", "soak2"] {
        let text = run(mode);
        assert!(figure(&text, "succeeded") > 2_000, "{text}");
        // NV indices and objects that the commands made, and no more
        assert!(figure(&text, "heap grew by") < 192 << 10, "{text}");
    }
}

#[test]
fn the_engine_itself_makes_no_system_call() {
    let native = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../target/native");
    let native = std::env::var_os("VTPM_NATIVE").map_or(native, PathBuf::from);
    for archive in ["libtpms.a", "libcrypto.a"] {
        let output = Command::new("objdump").arg("-d").arg(native.join(archive)).output().unwrap();
        assert!(output.status.success() && output.stdout.len() > 100_000, "{archive}");
        let listing = String::from_utf8_lossy(&output.stdout);
        let calls = ["syscall", "sysenter", "int    $0x80"];
        let found = listing.lines().find(|line| {
            calls.iter().any(|call| line.split('\t').nth(2).is_some_and(|it| it.trim() == *call))
        });
        assert_eq!(found, None, "{archive}");
    }
}
