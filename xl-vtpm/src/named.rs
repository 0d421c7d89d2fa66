//! Which vTPM is meant: by its domain's name, its guest's, or its uuid.

use crate::exit::Exit;
use crate::host::Host;
use crate::known::{Config, Places};
use libxl_vtpm::line::uuid_as_xl;
use libxl_vtpm::plan::Role;
use libxl_vtpm::{TpmVersion, Uuid};
use std::path::PathBuf;

/// The manager's name where nobody says another.
pub(crate) const MANAGER: &str = "vtpmmgr";

/// A vTPM that somebody named.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Named {
    /// Its domain's name; `None` when it was named by its uuid.
    pub(crate) name: Option<String>,
    /// Its domain, while that runs.
    pub(crate) domid: Option<u32>,
    /// By what the manager knows it; `None` for one that has no manager.
    pub(crate) identity: Option<Identity>,
    /// Its disk, where its configuration was read.
    pub(crate) disk: Option<PathBuf>,
    /// Which TPM its configuration asks for; 1.2 where it was not read.
    pub(crate) version: TpmVersion,
    /// Whether its configuration, where it was read, says that its state lives as long as its domain.
    pub(crate) ephemeral: bool,
}

/// What a manager knows a vTPM by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) uuid: Uuid,
    pub(crate) manager: String,
}

/// Finds the vTPM that `which` means.
pub(crate) fn find(host: &Host, places: &Places<'_>, which: &str) -> Result<Named, Exit> {
    if let Some(uuid) = uuid_as_xl(which) {
        let identity = Some(Identity { uuid, manager: MANAGER.into() });
        let version = TpmVersion::Tpm12;
        let ephemeral = false;
        return Ok(Named { name: None, domid: None, identity, disk: None, version, ephemeral });
    }
    match host.xen.find(which) {
        Some(domid) => running(host, domid, which),
        None => stopped(host, places, which),
    }
}

fn running(host: &Host, domid: u32, which: &str) -> Result<Named, Exit> {
    if host.is(domid, Role::Vtpm)? {
        return Ok(of_domain(host, domid));
    }
    if host.is(domid, Role::Manager)? {
        return Err(Exit::not_done(format!("{which} is the manager; name a vTPM or a guest")));
    }
    match &host.xen.vtpms(domid)[..] {
        [] => Err(Exit::not_done(format!("{which} has no vTPM; see xl-vtpm list"))),
        [vtpm] if host.is(vtpm.backend_domid, Role::Vtpm)? => {
            Ok(of_domain(host, vtpm.backend_domid))
        }
        [_] => Err(Exit::not_done(format!(
            "the domain that held the vTPM of {which} is gone; name it by its own name"
        ))),
        several => {
            let names = several.iter().map(|vtpm| name_of(host, vtpm.backend_domid));
            let names: Vec<_> = names.collect();
            Err(Exit::not_done(format!(
                "{which} has {} vTPMs; name one of their domains: {}",
                names.len(),
                names.join(", ")
            )))
        }
    }
}

fn name_of(host: &Host, domid: u32) -> String {
    host.xen.name_of(domid).unwrap_or_else(|| domid.to_string())
}

fn of_domain(host: &Host, domid: u32) -> Named {
    let own = host.xen.vtpms(domid).into_iter().next();
    let identity = own.map(|vtpm| Identity {
        uuid: Uuid::from_bytes(vtpm.uuid),
        manager: name_of(host, vtpm.backend_domid),
    });
    let name = Some(name_of(host, domid));
    let (domid, version) = (Some(domid), TpmVersion::Tpm12);
    Named { name, domid, identity, disk: None, version, ephemeral: false }
}

fn stopped(host: &Host, places: &Places<'_>, which: &str) -> Result<Named, Exit> {
    let Some((_, config)) = places.config(which)? else {
        return Err(Exit::not_done(format!(
            "there is neither a domain {which} nor its configuration {which}.cfg in /etc/xen/vtpm; \
             see xl-vtpm list, or name the file with --config FILE"
        )));
    };
    let Some(first) = config.vtpms.first() else { return Ok(of_config(which, config)) };
    // Whose is it: a guest's that leads to a vTPM domain, or a vTPM domain's that leads to a manager?
    let backend = first.backend_domname.clone();
    if let Some(domid) = host.xen.find(&backend) {
        return match host.is(domid, Role::Vtpm)? {
            true => Ok(of_domain(host, domid)),
            false => Ok(of_config(which, config)),
        };
    }
    match places.config(&backend)? {
        Some((_, own)) if is_vtpm_s(&own) => Ok(of_config(&backend, own)),
        _ => Ok(of_config(which, config)),
    }
}

/// Whether a configuration is a vTPM domain's, and not a manager's.
fn is_vtpm_s(config: &Config) -> bool {
    !config.vtpms.is_empty() || config.is_ephemeral()
}

fn of_config(name: &str, config: Config) -> Named {
    let ephemeral = config.is_ephemeral();
    // The words of a vTPM domain's command line: xl-vtpm.cfg(5).
    let mut words = config.b_info.cmdline.split_whitespace();
    let is_20 = words.any(|word| ["tpm2", "tpm2=1"].contains(&word));
    let version = if is_20 { TpmVersion::Tpm20 } else { TpmVersion::Tpm12 };
    let identity = config.vtpms.into_iter().next().and_then(|vtpm| {
        Some(Identity { uuid: vtpm.uuid.filter(|u| !u.is_nil())?, manager: vtpm.backend_domname })
    });
    let disk = config.disks.into_iter().next().map(|disk| disk.pdev_path);
    Named { name: Some(name.into()), domid: None, identity, disk, version, ephemeral }
}

#[test]
fn a_stopped_vtpm_s_identity_and_disk_are_in_its_configuration() {
    let printed = r#"{"c_info":{"name":"v"}, "b_info":{"cmdline":"save tpm2=1"}, "disks":[{"pdev_path":"/d/v.img"}],
        "vtpms":[{"backend_domname":"mgr","uuid":"0f8e1a52-7c3d-4b69-9a10-5566778899aa"}]}"#;
    let named = of_config("v", serde_json::from_str(printed).unwrap());
    assert_eq!(named.disk.as_deref(), Some(std::path::Path::new("/d/v.img")));
    assert_eq!(named.version, TpmVersion::Tpm20);
    let identity = named.identity.unwrap();
    assert_eq!(identity.manager, "mgr");
    assert_eq!(identity.uuid.to_string(), "0f8e1a52-7c3d-4b69-9a10-5566778899aa");
    let ephemeral = of_config("v", serde_json::from_str(r#"{"c_info":{"name":"v"}}"#).unwrap());
    assert_eq!((ephemeral.identity, ephemeral.disk), (None, None));
    assert_eq!(ephemeral.version, TpmVersion::Tpm12, "as today's documents promise");
}

#[test]
fn an_ephemeral_vtpm_s_configuration_is_no_manager_s() {
    let config = |extra: &str| -> Config {
        let printed = format!(r#"{{"c_info":{{"name":"v"}}, "b_info":{{"cmdline":"{extra}"}}}}"#);
        serde_json::from_str(&printed).unwrap()
    };
    assert!(is_vtpm_s(&config("tpm2 ephemeral")) && of_config("v", config("ephemeral")).ephemeral);
    for manager in ["", "tpm2", "hwtpm=none"] {
        assert!(!is_vtpm_s(&config(manager)), "{manager}");
    }
}
