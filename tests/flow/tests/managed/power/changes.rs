//! What a guest changes in its TPM, one number after the other, and how it finds out what is there.

use crate::{define, read, write};
use domain_io::test_utils::FakeClock;
use flow_tests::packets::{auth12, response_code};
use flow_tests::{Chain, Guest, Managed, own};
use tpm_wire::TpmVersion;
use tpm_wire::tpm12::{Capability, Property, get_capability};

/// An index of a TPM 1.2, the authorisation for it and for the counter, and the counter's handle.
const INDEX: u32 = 0x0001_1201;
const AUTH: auth12::Bytes20 = [8; 20];
const COUNTER: u32 = 0;
/// What the first counter of a TPM 1.2 says when it was made.
const FIRST: u32 = 1;

/// A guest and the chain it uses.
pub(super) struct User<'a> {
    pub(super) version: TpmVersion,
    pub(super) chain: &'a mut Chain<Managed>,
    pub(super) guest: &'a mut Guest,
    pub(super) clock: FakeClock,
}

impl User<'_> {
    /// Makes what the numbers are written to: an index; on a TPM 1.2 an owner, an index and a counter.
    pub(super) fn begin(&mut self) {
        match self.version {
            TpmVersion::Tpm20 => define(self.chain, self.guest),
            TpmVersion::Tpm12 => self.begin_12(),
        }
    }

    /// Writes the next number.
    pub(super) fn change(&mut self, number: u64) {
        match self.version {
            TpmVersion::Tpm20 => write(self.chain, self.guest, number),
            TpmVersion::Tpm12 => self.change_12(number),
        }
    }

    /// The last number that was written; `None` before the first, on a TPM 1.2 before there is all that
    /// [`Self::begin`] makes.
    pub(super) fn found(&mut self) -> Option<u64> {
        match self.version {
            TpmVersion::Tpm20 => read(self.chain, self.guest),
            TpmVersion::Tpm12 => self.found_12(),
        }
    }

    fn begin_12(&mut self) {
        let Self { chain, guest, clock, .. } = self;
        let mut send = |packet: &[u8]| guest.send(chain, packet);
        own(&mut send, clock);
        for counter in [false, true] {
            let session = auth12::of_object(&mut send, auth12::OWNER, &[0; 20]);
            let auth = session.conceal(&AUTH);
            let packet = if counter {
                session.command(0xDC, &[], &auth12::create_counter(&auth, *b"test"))
            } else {
                let parameters = auth12::nv_define(INDEX, auth12::Access::ByAuth, 8, &auth);
                session.command(0xCC, &[], &parameters)
            };
            let answer = send(&packet);
            assert_eq!(response_code(&answer), 0, "{packet:02x?} -> {answer:02x?}");
        }
        let made = send(&auth12::read_counter(COUNTER));
        assert_eq!(auth12::counter_value(&made), Some(FIRST));
    }

    /// Odd numbers go into the index, even ones advance the counter.
    fn change_12(&mut self, number: u64) {
        let Self { chain, guest, .. } = self;
        let mut send = |packet: &[u8]| guest.send(chain, packet);
        let session = auth12::independent(&mut send, &AUTH);
        let packet = if number.is_multiple_of(2) {
            session.command(0xDD, &[], &COUNTER.to_be_bytes())
        } else {
            session.command(0xCE, &[], &auth12::nv_write(INDEX, &number.to_be_bytes()))
        };
        let answer = send(&packet);
        assert_eq!(response_code(&answer), 0, "{packet:02x?} -> {answer:02x?}");
    }

    fn found_12(&mut self) -> Option<u64> {
        let Self { chain, guest, .. } = self;
        let mut send = |packet: &[u8]| guest.send(chain, packet);
        let owner = Property::OWNER.0.to_be_bytes();
        let owned = send(&get_capability(Capability::PROPERTY, &owner)).last() == Some(&1);
        let counter = auth12::counter_value(&send(&auth12::read_counter(COUNTER)))?;
        let answer = send(&auth12::nv_read(INDEX, 8));
        assert!(owned && response_code(&answer) == 0, "a counter without owner or index");
        let content: [u8; 8] = answer[14..].try_into().expect("eight bytes");
        // An index that was never written holds ones (1.2 Part 1, 20.2).
        let last_odd = if content == [0xFF; 8] { 0 } else { u64::from_be_bytes(content) };
        let increments = u64::from(counter - FIRST);
        let found = last_odd.div_ceil(2) + increments;
        assert!(last_odd == found.saturating_sub(1) | 1 || found == 0 && last_odd == 0, "mixed");
        Some(found)
    }
}
