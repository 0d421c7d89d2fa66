//! xenstore.

use crate::say;
use libxl_vtpm::plan::{Problem, Readiness, Role};
use std::io;
use std::str::Utf8Error;
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
        value(path, self.0.read(path))
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

    /// What a stub domain, or any guest in its place, says in one of its own nodes; nothing of it drives a
    /// terminal.
    pub(crate) fn said(
        &self,
        domid: u32,
        role: Role,
        node: &str,
    ) -> Result<Option<String>, Problem> {
        let said = self.read(&format!("/local/domain/{domid}/{}/{node}", role.node()))?;
        Ok(said.as_deref().map(say::harmless))
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

/// What was read. Any domain may write bytes that are no text into its own nodes: they mean nothing, and do not keep
/// the other domains from being looked at.
fn value(path: &str, read: io::Result<Box<str>>) -> Result<Option<String>, Problem> {
    match read {
        Ok(value) => Ok(Some(value.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.get_ref().is_some_and(|why| why.is::<Utf8Error>()) => {
            Ok(Some(char::REPLACEMENT_CHARACTER.into()))
        }
        Err(error) => Err(Problem(format!("xenstore node {path} cannot be read: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_xenstored::{heard, is_client};

    #[test]
    fn what_a_domain_says_of_itself_is_no_fault_of_xenstore_and_drives_no_terminal() {
        if is_client().is_some() {
            let nodes = Nodes::open().unwrap();
            return println!("[{}]", nodes.said(7, Role::Vtpm, "state").unwrap().unwrap());
        }
        for (value, said) in [
            (&b"ready"[..], "[ready]"),
            (b"\xff\x1b[2J", "[\u{fffd}]"),
            (b"\x1b]0;x\x07\xc2\x9b2J\nready", "[\u{fffd}]0;x\u{fffd}\u{fffd}2J\u{fffd}ready]"),
        ] {
            let node = format!("/local/domain/7/{}/state", Role::Vtpm.node());
            let (heard, _) = heard([(node, value.to_vec())].into(), "");
            assert!(heard.contains(said), "{said}: {heard:?}");
        }
    }

    #[test]
    fn a_node_that_is_not_there_and_a_xenstored_that_fails_are_told_apart() {
        let failed = |kind: io::ErrorKind| value("a/b", Err(kind.into()));
        assert_eq!(failed(io::ErrorKind::NotFound), Ok(None));
        assert!(failed(io::ErrorKind::BrokenPipe).unwrap_err().0.contains("a/b cannot be read"));
        assert!(failed(io::ErrorKind::InvalidData).is_err(), "an answer to something else");
    }
}
