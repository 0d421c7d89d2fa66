//! The smallest image, and the image that proves each claim of the guest runtime.
//!
//! Without words on its command line it prints one line and idles until it is shut down. The word
//! `test=NAME,NAME…` runs the named proofs first; each prints `TEST ok NAME` or
//! `TEST failed NAME: why`.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![deny(unsafe_code)]

#[cfg(target_os = "none")]
extern crate alloc;

xen_guest::entry!(image::main);

#[cfg(target_os = "none")]
mod proofs;

#[cfg(target_os = "none")]
mod image {
    use crate::proofs;
    use alloc::string::String;
    use xen_guest::{Domain, Ending, ShutdownRequest};

    pub(crate) fn main(mut domain: Domain) -> Ending {
        let (major, minor) = domain.xen_version();
        log::info!("hello from a {} domain on Xen {major}.{minor}", domain.mode);
        if let Some(names) = domain.command_line.value("test").map(String::from) {
            proofs::run(&mut domain, &names);
        }
        idle(&mut domain)
    }

    fn idle(domain: &mut Domain) -> Ending {
        loop {
            match domain.store.shutdown_request() {
                Some(ShutdownRequest::Poweroff) => return Ending::Poweroff,
                Some(ShutdownRequest::Reboot) => return Ending::Reboot,
                None => domain.waiter.wait(&[domain.store.port()], None),
            }
        }
    }
}
