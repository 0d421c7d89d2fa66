//! A guest that attacks its vTPM through everything that a guest can reach: its shared page, its event
//! channel, its own xenstore nodes, and what belongs to others and should be out of reach.
//!
//! [`Hostile`] does one thing at a time, chosen by a seed, so that an attack can be told from its
//! [`Tally`] and be made again. It stands on the seams of `domain-io` and runs in an image on real Xen
//! as well as in a process in front of a whole vTPM domain.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

mod hostile;
mod nodes;
mod packets;
mod page;
mod random;
mod reach;
mod tally;

pub use hostile::{Hostile, Rest, Target};
pub use packets::sound_commands;
pub use random::Random;
pub use tally::{Kind, Tally};
