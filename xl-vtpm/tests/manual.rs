//! The manual page's examples that need no Xen; the others are run by a claim in the lab.
#![forbid(unsafe_code)]

#[test]
fn the_manual_page_s_examples_run() {
    let folder = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_xl-vtpm");
    manual::run_examples("xl-vtpm.1", "xl-vtpm", program, folder.path());
    let script = std::fs::read_to_string(folder.path().join("xl-vtpm.bash")).unwrap();
    assert!(script.contains("complete ") && script.contains("doctor"));
}
