//! The ground a stub domain stands on: boot, hypercalls, events, grants, console, xenstore, disk.
//!
//! An image is a binary crate for the target `x86_64-unknown-none` that names its main function:
//!
//! ```text
//! #![cfg_attr(target_os = "none", no_std, no_main)]
//!
//! xen_guest::entry!(main);
//!
//! #[cfg(target_os = "none")]
//! fn main(domain: xen_guest::Domain) -> xen_guest::Ending {
//!     log::info!("hello from {}", domain.mode);
//!     xen_guest::Ending::Poweroff
//! }
//! ```
//!
//! Its build script passes on what this crate's build script prepared:
//!
//! ```text
//! for argument in std::env::var("DEP_XEN_GUEST_LINK_ARGS").unwrap_or_default().split(' ') { … }
//! ```
//!
//! The same file boots as PV and as PVH. One vCPU, no interrupts: an image waits by asking
//! (`Waiter::wait`). Memory is mapped so that nothing is both writable and executable, page 0 and
//! the page below the stack are never mapped, and every fault, panic or lack of memory ends in one
//! line on the console and the crash state.
//!
//! What does not touch hardware also compiles for the host, where its tests run.
#![no_std]
#![cfg_attr(
    target_os = "none",
    allow(clippy::cast_possible_truncation, reason = "addresses: a usize has 64 bits here")
)]
#![cfg_attr(
    not(target_os = "none"),
    allow(dead_code, reason = "what only hardware parts use is compiled for the host's tests")
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod byte_ring;
mod command_line;
mod console;
mod disk;
mod entropy;
mod memory;
mod memory_need;
pub mod package_note;
mod pvclock;
mod sleep;
mod store;
#[cfg(test)]
mod test_page;
#[cfg(feature = "test-utils")]
pub mod test_utils;

#[cfg(target_os = "none")]
mod boot;
#[cfg(target_os = "none")]
mod clock;
#[cfg(target_os = "none")]
mod device;
#[cfg(target_os = "none")]
mod domain;
#[cfg(target_os = "none")]
mod ending;
#[cfg(target_os = "none")]
mod events;
#[cfg(target_os = "none")]
mod fault;
#[cfg(target_os = "none")]
mod heap;
#[cfg(target_os = "none")]
mod hypercall;
#[cfg(target_os = "none")]
mod labels;
#[cfg(target_os = "none")]
mod paging;
#[cfg(target_os = "none")]
pub mod provoke;
#[cfg(target_os = "none")]
mod raw_page;
#[cfg(target_os = "none")]
mod sharing;
#[cfg(target_os = "none")]
mod stack;

pub use command_line::{CommandLine, CommandLineError};
pub use disk::{AttachError, Disk, DiskHost, VirtualDevice};
pub use memory_need::TooLittleMemory;
pub use store::ShutdownRequest;

#[cfg(target_os = "none")]
pub use {
    boot::Mode,
    clock::DomainClock,
    console::Console,
    device::{DeviceError, DevicePage},
    domain::{Domain, DomainDisk, Memory, MostUsed},
    ending::Ending,
    entropy::DomainEntropy,
    events::Waiter,
    labels::peer_label,
    sharing::{DomainSharing, Page, Port},
    store::StoreConnection,
};

/// Makes `main` the image's main function: `fn main(domain: Domain) -> Ending`.
///
/// On the host, where images do not run, the program only says so. The one name that boot code and
/// image share is exported here; that is why image crates deny unsafe code but cannot forbid it.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        #[cfg(target_os = "none")]
        #[allow(unsafe_code, reason = "the boot code finds the image's main function by this name")]
        #[unsafe(no_mangle)]
        fn xen_guest_main(domain: $crate::Domain) -> $crate::Ending {
            $main(domain)
        }

        #[cfg(not(target_os = "none"))]
        fn main() -> std::process::ExitCode {
            eprintln!("this is an image for Xen: build it with ./x images");
            std::process::ExitCode::FAILURE
        }
    };
}
