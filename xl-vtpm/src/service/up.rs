//! `service up`: the manager and the resident vTPMs, as at boot.

use crate::exit::Exit;
use crate::host::Host;
use crate::known::Places;
use crate::{resident, unfinished};
use libxl_vtpm::plan::{Plan, Role, apply};
use serde_json::json;
use std::path::PathBuf;

/// Starts what does not run yet. One that fails keeps none of the others from starting.
pub(crate) fn run(manager: &str, seconds: u64, dry_run: bool, json: bool) -> Result<(), Exit> {
    let mut host = Host::open()?;
    let mut up = Up { seconds, dry_run, json, ready: Vec::new(), failed: Vec::new() };
    if !dry_run {
        host.heeds_signals()?;
        unfinished::clear(&host, &mut |line| eprintln!("xl-vtpm: {line}"))?;
    }
    let places = Places { named: &[], beside: None };
    if host.xen.find(manager).is_some() || places.config(manager)?.is_some() {
        up.start(&mut host, manager, Role::Manager, &[]);
    } else if !json {
        println!("there is no manager: /etc/xen/vtpm/{manager}.cfg is missing");
    }
    for (name, file) in resident::all() {
        up.start(&mut host, &name, Role::Vtpm, &[file]);
    }
    up.told()
}

struct Up {
    seconds: u64,
    dry_run: bool,
    json: bool,
    ready: Vec<String>,
    failed: Vec<String>,
}

impl Up {
    fn start(&mut self, host: &mut Host, name: &str, role: Role, named: &[PathBuf]) {
        match self.take(host, name, role, named) {
            Ok(()) => self.ready.push(name.to_owned()),
            Err(why) => {
                eprintln!("xl-vtpm: {name}: {why}");
                self.failed.push(name.to_owned());
            }
        }
    }

    fn take(&self, host: &mut Host, name: &str, role: Role, named: &[PathBuf]) -> Result<(), Exit> {
        let places = Places { named, beside: None };
        let known = places.known(host, &[(name.to_owned(), role)])?;
        let plan = Plan::domain(name, role, &known, self.seconds).map_err(Exit::not_done)?;
        if self.dry_run {
            plan.steps.iter().filter(|_| !self.json).for_each(|step| println!("would {step}"));
            return Ok(());
        }
        apply(&plan, host, &mut |step| {
            if !self.json {
                println!("{step}");
            }
        })?;
        Ok(())
    }

    fn told(self) -> Result<(), Exit> {
        if self.json {
            let done = !self.dry_run;
            println!("{:#}", json!({ "done": done, "ready": self.ready, "failed": self.failed }));
        }
        if self.failed.is_empty() {
            return Ok(());
        }
        Err(Exit::not_done(format!("not started: {}", self.failed.join(", "))))
    }
}
