//! xenstore.

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

    /// The names below a node; none when there is no such node.
    pub(crate) fn list(&self, path: &str) -> Result<Vec<String>, Problem> {
        match self.0.directory(path) {
            Ok(names) => Ok(names.into_iter().map(String::from).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(Problem(format!("xenstore node {path} cannot be listed: {error}"))),
        }
    }

    /// Writes a node, and makes those above it.
    pub(crate) fn write(&self, path: &str, value: &str) -> Result<(), Problem> {
        let failed = |error| Problem(format!("xenstore node {path} cannot be written: {error}"));
        self.0.write(path, value).map_err(failed)
    }

    /// Removes a node with all below it, if it is there.
    pub(crate) fn remove(&self, path: &str) -> Result<(), Problem> {
        match self.0.rm(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Problem(format!("xenstore node {path} cannot be removed: {error}")))
            }
            _ => Ok(()),
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
                let why = why.unwrap_or_else(|| format!("it is {word}"));
                // A vTPM domain is never locked, whatever it says.
                if word == "locked" && role == Role::Manager {
                    Readiness::Locked(why)
                } else {
                    Readiness::Failed(why)
                }
            }
            _ => Readiness::Starting,
        })
    }
}
