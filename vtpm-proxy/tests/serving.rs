//! The server's loop over a pair of sockets that keep packets whole, as the kernel's driver does.

#[path = "support/index.rs"]
mod index;

use index::{define_index, index_value, read_index, write_index};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use tpm_wire::tpm20;
use tpm_wire::{Header, PacketBuilder, Tag, TpmVersion};
use vtpm_proxy::confine::Task;
use vtpm_proxy::device::{self, End, Ending};
use vtpm_proxy::state::{self, Keeper};
use vtpm_proxy::{confine, tpm::Tpm};
use vtpm_store::Secret;

/// What is in the index of the samples, too.
const KEPT: u64 = u64::from_be_bytes(*b"keep me!");

/// A process runs one TPM at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn pair(kind: SocketType) -> (OwnedFd, OwnedFd) {
    rustix::net::socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None).unwrap()
}

/// A TPM that is served from its directory by a confined thread.
struct Served {
    kernel: OwnedFd,
    stop: OwnedFd,
    thread: JoinHandle<End>,
}

impl Served {
    fn start(folder: &Path, line: &'static str) -> Self {
        let (kernel, server) = pair(SocketType::SEQPACKET);
        let (stop, stopped) = pair(SocketType::STREAM);
        let folder = folder.to_owned();
        let thread = thread::spawn(move || {
            let mut tpm = power_on(&folder, line).unwrap();
            confine::filter_calls(Task::Serving).unwrap();
            let endings = [Ending::at_once(stopped.as_fd(), End::Asked)];
            let end = device::serve(server.as_fd(), &endings, &mut tpm).unwrap();
            tpm.shutdown().unwrap();
            end
        });
        Self { kernel, stop, thread }
    }

    fn send(&self, command: &[u8]) -> Vec<u8> {
        rustix::net::send(&self.kernel, command, SendFlags::empty()).unwrap();
        let mut answer = vec![0; 5000];
        let (count, _) =
            rustix::net::recv(&self.kernel, &mut answer[..], RecvFlags::empty()).unwrap();
        answer.truncate(count);
        answer
    }

    /// The answer's body, after success.
    fn ask(&self, command: &[u8]) -> Vec<u8> {
        let answer = self.send(command);
        let (header, body) = Header::parse(&answer).unwrap();
        assert_eq!(header.code, 0, "{command:02x?} got {answer:02x?}");
        body.to_vec()
    }

    fn stop(self) -> End {
        rustix::io::write(&self.stop, b"!").unwrap();
        self.thread.join().unwrap()
    }
}

fn power_on(folder: &Path, line: &str) -> anyhow::Result<Tpm> {
    let (arguments, _) = vtpm_service::Arguments::parse(line.split_whitespace()).unwrap();
    let directory = state::take(folder)?;
    let (keeper, state) = Keeper::open(directory, Secret::new([7; 32]), arguments.version)?;
    Tpm::power_on(keeper, state, arguments)
}

fn set_locality(tag: Tag, locality: u8) -> Vec<u8> {
    PacketBuilder::new(tag, 0x2000_1000).u8(locality).finish()
}

#[test]
fn the_drivers_conversation_is_answered_and_the_state_is_there_again() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let tpm = Served::start(folder.path(), "tpm2");
    assert_eq!(tpm.send(&set_locality(Tag::SESSIONS, 0)), [0x80, 1, 0, 0, 0, 10, 0, 0, 0, 0]);
    assert_eq!(tpm.ask(&tpm20::get_random(16)).len(), 18);
    tpm.ask(&define_index());
    tpm.ask(&write_index(KEPT));
    assert_eq!(tpm.stop(), End::Asked);
    let again = Served::start(folder.path(), "tpm2");
    assert_eq!(index_value(&again.ask(&read_index())), KEPT);
    assert_eq!(again.stop(), End::Asked);
}

/// A directory as a format-1 program left it, with "keep me!" in the index.
fn sample(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples").join(name);
    std::fs::copy(from, folder.path().join("state")).unwrap();
    folder
}

#[test]
fn states_of_format_1_are_read() {
    let _alone = alone();
    let tpm20 = sample("state-1-tpm-2.0");
    let tpm = Served::start(tpm20.path(), "tpm2");
    assert_eq!(index_value(&tpm.ask(&read_index())), KEPT);
    assert_eq!(tpm.stop(), End::Asked);
    let tpm12 = sample("state-1-tpm-1.2");
    assert_eq!(Served::start(tpm12.path(), "").stop(), End::Asked);
}

#[test]
fn a_client_that_sends_anything_gets_a_whole_answer() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let tpm = Served::start(folder.path(), "tpm2");
    for packet in [&[][..], &[0x80], &[0xff; 10], &[0; 4096], &tpm20::get_random(16)[..11]] {
        if packet.is_empty() {
            continue;
        }
        let answer = tpm.send(packet);
        assert!(Header::parse(&answer).is_ok(), "{packet:02x?} got {answer:02x?}");
    }
    tpm.ask(&tpm20::get_random(16));
    assert_eq!(tpm.stop(), End::Asked);
}

#[test]
fn a_tpm12_answers_its_drivers_own_command_and_keeps_its_version() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let tpm = Served::start(folder.path(), "");
    assert_eq!(tpm.send(&set_locality(Tag::RQU_COMMAND, 0)), [0, 0xc4, 0, 0, 0, 10, 0, 0, 0, 0]);
    assert_eq!(tpm.stop(), End::Asked);
    let error = power_on(folder.path(), "tpm2").err().unwrap();
    assert!(error.to_string().contains("--tpm 1.2"), "{error:#}");
}

#[test]
fn serving_ends_when_the_kernel_takes_the_device_away() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let tpm = Served::start(folder.path(), "tpm2");
    drop(tpm.kernel);
    assert_eq!(tpm.thread.join().unwrap(), End::Gone);
}

#[test]
fn a_client_that_goes_without_reading_its_answer_ends_serving_in_order() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let tpm = Served::start(folder.path(), "tpm2");
    rustix::net::send(&tpm.kernel, &tpm20::get_random(16), SendFlags::empty()).unwrap();
    let mut answered = [PollFd::new(&tpm.kernel, PollFlags::IN)];
    assert_eq!(poll(&mut answered, None), Ok(1));
    drop(tpm.kernel);
    assert_eq!(tpm.thread.join().unwrap(), End::Gone);
}

#[test]
fn a_foreign_held_or_damaged_directory_is_refused_and_left_as_it_is() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::write(path.join("photo.jpg"), "x").unwrap();
    let refused = |line: &str| power_on(path, line).err().unwrap().to_string();
    assert!(refused("tpm2").contains("photo.jpg"));
    std::fs::remove_file(path.join("photo.jpg")).unwrap();
    let held = state::take(path).unwrap();
    assert!(refused("tpm2").contains("in use"));
    drop(held);
    std::fs::write(path.join("state"), "not a state").unwrap();
    assert!(refused("tpm2").contains("not a state of vtpm-proxy"));
    assert_eq!(std::fs::read(path.join("state")).unwrap(), b"not a state");
}

#[test]
fn the_wrong_key_is_named_and_nothing_is_made_over_the_state() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Served::start(folder.path(), "tpm2").stop(), End::Asked);
    let before = std::fs::read(folder.path().join("state")).unwrap();
    let directory = state::take(folder.path()).unwrap();
    let opened = Keeper::open(directory, Secret::new([8; 32]), TpmVersion::Tpm20);
    let error = opened.err().unwrap().to_string();
    assert!(error.contains("another key"), "{error}");
    assert_eq!(std::fs::read(folder.path().join("state")).unwrap(), before);
}
