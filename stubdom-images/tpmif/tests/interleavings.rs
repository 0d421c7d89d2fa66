//! The page's state machine under every interleaving of both ends' accesses in which an end is stopped up to twice
//! where it did not wait, and every order in which the other end may see them that acquire and release allow: loom
//! runs them all, with the real code of both ends. Each end sleeps until an event whenever the page has nothing for
//! it, so an event too few would be a machine that stands still.
#![forbid(unsafe_code)]

use domain_io::{OutsidePage, SharedPage};
use loom::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use loom::sync::atomic::{AtomicU8, AtomicU32};
use loom::sync::{Arc, Notify};
use loom::thread;
use tpmif::{Answer, BackendEnd, FrontendEnd, Seen};

/// What the ends use of a page. Locality and extra pages are no steps of their own: who reads them has read the length
/// before. Neither are the bytes of a message: it is one word here, which an end sees old or new.
#[derive(Default)]
struct Page {
    length: AtomicU32,
    state: AtomicU8,
    rest: [std::sync::atomic::AtomicU8; 3],
    /// Number and length of the packet.
    message: AtomicU32,
}

/// Both directions of an event channel: an event waits until it is taken, and two that wait are one.
struct Port {
    to_backend: Notify,
    to_frontend: Notify,
}

impl Default for Port {
    fn default() -> Self {
        Self { to_backend: Notify::new(), to_frontend: Notify::new() }
    }
}

/// An end's hold of the page.
#[derive(Clone)]
struct Hold(Arc<Page>);

impl SharedPage for Hold {
    fn read(&self, offset: usize, into: &mut [u8]) -> Result<(), OutsidePage> {
        assert_eq!(offset, 8);
        let [number, length, ..] = self.0.message.load(Relaxed).to_le_bytes();
        let packet = packet(number, length.max(COMMAND));
        let common = packet.len().min(into.len());
        into[..common].copy_from_slice(&packet[..common]);
        Ok(())
    }

    /// Without an order of its own, as a copy into a real page has none.
    fn write(&self, offset: usize, from: &[u8]) -> Result<(), OutsidePage> {
        assert_eq!(offset, 8);
        let length = u8::try_from(from.len()).expect("a packet of this test");
        self.0.message.store(u32::from_le_bytes([from[6], length, 0, 0]), Relaxed);
        Ok(())
    }

    fn load_u8(&self, offset: usize) -> Result<u8, OutsidePage> {
        Ok(match offset {
            4 => self.0.state.load(Acquire),
            _ => self.0.rest[offset - 5].load(Acquire),
        })
    }

    fn store_u8(&self, offset: usize, value: u8) -> Result<(), OutsidePage> {
        match offset {
            4 => self.0.state.store(value, Release),
            _ => self.0.rest[offset - 5].store(value, Release),
        }
        Ok(())
    }

    fn load_u32(&self, offset: usize) -> Result<u32, OutsidePage> {
        assert_eq!(offset, 0);
        Ok(self.0.length.load(Acquire))
    }

    fn store_u32(&self, offset: usize, value: u32) -> Result<(), OutsidePage> {
        assert_eq!(offset, 0);
        self.0.length.store(value, Release);
        Ok(())
    }
}

/// A packet of this length that says which one it is.
fn packet(number: u8, length: u8) -> Vec<u8> {
    let mut bytes = vec![number; length.into()];
    bytes[2..6].copy_from_slice(&u32::from(length).to_be_bytes());
    bytes
}

const COMMAND: u8 = 11;
/// Longer than a command, so that the length of the one with the bytes of the other would be noticed.
const ANSWER: u8 = 14;

/// Answers commands until it has answered the last one; how many it answered, and how many it gave up.
fn serve(page: Hold, port: &Port, last: u8) -> (u8, u8) {
    let back = BackendEnd::new(page);
    let (mut answered, mut given_up) = (0, 0);
    loop {
        match back.look().expect("an honest frontend") {
            Seen::Nothing => port.to_backend.wait(),
            Seen::Cancel => {
                back.acknowledge_cancel().expect("inside the page");
                port.to_frontend.notify();
                given_up += 1;
            }
            Seen::Short(short) => panic!("no frontend sends this: {short:?}"),
            Seen::Command(seen) => {
                let number = seen.bytes[6];
                assert_eq!(seen.bytes, packet(number, COMMAND), "a command is seen whole");
                assert_eq!(seen.locality, number);
                back.finish(seen.reply, &packet(number, ANSWER)).expect("it fits");
                port.to_frontend.notify();
                answered += 1;
                if number == last {
                    return (answered, given_up);
                }
            }
        }
    }
}

/// A frontend and its end of the event channel.
struct Front<'a> {
    end: FrontendEnd<Hold>,
    port: &'a Port,
}

impl Front<'_> {
    fn submit(&mut self, number: u8) {
        self.end.submit(number, &packet(number, COMMAND)).expect("the page is free");
        self.port.to_backend.notify();
    }

    fn cancel(&self) {
        self.end.cancel().expect("inside the page");
        self.port.to_backend.notify();
    }

    fn answer(&mut self) -> Answer {
        loop {
            match self.end.answer().expect("an honest backend") {
                Answer::NotYet => self.port.to_frontend.wait(),
                answer => return answer,
            }
        }
    }
}

/// How often an end may be stopped where it did not wait. All is explored within that; without a bound it takes hours.
const PREEMPTIONS: usize = 2;

/// Runs a frontend beside a backend that serves until command 2, in every way there is.
fn explore(frontend: fn(&mut Front<'_>), check: fn((u8, u8))) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.check(move || {
        let (page, port) = (Hold(Arc::default()), Arc::<Port>::default());
        let (backs_page, backs_port) = (page.clone(), Arc::clone(&port));
        let backend = thread::spawn(move || serve(backs_page, &backs_port, 2));
        frontend(&mut Front { end: FrontendEnd::new(page), port: &port });
        check(backend.join().expect("the backend ends"));
    });
}

#[test]
fn in_every_interleaving_each_command_gets_its_own_whole_answer() {
    explore(
        |front| {
            for number in [1, 2] {
                front.submit(number);
                assert_eq!(front.answer(), Answer::Response(packet(number, ANSWER)));
            }
        },
        |counts| assert_eq!(counts, (2, 0)),
    );
}

#[test]
fn in_every_interleaving_a_cancel_ends_and_the_next_command_gets_its_own_answer() {
    explore(
        |front| {
            front.submit(1);
            front.cancel();
            match front.answer() {
                Answer::Aborted => {}
                answer => assert_eq!(answer, Answer::Response(packet(1, ANSWER))),
            }
            front.submit(2);
            assert_eq!(front.answer(), Answer::Response(packet(2, ANSWER)));
        },
        |(answered, given_up)| assert!((1..=2).contains(&answered) && given_up <= 1),
    );
}
