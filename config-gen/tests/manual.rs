//! The manual page's examples.
#![forbid(unsafe_code)]

use std::fs;

const GUEST: &str = "# mine\nname = 'guest1'\nkernel = '/boot/vmlinuz'\n";

#[test]
fn the_manual_page_s_examples_run() {
    let folder = tempfile::tempdir().unwrap();
    let toml = "[[guest]]\nname = 'web'\nconfig = 'own.cfg'\n";
    fs::write(folder.path().join("vtpms.toml"), toml).unwrap();
    fs::write(folder.path().join("guest1.cfg"), GUEST).unwrap();
    fs::write(folder.path().join("guest2.cfg"), GUEST.replace("guest1", "guest2")).unwrap();
    fs::write(folder.path().join("own.cfg"), "name = 'web'\n").unwrap();
    let program = env!("CARGO_BIN_EXE_vtpm-config-gen");
    manual::run_examples("vtpm-config-gen.1", "vtpm-config-gen", program, folder.path());
    assert_eq!(fs::read_to_string(folder.path().join("guest1.cfg")).unwrap(), GUEST);
    for made in ["web.cfg", "web-vtpm.cfg", "vtpmmgr.cfg", "vtpm/guest1.cfg", "vtpm/guest2.cfg"] {
        assert!(folder.path().join(made).exists(), "{made}");
    }
}
