//! TPM 2.0.

mod algorithm;
mod code;
mod command;
mod response;
mod result;

pub use algorithm::HashAlgorithm;
pub use code::{Capability, CommandCode, Handle, Property, StartupType};
pub use command::{
    DictionaryAttack, authorised, dictionary_attack_parameters, get_capability, get_random,
    hierarchy_change_auth, pcr_allocate, pcr_extend, pcr_read, self_test, shutdown, startup,
};
pub use response::{
    ResponseError, acknowledged, active_banks, error_response, pcr_allocated, pcr_digest, property,
    random_bytes,
};
pub use result::ResponseCode;
