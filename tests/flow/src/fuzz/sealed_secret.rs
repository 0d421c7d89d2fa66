//! Whoever has the manager's disk writes anything in place of the sealed secret.

use super::bytes::Bytes;
use super::edits::edit;
use state_inspect::SealedReport;
use vtpm_custody::{inspect, open_without_tpm};
use vtpm_store::manager::SealedSecret;

macro_rules! samples {
    ($($name:literal),*) => {
        [$(include_bytes!(concat!(
            "../../../../stubdom-images/vtpm-custody/tests/samples/sealed-", $name, ".bin"
        ))),*]
    };
}

/// What released versions wrote, and the kind of each.
const SAMPLES: [&[u8]; 6] =
    samples!("v1-none", "v1-tpm12", "v1-tpm20", "v2-none", "v2-tpm12", "v2-tpm20");
const KINDS: [u32; 6] = [0, 1, 2, 0, 1, 2];

/// The first byte chooses a sample to be changed, or none: then the kind and the blob follow.
///
/// # Panics
/// When what cannot be read has no words.
pub fn sealed_secret(data: &[u8]) {
    let mut bytes = Bytes(data);
    let choice = usize::from(bytes.byte()) % (SAMPLES.len() + 1);
    let sealed = match (SAMPLES.get(choice), KINDS.get(choice)) {
        (Some(sample), Some(kind)) => SealedSecret { kind: *kind, blob: edit(sample, &mut bytes) },
        _ => SealedSecret { kind: bytes.byte().into(), blob: bytes.0.to_vec() },
    };
    assert!(!SealedReport::of(&sealed).to_string().is_empty());
    match inspect(&sealed) {
        Ok(overview) => {
            for way in overview.states {
                assert!(!way.state.selection().to_string().is_empty());
            }
        }
        Err(why) => assert!(!why.to_string().is_empty()),
    }
    if let Err(why) = open_without_tpm(&sealed) {
        assert!(!why.to_string().is_empty());
    }
}
