//! What a guest has its vTPM write to the log.

use crate::logged;
use flow_tests::{Chain, Guest};
use tpm_wire::tpm12::Ordinal;
use tpm_wire::{PacketBuilder, Tag};

/// References of 255 extra pages leave 3068 bytes of the page; TPM 1.2's random bytes take all that they may.
#[test]
fn answers_that_do_not_fit_into_what_a_guest_leaves_of_its_page_cost_no_line_each() {
    const DATA: usize = 8 + 4 * 255;
    let mut chain = Chain::start("tpm2 ephemeral");
    let guest = Guest::boot(&mut chain, 1);
    let random = PacketBuilder::new(Tag::RQU_COMMAND, Ordinal::GET_RANDOM.0).u32(u32::MAX).finish();
    logged::listen();
    for _ in 0..100 {
        let front = &guest.driver.raw;
        front.page().poke(DATA, &random);
        front.page().poke(0, &[14, 0, 0, 0, 1, 0, 0, 255]);
        front.notify();
        chain.tick();
        let failure = [0, 0xc4, 0, 0, 0, 10, 0, 0, 0, 9];
        assert_eq!(guest.driver.raw.page().bytes()[DATA..DATA + 10], failure);
    }
    assert!(logged::lines().len() <= 20, "{:?}", logged::lines());
}
