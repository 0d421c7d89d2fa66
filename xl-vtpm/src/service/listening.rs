//! Whose consoles the service keeps: of vTPM domains and managers, where xenconsoled keeps none.

use super::consoles::{Consoles, Wanted};
use super::look::Look;
use crate::arguments::FOLDER;
use crate::consoles::{self, Consoles as Kept, Daemon};
use crate::host::Host;
use std::path::{Path, PathBuf};

pub(super) struct Listening {
    consoles: Consoles,
    daemon: Option<Daemon>,
}

impl Listening {
    pub(super) fn begin() -> Self {
        Self { consoles: Consoles::into(Path::new(consoles::BY_SERVICE)), daemon: None }
    }

    /// Goes by this look; whether every console that is to be kept is there.
    pub(super) fn renew(&mut self, host: &Host, look: &Look, manager: &str) -> bool {
        let root = Path::new("/");
        self.daemon = self.daemon.take().filter(|it| it.runs(root)).or_else(|| Daemon::find(root));
        let daemon = self.daemon.as_ref().filter(|it| it.keeps(root) == Kept::NotKept);
        let Some(daemon) = daemon else {
            self.consoles.want([].into());
            return true;
        };
        let terminals = daemon.files(root);
        let domids = look.domains.keys().filter(|domid| is_ours(look, manager, **domid));
        let found: Vec<_> = domids
            .map(|domid| (*domid, terminal(host, *domid).filter(|it| terminals.contains(it))))
            .collect();
        let lacks = |(domid, terminal): &(u32, Option<PathBuf>)| {
            terminal.is_none() && look.running(*domid).is_some()
        };
        let all = !found.iter().any(lacks);
        let wanted = found.into_iter().filter_map(|(domid, terminal)| {
            let name = look.domains.get(&domid)?.name.clone();
            Some((domid, Wanted { name, terminal: terminal?, daemon: daemon.pid }))
        });
        self.consoles.want(wanted.collect());
        all
    }
}

/// Whether this is a vTPM domain or a manager. One that has just been made may have nothing but its name.
fn is_ours(look: &Look, manager: &str, domid: u32) -> bool {
    let Some(seen) = look.domains.get(&domid).filter(|_| domid != 0) else { return false };
    let usual = seen.name == manager || seen.name.ends_with("-vtpm");
    look.is_vtpm(domid)
        || look.notes.iter().any(|note| note.domid == domid)
        || (usual && Path::new(FOLDER).join(format!("{}.cfg", seen.name)).exists())
}

/// The terminal that xenconsoled has made for a domain. Domain 0 alone can write the node.
fn terminal(host: &Host, domid: u32) -> Option<PathBuf> {
    let path = host.nodes.read(&format!("/local/domain/{domid}/console/tty")).ok()??;
    is_terminal(&path).then(|| path.into())
}

fn is_terminal(path: &str) -> bool {
    let number = path.strip_prefix("/dev/pts/");
    number.is_some_and(|it| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit()))
}

#[test]
fn a_terminal_is_one_of_the_kernel_s() {
    assert!(is_terminal("/dev/pts/12"));
    for other in ["", "/dev/pts/", "/dev/pts/../tty", "/dev/pts/ptmx", "/etc/passwd"] {
        assert!(!is_terminal(other), "{other}");
    }
}
