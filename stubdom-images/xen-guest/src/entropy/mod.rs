//! Random bytes good enough for keys, or none at all.
//!
//! RDSEED and RDRAND, each checked, the jitter of the time stamp counter and whatever the image adds
//! are mixed by a generator of NIST SP 800-90A that is reseeded for every call.

pub(crate) mod drbg;
pub(crate) mod health;
pub(crate) mod mixer;

#[cfg(target_os = "none")]
pub(crate) mod hardware;

#[cfg(target_os = "none")]
mod domain {
    use super::{hardware::Sources, mixer::Mixer};
    use domain_io::{Entropy, NoEntropy};

    /// This domain's random bytes.
    pub struct DomainEntropy(Mixer<Sources>);

    impl DomainEntropy {
        pub(crate) fn new() -> Self {
            Self(Mixer::new(Sources::detect()))
        }

        /// Mixes in bytes of another source, such as a hardware TPM's random bytes. 32 of them make
        /// the domain able to serve on a CPU without random number instructions, so pass only what
        /// no other domain can know.
        pub fn add_source(&mut self, bytes: &[u8]) {
            self.0.add(bytes);
        }
    }

    impl Entropy for DomainEntropy {
        fn fill(&mut self, into: &mut [u8]) -> Result<(), NoEntropy> {
            self.0.fill(into)
        }
    }
}

#[cfg(target_os = "none")]
pub use domain::DomainEntropy;
