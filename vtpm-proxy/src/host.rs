//! What the rest takes from Linux.

use domain_io::{Entropy, NoEntropy};
use rustix::rand::{GetRandomFlags, getrandom};

/// The kernel's generator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&mut self, into: &mut [u8]) -> Result<(), NoEntropy> {
        let mut filled = 0;
        while let Some(rest) = into.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match getrandom(rest, GetRandomFlags::empty()) {
                Ok(count) => filled += count,
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return Err(NoEntropy),
            }
        }
        Ok(())
    }
}
