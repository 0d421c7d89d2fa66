//! TPM 1.2.

mod capability;
mod command;
mod ordinal;
mod result;

pub use capability::{Capability, Property, permanent_flags, volatile_flags};
pub use command::{
    PhysicalPresence, StartupType, create_endorsement_key_pair, get_capability, physical_enable,
    physical_presence, physical_set_deactivated, read_pubek, save_state, startup,
};
pub use ordinal::Ordinal;
pub use result::{TpmResult, error_response, success_response};
