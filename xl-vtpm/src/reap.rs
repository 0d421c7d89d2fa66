//! Who takes a domain away once it has ended. xl does it for the domains that xl made, by a process
//! that stays; so does this, for the domains that libxl made for us. libxl itself would leave an ended
//! domain where it is.

use crate::exit::Exit;
use crate::nodes::Nodes;
use crate::ours;
use libxl_vtpm::plan::Problem;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;
use xenlight_sys::{Context, End, Library};

/// Between two looks in case an event is lost.
const LONG: Duration = Duration::from_secs(3600);

/// Starts a process that takes this domain away once it has ended, and stays until then.
pub(crate) fn leave_behind(domid: u32) -> Result<(), Problem> {
    let failed = |error: std::io::Error| Problem(format!("nobody could be left behind: {error}"));
    let mut reaper = Command::new(own_program(std::env::current_exe().map_err(failed)?));
    reaper.args(["reap", &domid.to_string()]).current_dir("/");
    reaper.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    reaper.spawn().map(drop).map_err(failed)
}

/// What is run by the path of this program, which an upgrade of its package may just have replaced: the kernel has it
/// still (proc_pid_exe(5)).
fn own_program(path: PathBuf) -> PathBuf {
    if path.exists() { path } else { "/proc/self/exe".into() }
}

/// Waits for the domain's end, and destroys what is left of it.
pub(crate) fn run(domid: u32) -> Result<(), Exit> {
    // Whoever started this may log out.
    rustix::process::setsid().map_err(Exit::not_done)?;
    let xen = Context::open(Library::of_this_host()?)?;
    take_away(&xen, domid)?;
    Ok(ours::forget(&Nodes::open()?, domid)?)
}

fn take_away(xen: &Context, domid: u32) -> Result<(), Exit> {
    loop {
        match xen.wait_for_end(domid, LONG)? {
            None => {}
            Some(End::Gone) => return Ok(()),
            Some(End::Shutdown(_)) => {
                // Somebody else may have been faster.
                let destroyed = xen.destroy(domid);
                if xen.domain(domid)?.is_none() {
                    return Ok(());
                }
                destroyed?;
            }
        }
    }
}

#[test]
fn a_program_that_was_replaced_can_still_be_run() {
    let here = tempfile::tempdir().unwrap();
    let shell = here.path().join("sh");
    std::fs::copy("/bin/sh", &shell).unwrap();
    assert_eq!(own_program(shell.clone()), shell);
    // The kernel's word for its path, by which it cannot be found.
    let mut replaced = Command::new(&shell);
    replaced
        .args(["-c", "rm \"$0\"; readlink /proc/$$/exe; /proc/$$/exe -c 'echo runs'"])
        .arg(&shell);
    let said = String::from_utf8(replaced.output().unwrap().stdout).unwrap();
    let (path, runs) = said.split_once('\n').unwrap();
    assert!(path.ends_with("/sh (deleted)") && runs == "runs\n", "{said}");
    assert_eq!(own_program(path.into()), PathBuf::from("/proc/self/exe"));
}
