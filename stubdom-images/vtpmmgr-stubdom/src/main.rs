//! The image of the manager domain: gives [`vtpmmgr_stubdom::ManagerDomain`] a real domain to stand
//! on.
//!
//! What it understands on its command line is in [`vtpm_manager::Arguments`]; what it says about
//! itself in xenstore is in [`vtpm_manager::announce`].
#![cfg_attr(target_os = "none", no_std, no_main)]
#![deny(unsafe_code)]

#[cfg(target_os = "none")]
extern crate alloc;

#[cfg(target_os = "none")]
mod image;

xen_guest::entry!(image::main);

xen_guest::package_note!(concat!(
    "{\"type\":\"xen-stubdom\",\"name\":\"vtpmmgr-stubdom\",\"version\":\"",
    env!("CARGO_PKG_VERSION"),
    "\"}"
));
