//! All vTPM devices of this host, as libxl wrote them down when it made them. A domain may change what
//! stands in its own part of xenstore, not this.

#[cfg(test)]
use crate::fake_xenstored::{heard, is_client};
use crate::nodes::Nodes;
use libxl_vtpm::plan::Problem;

/// One device.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wire {
    /// The domain that uses the TPM.
    pub(crate) frontend: u32,
    /// The device's number in it.
    pub(crate) devid: i32,
    /// The domain that holds the TPM, or held it.
    pub(crate) backend: u32,
    /// The device's identity.
    pub(crate) uuid: String,
}

/// Every device of these domains. Which there are is Xen's to say: of many hundred domains, xenstored's answer would
/// not fit into a message.
pub(crate) fn of(
    nodes: &Nodes,
    domids: impl IntoIterator<Item = u32>,
) -> Result<Vec<Wire>, Problem> {
    let mut wires = Vec::new();
    for frontend in domids {
        let folder = format!("/libxl/{frontend}/device/vtpm");
        for devid in nodes.list(&folder)?.iter().filter_map(|name| name.parse().ok()) {
            let at = |leaf: &str| nodes.read(&format!("{folder}/{devid}/{leaf}"));
            // A device that goes meanwhile is none any more.
            if let (Some(path), Some(uuid)) = (at("backend")?, at("uuid")?)
                && let Some(backend) = domain_of(&path)
            {
                wires.push(Wire { frontend, devid, backend, uuid });
            }
        }
    }
    Ok(wires)
}

/// A domain that uses this one, of those that are `there`. Domain 0's own way to a manager does not count.
pub(crate) fn user(wires: &[Wire], backend: u32, there: impl Fn(u32) -> bool) -> Option<u32> {
    let mut users = wires.iter().filter(|wire| wire.backend == backend).map(|wire| wire.frontend);
    users.find(|user| *user != 0 && there(*user))
}

/// The domain of `/local/domain/N/…`.
fn domain_of(path: &str) -> Option<u32> {
    path.strip_prefix("/local/domain/")?.split('/').next()?.parse().ok()
}

#[test]
fn a_backend_s_path_tells_its_domain() {
    assert_eq!(domain_of("/local/domain/17/backend/vtpm/3/0"), Some(17));
    assert_eq!(domain_of("/local/domain//backend"), None);
    assert_eq!(domain_of("/vm/17"), None);
}

#[test]
fn whoever_is_gone_and_domain_0_use_nothing() {
    let wire = |(frontend, backend)| Wire { frontend, devid: 0, backend, uuid: String::new() };
    let wires = [(0, 1), (2, 1), (3, 1), (4, 2)].map(wire);
    assert_eq!(user(&wires, 1, |_| true), Some(2));
    assert_eq!(user(&wires, 1, |domid| domid != 2), Some(3));
    assert_eq!(user(&wires, 1, |domid| domid == 0), None);
    assert_eq!(user(&wires, 3, |_| true), None);
}

#[test]
fn more_domains_than_fit_into_a_message_are_looked_at() {
    let many = 1000..2000;
    if is_client().is_some() {
        let nodes = Nodes::open().unwrap();
        assert!(nodes.list("/libxl").unwrap_err().0.contains("E2BIG"));
        let found = of(&nodes, many).unwrap();
        assert!(found.iter().all(|wire| wire.backend == 2000 && wire.uuid == "u"));
        return println!("{} devices", found.len());
    }
    let device = |domid: u32| {
        let at = |leaf: &str| format!("/libxl/{domid}/device/vtpm/0{leaf}");
        let backend = format!("/local/domain/2000/backend/vtpm/{domid}/0");
        [
            (format!("/libxl/{domid}"), Vec::new()),
            (at(""), Vec::new()),
            (at("/backend"), backend.into_bytes()),
            (at("/uuid"), b"u".to_vec()),
        ]
    };
    let (said, _) = heard(many.flat_map(device).collect(), "");
    assert!(said.contains("1000 devices"), "{said}");
}
