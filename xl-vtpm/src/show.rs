//! `show`.

use crate::exit::Exit;
use crate::host::Host;
use crate::known::Places;
use crate::named::{self, Identity, MANAGER, Named};
use crate::way::Way;
use clap::Args;
use libxl_vtpm::Uuid;
use libxl_vtpm::plan::Role;
use manager_client::{Show, endorsement_pem};
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The vTPM: its domain's name, its guest's, or its uuid
    vtpm: String,
    /// The name of the manager, where a uuid is given
    #[arg(long, default_value = MANAGER, value_name = "NAME")]
    manager: String,
    /// The xl configuration of a vTPM domain or guest that does not run; may be repeated [default: NAME.cfg in /etc/xen/vtpm]
    #[arg(long, value_name = "FILE")]
    config: Vec<PathBuf>,
}

/// Shows the record that the manager keeps of a vTPM.
pub(crate) fn run(options: &Options, json: bool) -> Result<(), Exit> {
    let host = Host::open()?;
    let places = Places { named: &options.config, beside: None };
    let mut named = named::find(&host, &places, &options.vtpm)?;
    if let (None, Some(identity)) = (&named.name, &mut named.identity) {
        identity.manager.clone_from(&options.manager);
    }
    let health = match named.domid {
        Some(domid) => host.nodes.said(domid, Role::Vtpm, "state")?,
        None => None,
    };
    let record = record(&host, &named, &options.vtpm)?;
    let values = values(&named, health.as_deref(), &record);
    if json {
        println!("{values:#}");
    } else {
        print!("{}", for_people(&named, health.as_deref(), &record));
    }
    Ok(())
}

fn record(host: &Host, named: &Named, which: &str) -> Result<Show, Exit> {
    let Some(Identity { uuid, manager }) = &named.identity else {
        return Err(Exit::not_done(format!(
            "{which} has no manager: its state lives as long as its domain (ephemeral), and there is \
             no record of it; see xl-vtpm list"
        )));
    };
    Ok(Way::to(host, manager)?.channel()?.show(*uuid.as_bytes())?)
}

fn hex(bytes: &[u8]) -> Option<String> {
    let known = !bytes.is_empty();
    known.then(|| bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn values(named: &Named, health: Option<&str>, record: &Show) -> Value {
    let entry = &record.entry;
    json!({
        "vtpm": named.name,
        "domid": named.domid,
        "health": health,
        "manager": named.identity.as_ref().map(|identity| &identity.manager),
        "uuid": Uuid::from_bytes(entry.uuid),
        "tpm": entry.version.to_string(),
        "has_state": entry.has_state,
        "generation": entry.generation,
        "group": entry.group,
        "attached_domain": entry.domain,
        "accept_once": record.accept_once,
        "state_hash": if entry.has_state { hex(&record.hash) } else { None },
        "image_hash": hex(&record.image_hash),
        "label_hash": hex(&record.label_hash),
        "ek_name": hex(&record.ek_name),
        "ek_public": endorsement_pem(&record.ek_public),
    })
}

fn for_people(named: &Named, health: Option<&str>, record: &Show) -> String {
    let entry = &record.entry;
    let or = |text: Option<String>, none: &str| text.unwrap_or_else(|| none.to_owned());
    let mut said = String::new();
    let mut row = |name: &str, what: String| said.push_str(&format!("{name:<15} {what}\n"));
    if let Some(name) = &named.name {
        let state = health.unwrap_or("it does not run");
        let domid = named.domid.map_or_else(String::new, |domid| format!("domain {domid}, "));
        row("vTPM", format!("{name} ({domid}{state})"));
    }
    row("uuid", Uuid::from_bytes(entry.uuid).to_string());
    row("TPM", entry.version.to_string());
    row(
        "generation",
        match entry.has_state {
            true => format!("{} (saves)", entry.generation),
            false => "none: it has saved nothing yet".into(),
        },
    );
    if let Some(older) = record.accept_once {
        row("accepts once", format!("generation {older}"));
    }
    row("attached", or(entry.domain.map(|domid| format!("domain {domid}")), "no domain"));
    row("image hash", or(hex(&record.image_hash), "not recorded"));
    row("label hash", or(hex(&record.label_hash), "not recorded"));
    row("EK name", or(hex(&record.ek_name), "not recorded"));
    said.push_str(&endorsement_pem(&record.ek_public).unwrap_or_default());
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use manager_client::{Entry, TpmVersion};

    fn shown(has_state: bool) -> (Named, Show) {
        let uuid = Uuid::from_u128(7);
        let entry = Entry {
            uuid: *uuid.as_bytes(),
            version: TpmVersion::Tpm20,
            has_state,
            flags: 0,
            generation: 41,
            group: 0,
            domain: Some(5),
        };
        let record = Show {
            entry,
            accept_once: None,
            hash: [0xab; 20],
            image_hash: Vec::new(),
            label_hash: Vec::new(),
            ek_name: vec![0, 11, 0xfe],
            ek_public: vec![0x30; 49],
        };
        let identity = Some(Identity { uuid, manager: MANAGER.into() });
        (
            Named {
                name: Some("v".into()),
                domid: Some(5),
                identity,
                disk: None,
                version: TpmVersion::Tpm20,
                ephemeral: false,
            },
            record,
        )
    }

    #[test]
    fn a_record_is_shown_to_people_and_to_programs() {
        let (named, record) = shown(true);
        let text = for_people(&named, Some("ready"), &record);
        for part in [
            "vTPM            v (domain 5, ready)",
            "uuid            00000000-0000-0000-0000-000000000007",
            "generation      41 (saves)",
            "image hash      not recorded",
            "EK name         000bfe",
            "-----BEGIN PUBLIC KEY-----",
        ] {
            assert!(text.contains(part), "{part}\nis not in\n{text}");
        }
        let values = values(&named, None, &record);
        assert_eq!((&values["generation"], &values["tpm"]), (&json!(41), &json!("2.0")));
        assert!(values["image_hash"].is_null() && values["state_hash"].is_string());
    }

    #[test]
    fn a_vtpm_that_has_saved_nothing_has_no_state_hash() {
        let (named, record) = shown(false);
        assert!(values(&named, None, &record)["state_hash"].is_null());
        assert!(for_people(&named, None, &record).contains("none: it has saved nothing yet"));
    }
}
