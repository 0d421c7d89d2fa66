//! Guests that live while their vTPM's domain is gone. They get its successor only where the
//! administrator's file allows it: its PCRs are blank, so whoever has the guest could forge what was
//! measured into it (docs/decisions/0050-a-boot-is-one-guests-life.md). The vTPM refuses by itself, too.

use super::attaching::{self, Moving, Next, Place};
use super::look::Look;
use crate::host::Host;
use crate::wires::Wire;
use crate::{ours, xl};
use libxl_vtpm::plan::{Problem, Readiness, Role};
use std::collections::{BTreeMap, BTreeSet};

/// The word in a vTPM's `extra=`.
const ALLOWED: &str = "reattach=blank-pcrs";

/// A guest's device.
type Device = (u32, i32);

#[derive(Default)]
pub(super) struct Orphans {
    /// The name of the vTPM's domain, as the guest's configuration has it.
    backends: BTreeMap<Device, String>,
    /// Which successors were decided on.
    decided: BTreeSet<(Device, u32)>,
    /// Devices that were attached and are not connected yet.
    waiting: BTreeSet<Device>,
}

impl Orphans {
    /// Attaches the guest to its vTPM, if that was restarted and may have it.
    pub(super) fn take(&mut self, host: &Host, look: &Look, wire: &Wire) {
        if let Err(Problem(why)) = self.try_take(host, look, wire) {
            println!("{}: its vTPM {} is gone: {why}", who(look, wire.frontend), wire.devid);
        }
    }

    fn try_take(&mut self, host: &Host, look: &Look, wire: &Wire) -> Result<(), Problem> {
        let device = (wire.frontend, wire.devid);
        let Some(name) = self.backend(wire)? else { return Ok(()) };
        let Some(backend) = look.named(&name) else { return Ok(()) };
        if self.decided.contains(&(device, backend))
            || host.nodes.readiness(backend, Role::Vtpm)? != Readiness::Ready
        {
            return Ok(());
        }
        self.decided.insert((device, backend));
        if !is_allowed(&xl::running(backend)?.b_info.cmdline) {
            println!(
                "{}: its vTPM {name} was restarted and has lost the PCRs; the guest is not given to it, \
                 since measurements could be forged. Restart the guest, or add {ALLOWED} to the extra= of \
                 {name}",
                who(look, wire.frontend)
            );
            return Ok(());
        }
        let moving = Moving::of(&host.nodes, wire, &name)?;
        attaching::exchange(host, wire, &moving, backend)?;
        println!("{}: {}", who(look, wire.frontend), attached(&name, backend));
        self.waiting.insert(device);
        Ok(())
    }

    /// Goes on where a service was killed that had taken a guest's device away to attach it anew.
    pub(super) fn go_on(host: &Host, look: &Look) -> Result<(), Problem> {
        for moving in attaching::all(&host.nodes)? {
            let who = who(look, moving.frontend);
            match Self::go_on_with(host, look, &moving) {
                Ok(None) => {}
                Ok(Some(backend)) => println!("{who}: {}", attached(&moving.name, backend)),
                Err(Problem(why)) => println!("{who}: its vTPM was not attached again: {why}"),
            }
        }
        Ok(())
    }

    fn go_on_with(host: &Host, look: &Look, moving: &Moving) -> Result<Option<u32>, Problem> {
        let vm = ours::identity(&host.nodes, moving.frontend)?;
        match attaching::next(moving, vm.as_deref(), look) {
            Next::Forget => host.forget(moving)?,
            Next::Give(backend)
                if host.nodes.readiness(backend, Role::Vtpm)? == Readiness::Ready =>
            {
                // Another one may have been started since.
                if is_allowed(&xl::running(backend)?.b_info.cmdline) {
                    attaching::give(host, moving, backend)?;
                    return Ok(Some(backend));
                }
            }
            Next::Give(_) | Next::Wait => {}
        }
        Ok(None)
    }

    /// Says of devices that were attached when they are connected.
    pub(super) fn told(&mut self, host: &Host, look: &Look) {
        self.waiting.retain(|(frontend, devid)| {
            let path = format!("/local/domain/{frontend}/device/vtpm/{devid}/state");
            match (look.running(*frontend), host.nodes.read(&path)) {
                (Some(_), Ok(Some(state))) if state == "4" => {
                    println!("{}: its vTPM {devid} is connected", who(look, *frontend));
                    false
                }
                (Some(_), Ok(_)) => true,
                _ => false,
            }
        });
        self.backends.retain(|(frontend, _), _| look.domains.contains_key(frontend));
        self.decided.retain(|((frontend, _), _)| look.domains.contains_key(frontend));
    }

    /// The name that the guest's configuration has for its vTPM's domain.
    fn backend(&mut self, wire: &Wire) -> Result<Option<String>, Problem> {
        let device = (wire.frontend, wire.devid);
        if let Some(name) = self.backends.get(&device) {
            return Ok(Some(name.clone()));
        }
        let vtpms = xl::running(wire.frontend)?.vtpms;
        let found = vtpms.into_iter().find(|vtpm| vtpm.devid == wire.devid);
        let name = found.map(|vtpm| vtpm.backend_domname);
        self.backends.extend(name.clone().map(|name| (device, name)));
        Ok(name)
    }
}

fn is_allowed(cmdline: &str) -> bool {
    cmdline.split_whitespace().any(|word| word == ALLOWED)
}

fn attached(name: &str, backend: u32) -> String {
    format!(
        "attached to {name} (domain {backend}), which was restarted, with blank PCRs. The guest's handles \
         and sessions are dead; a command that was under way may delay it by up to 120 s, with a TPM 1.2 \
         by up to 600 s"
    )
}

fn who(look: &Look, domid: u32) -> String {
    let name = look.domains.get(&domid).map_or("a guest", |seen| &seen.name);
    format!("{name} (domain {domid})")
}

#[test]
fn only_the_whole_word_allows_it() {
    assert!(is_allowed("tpm2 reattach=blank-pcrs loglevel=debug"));
    for refused in ["", "tpm2", "reattach=blank", "xreattach=blank-pcrs", "reattach=blank-pcrs2"] {
        assert!(!is_allowed(refused), "{refused}");
    }
}
