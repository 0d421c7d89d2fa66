//! All vTPM devices of this host, as libxl wrote them down when it made them. A domain may change what
//! stands in its own part of xenstore, not this.

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

/// Every device there is.
pub(crate) fn all(nodes: &Nodes) -> Result<Vec<Wire>, Problem> {
    let mut wires = Vec::new();
    for frontend in nodes.list("/libxl")?.iter().filter_map(|name| name.parse().ok()) {
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
