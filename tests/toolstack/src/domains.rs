//! Domains and devices, made and unmade through libxl.

use crate::xl;
use anyhow::{Context as _, Result, bail, ensure};
use libxl_vtpm::Uuid;
use std::path::Path;
use std::time::Duration;
use xenlight_sys::{Context, DomainConfig, End, Library, NewVtpm};

/// For an orderly end.
const PATIENCE: Duration = Duration::from_secs(20);

fn open() -> Result<Context> {
    Ok(Context::open(Library::of_this_host()?)?)
}

pub(crate) fn create(file: &Path) -> Result<()> {
    let json = xl::config_json(file)?;
    let context = open()?;
    let mut config = DomainConfig::from_json(&context, &json)?;
    let (given, kept): (serde_json::Value, serde_json::Value) =
        (serde_json::from_str(&json)?, serde_json::from_str(&config.to_json()?)?);
    ensure!(given == kept, "libxl kept another configuration:\n{given}\n{kept}");
    let needed = config.needed_memory_kib()?;
    ensure!(config.free_memory()?, "domain 0 does not give {needed} KiB");
    let domid = config.create()?;
    let domain = context.domain(domid)?.context("the domain is gone again")?;
    ensure!(domain.shutdown.is_none() && !domain.paused, "it does not run: {domain:?}");
    ensure!(
        context.domains()?.contains(&domain) || context.domains()?.len() > 1,
        "it is not listed"
    );
    println!(
        "Xen {}: domain {domid} ({}) of {needed} KiB was made by libxl",
        context.library().release().numbers(),
        context.name_of(domid).unwrap_or_default(),
    );
    Ok(())
}

pub(crate) fn devices(guest: &str, backend: &str, uuid: Uuid) -> Result<()> {
    let context = open()?;
    let find = |name: &str| context.find(name).with_context(|| format!("no domain {name}"));
    let (guest_domid, backend_domid) = (find(guest)?, find(backend)?);
    ensure!(context.vtpms(guest_domid).is_empty(), "{guest} has a vTPM already");
    let new = NewVtpm { backend: backend.into(), uuid: *uuid.as_bytes() };
    let devid = context.add_vtpm(guest_domid, &new)?;
    let [vtpm] = context.vtpms(guest_domid)[..] else { bail!("not one vTPM is listed") };
    ensure!(
        (vtpm.devid, vtpm.backend_domid, vtpm.uuid) == (devid, backend_domid, *uuid.as_bytes()),
        "another vTPM is listed: {vtpm:?}"
    );
    let state = context.vtpm_state(guest_domid, &vtpm)?;
    ensure!(state.backend_domid == backend_domid && state.uuid == vtpm.uuid, "{state:?}");
    ensure!(state.backend.ends_with(&format!("/{guest_domid}/{devid}")), "{state:?}");
    println!("attached: {vtpm:?} {state:?}");
    context.remove_vtpm(guest_domid, &vtpm)?;
    ensure!(context.vtpms(guest_domid).is_empty(), "the vTPM is still listed");
    let nobody = NewVtpm { backend: "nobody".into(), uuid: *uuid.as_bytes() };
    let Err(refused) = context.add_vtpm(guest_domid, &nobody) else {
        bail!("a vTPM of a domain that does not exist was attached")
    };
    println!("refused, as it must be: {refused}");
    Ok(())
}

pub(crate) fn end(name: &str) -> Result<()> {
    let context = open()?;
    let domid = context.find(name).with_context(|| format!("no domain {name}"))?;
    let waited = context.wait_for_end(domid, Duration::from_millis(300))?;
    ensure!(waited.is_none(), "it ended before it was asked to: {waited:?}");
    context.shut_down(domid)?;
    let end = context.wait_for_end(domid, PATIENCE)?.context("it does not end")?;
    println!("{name} ended: {end:?}");
    if end != End::Gone {
        context.destroy(domid)?;
    }
    ensure!(context.wait_for_gone(domid, PATIENCE)?, "it is not gone");
    ensure!(context.find(name).is_none() && context.domain(domid)?.is_none(), "it is still known");
    Ok(())
}
