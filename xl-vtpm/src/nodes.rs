//! xenstore, read.

use libxl_vtpm::plan::{Problem, Readiness, Role};
use std::io;
use xenstore_rs::Xs;
use xenstore_rs::unix::XsUnix;

/// A connection to xenstore. Behind it stands a crate that others wrote; nothing else here names it.
pub(crate) struct Nodes(XsUnix);

impl Nodes {
    pub(crate) fn open() -> Result<Self, Problem> {
        XsUnix::new().map(Self).map_err(|error| {
            Problem(format!("xenstore cannot be reached ({error}); run this as root in domain 0"))
        })
    }

    /// A node's value; `None` when there is no such node.
    pub(crate) fn read(&self, path: &str) -> Result<Option<String>, Problem> {
        match self.0.read(path) {
            Ok(value) => Ok(Some(value.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Problem(format!("xenstore node {path} cannot be read: {error}"))),
        }
    }

    /// What a stub domain says in one of its own nodes.
    pub(crate) fn said(
        &self,
        domid: u32,
        role: Role,
        node: &str,
    ) -> Result<Option<String>, Problem> {
        self.read(&format!("/local/domain/{domid}/{}/{node}", role.node()))
    }

    /// Whether it serves (docs/formats/xenstore-data-vtpm.md, "How to wait").
    pub(crate) fn readiness(&self, domid: u32, role: Role) -> Result<Readiness, Problem> {
        let state = self.said(domid, role, "state")?;
        Ok(match state.as_deref() {
            Some("ready") => Readiness::Ready,
            Some(word @ ("failed" | "locked" | "stopping")) => {
                let why = self.said(domid, role, "error")?;
                Readiness::Failed(why.unwrap_or_else(|| format!("it is {word}")))
            }
            _ => Readiness::Starting,
        })
    }
}
