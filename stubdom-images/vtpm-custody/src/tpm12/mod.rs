//! Sealing to a TPM 1.2.
//!
//! Commands and answers are authenticated by HMACs under authorisations; what is sealed and
//! unsealed crosses the bus in clear, and with a well-known authorisation of the storage root key
//! anybody on the bus can compute the HMACs too.

mod auth;
mod codes;
mod counter;
mod owner;
mod pcr;
mod seal;
mod unseal;

pub use counter::MonotonicCounter;
pub(crate) use counter::{
    create as create_counter, find as find_counter, increment, leftover as leftover_counter,
    read as read_counter,
};
pub(crate) use pcr::present;
pub(crate) use seal::seal;
pub(crate) use unseal::{is_of_another_tpm, unseal};
