use super::*;
use crate::test_page::TestPage;
use core::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::vec;

/// What the imitated xenstored does with a request.
type Rule = fn(&mut Daemon, Message) -> Vec<Vec<u8>>;

/// An imitation of xenstored at the other side of the page.
struct Daemon {
    nodes: BTreeMap<String, Vec<u8>>,
    rule: Rule,
    stream: Vec<u8>,
    answers: VecDeque<u8>,
    /// After so many bytes of its answers another xenstored takes its place.
    replaced_after: Option<usize>,
}

impl Daemon {
    fn run(&mut self, page: &TestPage) {
        let mut chunk = [0; 100];
        while let Ok(count @ 1..) = REQUESTS.take(page, &mut chunk) {
            self.stream.extend_from_slice(&chunk[..count]);
        }
        while let Ok(Some(request)) = decode(&mut self.stream) {
            for answer in (self.rule)(self, request) {
                self.answers.extend(answer);
            }
        }
        let ready = self.answers.make_contiguous();
        let most = self.replaced_after.unwrap_or(ready.len()).min(ready.len());
        let sent = ANSWERS.put(page, &ready[..most]).unwrap();
        self.answers.drain(..sent);
    }
}

struct TestHost {
    page: Rc<TestPage>,
    daemon: Rc<RefCell<Daemon>>,
    now: Cell<Duration>,
    /// At the next wait the machine stands still for so long, and xenstored with it.
    stands_still: Cell<Duration>,
    /// How many more waits it takes until the next xenstored runs.
    takes_over: Cell<u32>,
}

impl Host for TestHost {
    fn now(&self) -> Duration {
        self.now.get()
    }
    fn wake(&self) {}
    fn clear(&self) {}
    fn wait(&self, until: Duration) {
        let lost = self.stands_still.take();
        if !lost.is_zero() {
            return self.now.set(self.now.get() + lost);
        }
        if self.takes_over.get() > 0 {
            self.takes_over.set(self.takes_over.get() - 1);
            return self.now.set(self.now.get() + PATIENCE / 10);
        }
        let before = (ANSWERS.is_empty(&*self.page), REQUESTS.is_empty(&*self.page));
        self.daemon.borrow_mut().run(&self.page);
        if self.daemon.borrow_mut().replaced_after.take().is_some() {
            return self.takes_over.set(5);
        }
        if before == (ANSWERS.is_empty(&*self.page), REQUESTS.is_empty(&*self.page)) {
            self.now.set(until);
        }
    }
}

struct SharedTestPage(Rc<TestPage>);

impl SharedPage for SharedTestPage {
    fn read(&self, offset: usize, into: &mut [u8]) -> Result<(), domain_io::OutsidePage> {
        self.0.read(offset, into)
    }
    fn write(&self, offset: usize, from: &[u8]) -> Result<(), domain_io::OutsidePage> {
        self.0.write(offset, from)
    }
    fn load_u8(&self, offset: usize) -> Result<u8, domain_io::OutsidePage> {
        self.0.load_u8(offset)
    }
    fn store_u8(&self, offset: usize, value: u8) -> Result<(), domain_io::OutsidePage> {
        self.0.store_u8(offset, value)
    }
    fn load_u32(&self, offset: usize) -> Result<u32, domain_io::OutsidePage> {
        self.0.load_u32(offset)
    }
    fn store_u32(&self, offset: usize, value: u32) -> Result<(), domain_io::OutsidePage> {
        self.0.store_u32(offset, value)
    }
}

fn honest(daemon: &mut Daemon, request: Message) -> Vec<Vec<u8>> {
    let mut parts = request.payload.splitn(2, |byte| *byte == 0);
    let path = text(parts.next().unwrap());
    let rest = parts.next().unwrap_or_default().to_vec();
    let ok: &[u8] = b"OK\0";
    let (kind, payload) = match request.kind {
        Kind::WRITE => {
            daemon.nodes.insert(path, rest);
            (Kind::WRITE, ok.to_vec())
        }
        Kind::READ => match daemon.nodes.get(&path) {
            Some(value) => (Kind::READ, value.clone()),
            None => (Kind::ERROR, b"ENOENT\0".to_vec()),
        },
        Kind::DIRECTORY => (Kind::DIRECTORY, b"one\0two\0".to_vec()),
        Kind::IS_DOMAIN_INTRODUCED => {
            let answer: &[u8] = if path == "7" { b"T\0" } else { b"F\0" };
            (request.kind, answer.to_vec())
        }
        Kind::WATCH => {
            let event = encode(Kind::WATCH_EVENT, 0, &[path.as_bytes(), b"\0", &rest]).unwrap();
            return vec![event, encode(Kind::WATCH, request.id, &[ok]).unwrap()];
        }
        kind => (kind, ok.to_vec()),
    };
    vec![encode(kind, request.id, &[&payload]).unwrap()]
}

fn connect(rule: Rule) -> (Client<SharedTestPage, TestHost>, Rc<RefCell<Daemon>>) {
    let page = Rc::new(TestPage::new());
    let nodes = BTreeMap::new();
    let (stream, answers) = (Vec::new(), VecDeque::new());
    let daemon = Daemon { nodes, rule, stream, answers, replaced_after: None };
    let daemon = Rc::new(RefCell::new(daemon));
    let now = Cell::new(Duration::ZERO);
    let (stands_still, takes_over) = (Cell::default(), Cell::default());
    let (pages, other) = (Rc::clone(&page), Rc::clone(&daemon));
    let host = TestHost { page: pages, daemon: other, now, stands_still, takes_over };
    (Client::new(SharedTestPage(page), host), daemon)
}

#[test]
fn what_is_written_is_read_also_when_larger_than_the_ring() {
    let (mut client, _) = connect(honest);
    let value = "v".repeat(3000);
    client.write("data/x", &value).unwrap();
    assert_eq!(client.read("data/x").unwrap(), value);
    assert_eq!(client.list("data").unwrap(), ["one", "two"]);
    assert!(client.read("data/y").unwrap_err().is_absent());
}

#[test]
fn names_that_do_not_fit_into_one_answer_are_read_in_parts() {
    let (mut client, _) = connect(|_, request| {
        let asked = text(&request.payload);
        let (kind, payload): (_, &[u8]) = match (request.kind, asked.as_str()) {
            (Kind::DIRECTORY, "backend/vtpm") => (Kind::ERROR, b"E2BIG\0"),
            (Kind::DIRECTORY_PART, "backend/vtpm\x000") => (request.kind, b"5\x001\x002\0"),
            (Kind::DIRECTORY_PART, "backend/vtpm\x004") => (request.kind, b"5\x003\0\0"),
            _ => (Kind::ERROR, b"EINVAL\0"),
        };
        vec![encode(kind, request.id, &[payload]).unwrap()]
    });
    assert_eq!(client.list("backend/vtpm").unwrap(), ["1", "2", "3"]);
}

#[test]
fn an_xenstored_without_parts_says_that_a_directory_is_too_large() {
    let (mut client, _) = connect(|_, request| {
        let word: &[u8] = if request.kind == Kind::DIRECTORY { b"E2BIG\0" } else { b"ENOSYS\0" };
        vec![encode(Kind::ERROR, request.id, &[word]).unwrap()]
    });
    assert_eq!(client.list("backend/vtpm"), Err(StoreError::Refused("E2BIG".into())));
}

#[test]
fn xenstored_says_which_domains_exist() {
    let (mut client, _) = connect(honest);
    assert_eq!(client.is_introduced(DomainId(7)), Ok(true));
    assert_eq!(client.is_introduced(DomainId(8)), Ok(false));
}

#[test]
fn a_watch_fires_at_once_and_stops_when_taken_back() {
    let (mut client, _) = connect(honest);
    client.watch("backend", "b").unwrap();
    assert_eq!(client.next_event(), Some(WatchEvent { path: "backend".into(), token: "b".into() }));
    client.unwatch("backend", "b").unwrap();
    assert_eq!(client.next_event(), None);
}

#[test]
fn a_watch_whose_answer_did_not_come_is_set_by_asking_again() {
    let (mut client, daemon) = connect(|_, _| Vec::new());
    assert_eq!(client.watch("backend", "b"), Err(StoreError::NoAnswer));
    daemon.borrow_mut().rule =
        |_, request| vec![encode(Kind::ERROR, request.id, &[b"EEXIST\0"]).unwrap()];
    assert_eq!(client.watch("backend", "b"), Ok(()));
    assert_eq!(client.next_event(), Some(WatchEvent { path: "backend".into(), token: "b".into() }));
}

#[test]
fn the_runtimes_own_watch_is_not_shown_to_the_image() {
    let (mut client, _) = connect(honest);
    client.watch("control/shutdown", CONTROL_TOKEN).unwrap();
    assert_eq!(client.next_event(), None);
    assert!(client.take_control_changed());
    assert!(!client.take_control_changed());
}

#[test]
fn the_runtimes_own_watch_that_was_set_already_counts_as_fired() {
    let (mut client, _) =
        connect(|_, request| vec![encode(Kind::ERROR, request.id, &[b"EEXIST\0"]).unwrap()]);
    assert_eq!(client.watch("control/shutdown", CONTROL_TOKEN), Ok(()));
    assert_eq!(client.next_event(), None);
    assert!(client.take_control_changed());
}

#[test]
fn what_came_with_an_answer_is_unread_until_it_is_asked_for() {
    let (mut client, _) = connect(honest);
    assert!(!client.has_unread());
    client.watch("backend", "b").unwrap();
    client.write("data/x", "").unwrap();
    assert!(client.has_unread());
    assert!(client.next_event().is_some());
    assert!(!client.has_unread());
    client.watch("control/shutdown", CONTROL_TOKEN).unwrap();
    client.write("data/x", "").unwrap();
    assert!(client.has_unread());
    assert!(client.take_control_changed() && !client.has_unread());
}

#[test]
fn silence_ends_in_no_answer_and_the_late_answer_is_not_mistaken() {
    let (mut client, daemon) = connect(|_, _| Vec::new());
    assert_eq!(client.read("first"), Err(StoreError::NoAnswer));
    daemon.borrow_mut().rule = |daemon, request| {
        daemon.rule = honest;
        let late = encode(Kind::READ, request.id.wrapping_sub(1), &[b"late"]).unwrap();
        let now = encode(Kind::READ, request.id, &[b"now"]).unwrap();
        vec![late, now]
    };
    assert_eq!(client.read("second").unwrap(), "now");
}

#[test]
fn a_machine_that_stood_still_is_no_dead_daemon() {
    let (mut client, _) = connect(honest);
    client.host.stands_still.set(PATIENCE * 6);
    assert_eq!(client.write("data/x", "1"), Ok(()));
}

/// A live update hands rings, watches and half-sent answers over (Xen docs/designs, xenstore
/// migration); the domain sees a daemon that is slow once.
#[test]
fn a_daemon_that_is_replaced_in_the_middle_of_an_answer_is_not_noticed() {
    let (mut client, daemon) = connect(honest);
    client.watch("data", "token").unwrap();
    client.write("data/x", "before").unwrap();
    for cut in [0, 1, 15, 16, 17, 20] {
        daemon.borrow_mut().replaced_after = Some(cut);
        assert_eq!(client.read("data/x").unwrap(), "before", "after {cut} bytes");
    }
    assert_eq!(client.write("data/x", "after"), Ok(()));
    assert!(client.next_event().is_some(), "its watch is still there");
}

#[test]
fn a_dead_daemon_never_makes_a_request_hang_or_tear() {
    let (mut client, daemon) = connect(|_, _| Vec::new());
    let page = Rc::clone(&client.page.0);
    // The daemon takes nothing at all: the second request does not fit into the ring.
    daemon.borrow_mut().stream = vec![0xff; 20];
    page.store_u32(REQUESTS.consumer, 0).unwrap();
    page.store_u32(REQUESTS.producer, 1000).unwrap();
    client.host.daemon = Rc::new(RefCell::new(Daemon {
        nodes: BTreeMap::new(),
        rule: honest,
        stream: Vec::new(),
        answers: VecDeque::new(),
        replaced_after: None,
    }));
    client.host.page = Rc::new(TestPage::new());
    assert_eq!(client.write("a", &"x".repeat(500)), Err(StoreError::NoAnswer));
    assert_eq!(client.read("b"), Err(StoreError::NoAnswer));
    assert!(client.outgoing.len() < 600, "a second request was queued behind the first");
}

/// Whoever is served by rings and events must not wait ten seconds for each look at a node.
#[test]
fn a_daemon_that_is_gone_for_good_is_not_waited_for_again_and_again_and_found_when_it_is_back() {
    let (mut client, daemon) = connect(|_, _| Vec::new());
    for patience in [PATIENCE, NEXT_PATIENCE, NEXT_PATIENCE] {
        let before = client.host.now();
        assert_eq!(client.read("first"), Err(StoreError::NoAnswer));
        let waited = client.host.now() - before;
        assert!(waited >= patience, "it may be slow");
        assert!(waited <= patience + LAST_CHANCE * LAST_CHANCES, "{waited:?}");
    }
    assert!(client.is_gone());
    let waited = client.host.now();
    for _ in 0..600 {
        for _ in 0..100 {
            assert_eq!(client.read("again"), Err(StoreError::NoAnswer));
        }
        client.host.now.set(client.host.now() + Duration::from_millis(100));
    }
    let lost = client.host.now() - waited - Duration::from_secs(60);
    assert!(lost <= SHORT_PATIENCE * 62, "{lost:?} of a minute was lost");
    daemon.borrow_mut().rule = honest;
    daemon.borrow_mut().nodes.insert("x".into(), b"here".to_vec());
    client.host.now.set(client.host.now() + TRY_AGAIN);
    assert_eq!(client.read("x").unwrap(), "here");
    daemon.borrow_mut().rule = |_, _| Vec::new();
    let before = client.host.now();
    assert_eq!(client.read("x"), Err(StoreError::NoAnswer));
    assert!(client.host.now() - before >= PATIENCE, "a new silence has the whole patience");
}

#[test]
fn whether_a_daemon_answers_is_found_out_in_the_time_given() {
    let limit = Duration::from_millis(250);
    let (mut client, daemon) = connect(honest);
    assert!(client.answers_within(limit));
    daemon.borrow_mut().rule = |_, _| Vec::new();
    let begun = client.host.now();
    for asked in 1..100 {
        assert!(!client.answers_within(limit));
        let waited = client.host.now() - begun;
        assert!(waited <= limit * asked.min(GONE) + SHORT_PATIENCE * asked, "{waited:?}");
    }
    assert!(client.is_gone());
    daemon.borrow_mut().rule = honest;
    client.host.now.set(client.host.now() + TRY_AGAIN);
    assert!(client.answers_within(limit));
    assert!(!client.is_gone());
}

#[test]
fn a_lying_daemon_is_named() {
    let (mut client, _) =
        connect(|_, request| vec![encode(Kind::DIRECTORY, request.id, &[b"x"]).unwrap()]);
    assert!(matches!(client.read("a"), Err(StoreError::Malformed(_))));
    client.page.store_u32(ANSWERS.producer, 5000).unwrap();
    assert_eq!(client.read("a"), Err(StoreError::Malformed("a ring index is impossible")));
}

#[test]
fn requests_beyond_the_protocol_are_refused_here() {
    let (mut client, _) = connect(honest);
    let refused = |word: &str| Err(StoreError::Refused(word.into()));
    assert_eq!(client.write("a", &"x".repeat(4096)), refused("E2BIG"));
    assert_eq!(client.write("a\0b", "x"), refused("EINVAL"));
}
