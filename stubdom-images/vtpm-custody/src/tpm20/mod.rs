//! Sealing to a TPM 2.0.

mod codes;
mod counter;
mod create;
mod identity;
mod link;
mod nv_index;
mod object;
mod parent;
mod pcr;
mod policy;
mod public;
mod run;
mod salt;
mod seal;
mod session;
mod template;
mod unseal;

pub use counter::NvCounter;
pub(crate) use counter::{
    close as close_counter, define, find as find_counter, increment, leftover as leftover_counter,
    read as read_counter,
};
pub use policy::approval_digest;
pub(crate) use seal::{Order, approve, seal};
pub(crate) use unseal::unseal;
