//! Where programs of domain 0's are.

use duct::Expression;
use std::env;
use std::ffi::OsString;

/// What `su` leaves out of PATH on Debian.
const SBIN: &str = "/usr/sbin:/sbin:/usr/local/sbin";

/// A program that is looked for there, too.
pub(crate) fn with_sbin(program: &Expression) -> Expression {
    program.env("PATH", extended(env::var_os("PATH")))
}

fn extended(path: Option<OsString>) -> OsString {
    let path = path.filter(|path| !path.is_empty());
    path.map_or_else(
        || SBIN.into(),
        |mut path| {
            path.push(":");
            path.push(SBIN);
            path
        },
    )
}

#[test]
fn programs_of_root_s_are_found_by_whoever_became_root_by_su() {
    let path = extended(Some("/usr/local/bin:/usr/bin:/bin".into()));
    assert_eq!(path, "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/sbin");
    assert_eq!(extended(None), SBIN);
    assert_eq!(extended(Some("".into())), SBIN, "and not the present folder");
    let here = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/bin/echo", here.path().join("only-here")).unwrap();
    let program = duct::cmd("only-here", ["found"]).env("PATH", here.path());
    assert_eq!(program.read().unwrap(), "found", "the program itself is looked for by that PATH");
}
