//! Drivers for the platform's TPM, as plain logic over a trait for register access.
//!
//! [`detect`] finds out which interface (FIFO or CRB) and which version (1.2 or 2.0) is there;
//! [`start`] brings the TPM into service without disturbing what belongs to others. Everything
//! that the device says is a claim: lengths, addresses and states are checked, each wait has a
//! limit, and what goes wrong is a [`HardwareError`] that says where. Interrupts are not used.
//!
//! Sources, by the short names used below: *TIS* = TCG PC Client Specific TPM Interface
//! Specification 1.21 and 1.3; *PTP* = TCG PC Client Platform TPM Profile for TPM 2.0, 1.05
//! rev 14.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

mod arguments;
mod bus;
mod crb;
mod detect;
mod duration;
mod error;
mod flush;
mod hardware;
mod locality;
mod question;
mod relay;
mod start;
mod survey;
#[cfg(feature = "test-utils")]
pub mod test_utils;
mod tis;
mod wait;

pub use arguments::{
    Argument, ArgumentError, Auth, Driver, HardwareArguments, Remark, StartMethod, VersionOutcome,
};
pub use bus::{Bus, Mmio, Window};
pub use crb::Crb;
pub use detect::{Found, Interface, detect};
pub use error::{Fault, HardwareError, Wait};
pub use flush::{Flushed, IsOurs, flush};
pub use hardware::{HardwareTpm, MAX_PACKET_BYTES, is_busy};
pub use locality::{Locality, REGISTER_PAGE_BYTES};
pub use relay::{Relay, RelayFault};
pub use start::{StartError, Started, start};
pub use survey::{Survey, survey};
pub use tis::{Timeouts, TimeoutsAnswer, Tis};
pub use wait::Time;
