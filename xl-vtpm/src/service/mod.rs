//! What runs around guests on domain 0: before they start, while they run, and when all of them end.

mod arguments;
mod attaching;
mod consoles;
mod down;
mod listening;
mod look;
mod naming;
mod orphans;
mod rules;
mod stages;
mod up;
mod waking;
mod watching;

pub(crate) use arguments::Service;

use crate::exit::Exit;
use std::time::Duration;

/// Runs one of them.
pub(crate) fn run(service: &Service, json: bool) -> Result<(), Exit> {
    match service {
        Service::Up { timeout, manager, dry_run } => up::run(manager, *timeout, *dry_run, json),
        Service::Down { dry_run: true, .. } => down::would(json),
        Service::Down { timeout, .. } => down::run(Duration::from_secs(*timeout), json),
        Service::Run { grace, manager } => watching::run(Duration::from_secs(*grace), manager),
    }
}
