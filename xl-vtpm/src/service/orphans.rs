//! Guests that live while their vTPM's domain is gone. They get its successor only where the
//! administrator's file allows it: its PCRs are blank, so whoever has the guest could forge what was
//! measured into it (docs/decisions/0050-a-boot-is-one-guests-life.md). The vTPM refuses by itself, too.

use super::look::Look;
use crate::host::Host;
use crate::wires::Wire;
use crate::xl;
use libxl_vtpm::Uuid;
use libxl_vtpm::plan::{Problem, Readiness, Role};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use xenlight_sys::{NewVtpm, Vtpm};

/// The word in a vTPM's `extra=`.
const ALLOWED: &str = "reattach=blank-pcrs";

/// For a guest to notice that its device is gone. A new one of the same number within that time would
/// look to it like the old one.
const TO_NOTICE: Duration = Duration::from_secs(3);

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
        attach(host, wire, &name)?;
        println!(
            "{}: attached to {name} (domain {backend}), which was restarted, with blank PCRs. The \
             guest's handles and sessions are dead; a command that was under way may delay it by up to \
             120 s, with a TPM 1.2 by up to 600 s",
            who(look, wire.frontend)
        );
        self.waiting.insert(device);
        Ok(())
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

fn who(look: &Look, domid: u32) -> String {
    let name = look.domains.get(&domid).map_or("a guest", |seen| &seen.name);
    format!("{name} (domain {domid})")
}

/// Away with the old device, then a new one of the same identity.
fn attach(host: &Host, wire: &Wire, name: &str) -> Result<(), Problem> {
    let failed = |error: xenlight_sys::Error| Problem(error.to_string());
    let uuid = Uuid::try_parse(&wire.uuid);
    let uuid = *uuid.map_err(|_| Problem(format!("{} is no uuid", wire.uuid)))?.as_bytes();
    let old = Vtpm { devid: wire.devid, backend_domid: wire.backend, uuid };
    host.xen.destroy_vtpm(wire.frontend, &old).map_err(failed)?;
    std::thread::sleep(TO_NOTICE);
    let new = NewVtpm { backend: name.to_owned(), uuid };
    host.xen.add_vtpm(wire.frontend, &new).map(drop).map_err(|error| {
        // libxl leaves what it wrote of a device that was not answered.
        let vtpms = host.xen.vtpms(wire.frontend);
        for left in vtpms.iter().filter(|vtpm| vtpm.uuid == uuid) {
            // The first failure is the one to report.
            let _ = host.xen.destroy_vtpm(wire.frontend, left);
        }
        Problem(format!("{error}; {}", by_hand(wire, name)))
    })
}

fn by_hand(wire: &Wire, name: &str) -> String {
    let Wire { frontend, uuid, .. } = wire;
    format!(
        "the guest has none now; to try again: xl vtpm-attach {frontend} uuid={uuid} backend={name}"
    )
}

#[test]
fn only_the_whole_word_allows_it() {
    assert!(is_allowed("tpm2 reattach=blank-pcrs loglevel=debug"));
    for refused in ["", "tpm2", "reattach=blank", "xreattach=blank-pcrs", "reattach=blank-pcrs2"] {
        assert!(!is_allowed(refused), "{refused}");
    }
}
