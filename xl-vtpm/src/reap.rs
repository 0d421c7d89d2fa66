//! Who takes a domain away once it has ended. xl does it for the domains that xl made, by a process
//! that stays; so does this, for the domains that libxl made for us. libxl itself would leave an ended
//! domain where it is.

use crate::exit::Exit;
use crate::nodes::Nodes;
use crate::ours;
use libxl_vtpm::plan::Problem;
use std::process::{Command, Stdio};
use std::time::Duration;
use xenlight_sys::{Context, End, Library};

/// Between two looks in case an event is lost.
const LONG: Duration = Duration::from_secs(3600);

/// Starts a process that takes this domain away once it has ended, and stays until then.
pub(crate) fn leave_behind(domid: u32) -> Result<(), Problem> {
    let failed = |error: std::io::Error| Problem(format!("nobody could be left behind: {error}"));
    let mut reaper = Command::new(std::env::current_exe().map_err(failed)?);
    reaper.args(["reap", &domid.to_string()]).current_dir("/");
    reaper.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    reaper.spawn().map(drop).map_err(failed)
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
