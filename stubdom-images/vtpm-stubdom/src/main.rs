//! The image of a vTPM domain: gives [`vtpm_stubdom::VtpmDomain`] a real domain to stand on.
//!
//! What it understands on its command line is in [`vtpm_service::Arguments`]; what it says about
//! itself in xenstore is in [`vtpm_service::announce`].
#![cfg_attr(target_os = "none", no_std, no_main)]
#![deny(unsafe_code)]

#[cfg(target_os = "none")]
extern crate alloc;

#[cfg(target_os = "none")]
mod image;

xen_guest::entry!(image::main);

// What the build script read of the C libraries beside the engine.
xen_guest::package_note!(concat!(
    "{\"type\":\"xen-stubdom\",\"name\":\"vtpm-stubdom\",\"version\":\"",
    env!("CARGO_PKG_VERSION"),
    "\",\"libtpms\":\"",
    env!("LIBTPMS"),
    "\",\"openssl\":\"",
    env!("LIBCRYPTO"),
    "\"}"
));
