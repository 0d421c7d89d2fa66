//! Doubles that live in memory: a whole small host for the tests of what is written against this
//! crate's traits.
//!
//! [`World`] is the machine: its domains, grants, event channels, xenstore and clock. Everything is
//! deterministic, time stands still until a test moves it, and the doubles refuse what Xen and
//! xenstored would refuse (permissions, quotas, grants meant for somebody else), because a double
//! that is kinder than the real thing proves nothing.

mod bad_sectors;
mod clock;
mod disk;
mod entropy;
mod hiccup;
mod hypervisor;
mod page;
mod permissions;
mod port;
mod power_cut;
mod sharing;
mod store;
mod tree;
mod watches;
mod world;

#[cfg(test)]
mod tests;

pub use bad_sectors::BadSectors;
pub use clock::FakeClock;
pub use disk::FakeDisk;
pub use entropy::FakeEntropy;
pub use hiccup::{Hiccup, Unanswered, each_unanswered};
pub use page::FakePage;
pub use permissions::{Access, Permissions};
pub use port::FakePort;
pub use power_cut::{Cut, Step, Trace, TracedDisk};
pub use sharing::FakeSharing;
pub use store::FakeStore;
pub use world::{FrameView, World};
