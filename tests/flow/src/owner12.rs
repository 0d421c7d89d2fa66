//! The owner of a guest's TPM 1.2, by the same steps by which a manager takes a hardware TPM.

use domain_io::test_utils::{FakeClock, FakeEntropy};
use tpm_hw::{HardwareError, HardwareTpm};
use tpm_wire::TpmVersion;
use vtpm_custody::{Access, Custody, Force, Platform, Policy};

struct Through<F>(F);

impl<F: FnMut(&[u8]) -> Vec<u8>> HardwareTpm for Through<F> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, HardwareError> {
        Ok((self.0)(command))
    }
}

/// Takes ownership, seals something and unseals it. Owner and storage root key get the well-known
/// authorisation of twenty zeros.
///
/// # Panics
/// When the TPM refuses.
pub fn own(send: impl FnMut(&[u8]) -> Vec<u8>, clock: &FakeClock) {
    let (mut tpm, mut entropy) = (Through(send), FakeEntropy::new(5));
    let platform = Platform { tpm: &mut tpm, time: clock, entropy: &mut entropy };
    let mut custody = Custody::new(platform, TpmVersion::Tpm12, Access::default());
    let policy = Policy { force: Force::Yes, ..Policy::default() };
    let (secret, sealed) = custody.first_start(&policy).expect("the TPM is taken");
    let unsealed = custody.unseal(&sealed).expect("the TPM unseals");
    assert_eq!(unsealed.bytes(), secret.bytes());
}
