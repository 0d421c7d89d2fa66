//! Claims about a vTPM whose state a manager keeps, shown from the guest's page down to the disk.
#![forbid(unsafe_code)]

mod commands12;
mod commands20;
mod endorsement;
mod flood;
mod logged;
mod manager;
mod ordinals12;
mod owner12;
mod pcrs;
mod power;
mod real;
mod restarts;
mod waits;
mod writes;

use flow_tests::packets::{nv, response_code};
use flow_tests::{Chain, Guest, Managed};

/// An index that the tests use.
const INDEX: u32 = 0x0180_0001;

/// Defines the index, eight bytes long.
fn define(chain: &mut Chain<Managed>, guest: &mut Guest) {
    guest.succeed(chain, &nv::define(INDEX, 8));
}

/// Writes a number into the index.
fn write(chain: &mut Chain<Managed>, guest: &mut Guest, value: u64) {
    guest.succeed(chain, &nv::write(INDEX, &value.to_be_bytes()));
}

/// The number in the index; `None` when the index does not exist or was never written.
fn read(chain: &mut Chain<Managed>, guest: &mut Guest) -> Option<u64> {
    let answer = guest.send(chain, &nv::read(INDEX, 8));
    (response_code(&answer) == 0)
        .then(|| u64::from_be_bytes(answer[16..24].try_into().expect("eight bytes")))
}
