//! Commands against a backend played byte by byte.

use super::*;
use crate::{Event, NotSent, Reason};
use tpmif::NotSubmitted;

#[test]
fn a_command_goes_out_as_linux_would_send_it_and_its_answer_comes_once() {
    let mut host = Played::new();
    host.connect(0);
    host.frontend.submit(4, &packet(20)).unwrap();
    let page = host.page(0).bytes();
    assert_eq!(page[..8], [20, 0, 0, 0, 1, 4, 0, 0]);
    assert_eq!(page[8..28], packet(20));
    assert_eq!(host.turn(), []);
    let refused = host.frontend.submit(0, &packet(20));
    assert_eq!(refused, Err(NotSent::Page(NotSubmitted::Busy)));
    host.answer(0, &packet(30));
    assert_eq!(host.turn(), [], "nobody has said so");
    poke_port(&mut host);
    assert_eq!(host.turn(), [Event::Answer(packet(30))]);
    poke_port(&mut host);
    assert_eq!(host.turn(), []);
}

/// Raises the frontend's event as the backend's notify does.
fn poke_port(host: &mut Played) {
    use domain_io::{EventPort, PortNumber, Sharing};
    let port = host.get(0, "event-channel").unwrap().parse().unwrap();
    let mut sharing = host.world.sharing(BACK);
    let bound = sharing.bind(FRONT, PortNumber(port)).unwrap();
    bound.notify().unwrap();
}

#[test]
fn a_cancelled_command_ends_with_idle_or_with_its_answer() {
    let mut host = Played::new();
    host.connect(0);
    host.frontend.cancel();
    assert_eq!(host.page(0).bytes()[4], 0, "there is nothing to cancel");
    host.frontend.submit(0, &packet(20)).unwrap();
    host.frontend.cancel();
    assert_eq!(host.page(0).bytes()[4], 3);
    host.page(0).poke(4, &[0]);
    poke_port(&mut host);
    assert_eq!(host.turn(), [Event::Aborted]);
    host.frontend.submit(0, &packet(21)).unwrap();
    host.frontend.cancel();
    host.answer(0, &packet(10));
    poke_port(&mut host);
    assert_eq!(host.turn(), [Event::Answer(packet(10))]);
}

#[test]
fn a_backend_that_lies_is_reported_and_left_until_the_device_is_attached_anew() {
    let lies: [(u32, u8); 4] = [(5000, 2), (9, 2), (11, 2), (10, 9)];
    for (length, state) in lies {
        let mut host = Played::new();
        host.connect(0);
        host.frontend.submit(0, &packet(10)).unwrap();
        host.answer(0, &packet(10));
        host.page(0).poke(0, &length.to_le_bytes());
        host.page(0).poke(4, &[state]);
        poke_port(&mut host);
        let events = host.turn();
        assert!(matches!(events[..], [Event::Disconnected(Reason::Misbehaved(_))]), "{events:?}");
        assert_eq!(host.get(0, "state").unwrap(), "6");
        assert_eq!(host.world.grants(FRONT), 0);
        host.set(0, "state", "2");
        assert_eq!(host.turn(), []);
        host.connect(1);
    }
}

#[test]
fn a_bad_packet_is_refused_and_does_not_disturb_the_connection() {
    let mut host = Played::new();
    host.connect(0);
    for length in [6, 9, 4089] {
        let refused = host.frontend.submit(0, &packet(length));
        assert_eq!(refused, Err(NotSent::Page(NotSubmitted::BadPacket { length })));
    }
    host.frontend.submit(0, &packet(4088)).unwrap();
}
