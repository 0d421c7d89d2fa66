//! What a frontend's domain can do to its page, its port and its nodes.

use super::bytes::{Bytes, with_size};
use tpmif::peers::RawFrontend;

/// The frontend's own nodes.
const NODES: [&str; 4] = ["state", "ring-ref", "event-channel", "feature-protocol-v2"];
/// What is worth writing into them.
const VALUES: [&str; 16] = [
    "0",
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
    "8",
    "9",
    "-1",
    "",
    "4294967295",
    "4294967296",
    " 4",
    "4\0",
];

/// One thing done; none of it waits.
pub(super) fn act(front: &mut RawFrontend, bytes: &mut Bytes<'_>) {
    match bytes.byte() % 8 {
        0 => {
            let (node, value) = (usize::from(bytes.byte()), usize::from(bytes.byte()));
            front.set(NODES[node % NODES.len()], VALUES[value % VALUES.len()]);
        }
        1 => open(front),
        2 => front.free_ring(),
        3 => poke(front, bytes),
        4 => submit(front, bytes),
        5 => front.notify(),
        6 => front.unset(NODES[usize::from(bytes.byte()) % NODES.len()]),
        _ => tamper(front, bytes),
    }
}

/// Publishes everything as it should be.
fn open(front: &mut RawFrontend) {
    front.free_ring();
    front.publish_ring();
    front.set("feature-protocol-v2", "1");
    front.set("state", "4");
}

/// Overwrites a byte of the page's header or a word anywhere.
fn poke(front: &RawFrontend, bytes: &mut Bytes<'_>) {
    let (at, value) = (bytes.word(), bytes.long());
    if !front.has_ring() {
        return;
    }
    match at {
        0x8000.. => front.page().poke(usize::from(at) % 4092, &value.to_le_bytes()),
        _ => front.page().poke(usize::from(at) % 16, &value.to_le_bytes()[..1]),
    }
}

fn submit(front: &RawFrontend, bytes: &mut Bytes<'_>) {
    let length = usize::from(bytes.byte());
    let packet = with_size(bytes.take(length));
    if front.has_ring() {
        front.submit(&packet);
        front.notify();
    }
}

/// From now on another processor writes a byte whenever the backend has read something.
fn tamper(front: &RawFrontend, bytes: &mut Bytes<'_>) {
    let (at, value) = (usize::from(bytes.word()) % 64, bytes.byte());
    if front.has_ring() {
        front.page().after_each_read(move |_, _, page| page[at] = value);
    }
}
