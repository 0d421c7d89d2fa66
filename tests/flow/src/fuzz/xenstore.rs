//! xenstored, or whoever can write to its page, answers anything.

use super::bytes::Bytes;
use domain_io::test_utils::{FrameView, World};
use domain_io::{DomainId, Sharing, Xenstore};
use std::cell::RefCell;
use std::rc::Rc;
use xen_guest::test_utils::xenstore_over;

const OWN: DomainId = DomainId(5);
const DAEMON: DomainId = DomainId(0);
const MOST_REQUESTS: usize = 16;
/// Where the answers' bytes, the consumer's and the producer's index are (Xen public/io/xs_wire.h).
const ANSWERS: usize = 1024;
const RING_BYTES: usize = 1024;
const REQUEST_CONSUMER: usize = 2048;
const REQUEST_PRODUCER: usize = 2052;
const ANSWER_PRODUCER: usize = 2060;

/// Requests of one byte; in between, whenever the connection waits, what is in the page then.
///
/// # Panics
/// When a request is answered with what no answer was.
pub fn xenstore(data: &[u8]) {
    let world = World::new();
    let (page, grant) = world.sharing(OWN).grant(DAEMON).expect("a page");
    let frame = world.frame(OWN, grant).expect("the page's frame");
    let bytes = Rc::new(RefCell::new(data.to_vec()));
    let input = Rc::clone(&bytes);
    let mut store = xenstore_over(page, move || daemon(&frame, &mut input.borrow_mut()));
    for _ in 0..MOST_REQUESTS {
        let Some(kind) = pop(&mut bytes.borrow_mut()) else { break };
        request(&mut store, kind);
    }
}

fn pop(bytes: &mut Vec<u8>) -> Option<u8> {
    if bytes.is_empty() { None } else { Some(bytes.remove(0)) }
}

fn request(store: &mut impl Xenstore, kind: u8) {
    match kind % 8 {
        0 => drop(store.write("data/vtpm/state", "ready")),
        1 => drop(store.watch("backend/vtpm", "token")),
        2 => drop(store.unwatch("backend/vtpm", "token")),
        3 => drop(store.is_introduced(OWN)),
        4 => {
            if let Ok(names) = store.list("backend") {
                assert!(names.iter().all(|name| !name.is_empty() && !name.contains('\0')));
            }
        }
        5 => drop(store.remove("data/vtpm")),
        6 => {
            if let Ok(value) = store.read("name") {
                assert!(value.len() <= 3 * 4096, "{} bytes", value.len());
            }
        }
        _ => {
            while let Some(event) = store.next_event() {
                assert!(event.path.len() <= 3 * 4096);
            }
        }
    }
}

/// One thing that the other end does.
fn daemon(frame: &FrameView, input: &mut Vec<u8>) {
    let mut bytes = Bytes(input);
    match bytes.byte() % 4 {
        0 => answer(frame, &mut bytes),
        1 => take_requests(frame),
        2 => append_raw(frame, &mut bytes),
        _ => {
            let at = 2048 + usize::from(bytes.byte()) % 24;
            frame.poke(at, &[bytes.byte()]);
        }
    }
    let used = input.len() - bytes.0.len();
    input.drain(..used);
}

fn word(frame: &FrameView, at: usize) -> u32 {
    frame.bytes()[at..at + 4].try_into().map(u32::from_le_bytes).unwrap_or_default()
}

fn take_requests(frame: &FrameView) {
    frame.poke(REQUEST_CONSUMER, &word(frame, REQUEST_PRODUCER).to_le_bytes());
}

/// A message with a sound header: kind, number of the request and payload are the input's.
fn answer(frame: &FrameView, bytes: &mut Bytes<'_>) {
    take_requests(frame);
    let (kind, id, length) = (bytes.byte() % 24, bytes.byte() % 32, bytes.byte());
    let payload = bytes.take(length.into());
    let length = u32::try_from(payload.len()).unwrap_or_default();
    let words = [kind.into(), id.into(), 0, length].map(u32::to_le_bytes).concat();
    append(frame, &[&words, payload].concat());
}

fn append_raw(frame: &FrameView, bytes: &mut Bytes<'_>) {
    let length = usize::from(bytes.byte());
    append(frame, bytes.take(length));
}

fn append(frame: &FrameView, message: &[u8]) {
    let start = word(frame, ANSWER_PRODUCER);
    for (byte, index) in message.iter().zip(start as usize..) {
        frame.poke(ANSWERS + index % RING_BYTES, &[*byte]);
    }
    let end = start.wrapping_add(u32::try_from(message.len()).unwrap_or_default());
    frame.poke(ANSWER_PRODUCER, &end.to_le_bytes());
}
