//! Sealing to a TPM 2.0.

mod approvals;
mod codes;
mod counter;
mod create;
mod epoch;
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

pub(crate) use approvals::{approve, current_epoch, prepare_epoch, present, retire};
pub use counter::NvCounter;
pub(crate) use counter::{
    close as close_counter, define, find as find_counter, increment, leftover as leftover_counter,
    read as read_counter,
};
pub use epoch::EPOCH_INDEX;
pub use policy::{approval_digest, policy_digest};
pub(crate) use seal::{Order, seal};
pub use template::is_ours;
pub(crate) use unseal::unseal;
