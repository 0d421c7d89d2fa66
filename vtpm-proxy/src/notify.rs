//! Telling systemd that the service is ready (sd_notify(3)).
//!
//! The socket is connected before system calls are filtered. Whoever announces can send over it, and cannot
//! make another.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Where systemd wants to be told.
const VARIABLE: &str = "NOTIFY_SOCKET";

/// A way to whoever started this process, if it wants to be told.
pub(crate) struct Notifier(Option<UnixDatagram>);

impl Notifier {
    /// As the environment says. One that cannot be reached is as none: systemd ends a service that does
    /// not tell it, and nobody else needs to know.
    pub(crate) fn of_this_process() -> Self {
        Self(std::env::var_os(VARIABLE).and_then(|address| connected(&address).ok()))
    }

    /// The service is ready; `status` is for people.
    pub(crate) fn ready(&self, status: &str) {
        if let Some(socket) = &self.0
            && let Err(error) = socket.send(format!("READY=1\nSTATUS={status}\n").as_bytes())
        {
            log::warn!("systemd cannot be told that this is ready: {error}");
        }
    }
}

/// A path, or behind an `@` a name without one.
fn connected(address: &OsStr) -> io::Result<UnixDatagram> {
    let address = match address.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(address)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(systemd: &UnixDatagram, address: &OsStr) -> String {
        Notifier(Some(connected(address).unwrap())).ready("serving /dev/tpm1");
        let mut bytes = [0; 100];
        let count = systemd.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..count].to_vec()).unwrap()
    }

    #[test]
    fn systemd_is_told_at_a_path_and_at_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let said = "READY=1\nSTATUS=serving /dev/tpm1\n";
        assert_eq!(told(&UnixDatagram::bind(&path).unwrap(), path.as_os_str()), said);
        let name = format!("vtpm-proxy-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let systemd = UnixDatagram::bind_addr(&address).unwrap();
        assert_eq!(told(&systemd, OsStr::new(&format!("@{name}"))), said);
        assert!(connected(OsStr::new("/nowhere/notify")).is_err());
    }
}
