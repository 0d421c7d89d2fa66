//! What is wrong with what a run is given: one sentence each, and nothing on disk changes.

use crate::double::{Place, Served, snapshot};
use crate::index::define_index;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use vtpm_engine::{TpmState, TpmVersion};
use vtpm_proxy::state;
use vtpm_store::Secret;

/// Changes what a stopped TPM left in `state`.
type Spoil = fn(&Place);

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn cut(path: &Path, length: usize) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..length.min(bytes.len())]).unwrap();
}

const KEY: [&str; 2] = ["--key-file", "=key"];

/// What is wrong, how, the words that name the key or more, and what the sentence says.
const TABLE: &[(&str, Spoil, &[&str], &str)] = &[
    (
        "a foreign file",
        |p| fs::write(p.path("state/photo.jpg"), "x").unwrap(),
        &KEY,
        "photo.jpg, which is not a TPM's",
    ),
    (
        "a foreign state",
        |p| fs::write(p.path("state/state"), "a diary").unwrap(),
        &KEY,
        "not a state of vtpm-proxy",
    ),
    ("an emptied state", |p| cut(&p.path("state/state"), 0), &KEY, "not a state of vtpm-proxy"),
    (
        "a state cut in its header",
        |p| cut(&p.path("state/state"), 60),
        &KEY,
        "damaged; put a backup",
    ),
    ("a state cut at its end", |p| cut(&p.path("state/state"), 400), &KEY, "damaged; put a backup"),
    ("a changed byte", |p| flip(&p.path("state/state"), 300), &KEY, "damaged; put a backup"),
    ("a changed generation", |p| flip(&p.path("state/state"), 39), &KEY, "damaged; put a backup"),
    ("a later format", |p| flip(&p.path("state/state"), 8), &KEY, "use a newer vtpm-proxy"),
    ("the other TPM", |_| (), &["--key-file", "=key", "--tpm", "1.2"], "serve it with --tpm 2.0"),
    ("another key", |p| p.key("key", &[8; 32]), &KEY, "encrypted under another key; give the key"),
    (
        "no key",
        |p| fs::remove_file(p.path("key")).unwrap(),
        &KEY,
        "make one with: (umask 077; head -c 32",
    ),
    (
        "a named pipe as key",
        |p| pipe(&p.path("key")),
        &KEY,
        "key is no file: name one with 32 bytes",
    ),
    (
        "a state that is a link to nowhere, such as to what is not mounted",
        |p| link(&p.path("state/state")),
        &KEY,
        "state/state: it is a link, which a save would replace",
    ),
    ("a named pipe as state", |p| pipe(&p.path("state/state")), &KEY, "state/state: it is no file"),
    (
        "a state longer than any",
        |p| fs::File::create(p.path("state/state")).unwrap().set_len(1 << 40).unwrap(),
        &KEY,
        "longer than any TPM's state",
    ),
    ("a short key", |p| p.key("key", &[7; 31]), &KEY, "must hold 32 bytes"),
    ("a key that others may read", world_readable, &KEY, "chmod 600"),
    ("no credentials", |_| (), &["--credential", "key"], "systemd unit with LoadCredential"),
    (
        "a credential of another folder",
        |_| (),
        &["--credential", "../key"],
        "cannot be a credential's name",
    ),
    (
        "no TPM of the host's",
        |p| fs::write(p.path("state/sealed-key"), b"vTPMskey\0\x01\0\0\0\0\0\x02blob").unwrap(),
        &["--host-tpm", "=nothing"],
        "cannot open the host's TPM",
    ),
    (
        "a file in place of the host's TPM",
        |p| fs::write(p.path("state/sealed-key"), b"vTPMskey\0\x01\0\0\0\0\0\x02blob").unwrap(),
        &["--host-tpm", "=key"],
        "key is no TPM device: name a TPM 2.0's /dev/tpmrmN",
    ),
    (
        "a sealed key of a later format",
        |p| fs::write(p.path("state/sealed-key"), b"vTPMskey\0\x02\0\0more").unwrap(),
        &["--host-tpm", "/dev/null"],
        "has format 2, and this program knows up to 1",
    ),
    (
        "a state whose sealed key is gone",
        |_| (),
        &["--host-tpm", "/dev/null"],
        "is gone, without which the state",
    ),
    (
        "a sealed key of something else",
        |p| fs::write(p.path("state/sealed-key"), "x").unwrap(),
        &["--host-tpm", "/dev/null"],
        "is not a sealed key",
    ),
    ("an unknown bank", |_| (), &["--key-file", "=key", "--banks", "md5"], "md5"),
    ("a name with a slash", |_| (), &["--key-file", "=key", "--name", "a/b"], "cannot be a name"),
    (
        "a standard input that is no device",
        |_| (),
        &["--key-file", "=key", "--stdin"],
        "leave --stdin out",
    ),
];

/// A named pipe in place of a file: who opens it to read waits for somebody who writes.
fn pipe(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    fs::remove_file(path).unwrap();
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

/// A link that leads nowhere in place of a file.
fn link(path: &Path) {
    fs::remove_file(path).unwrap();
    std::os::unix::fs::symlink("/mnt/absent/state", path).unwrap();
}

fn world_readable(place: &Place) {
    fs::set_permissions(place.path("key"), Permissions::from_mode(0o644)).unwrap();
}

/// Authentic, under the right key, but nothing that libtpms wrote.
fn engine_refuses(place: &Place) {
    fs::remove_file(place.path("state/state")).unwrap();
    let directory = state::take(&place.path("state")).unwrap();
    let lock = directory.folder().try_clone().unwrap();
    let (mut keeper, _) =
        state::Keeper::open(directory, Secret::new([7; 32]), TpmVersion::Tpm20).unwrap();
    keeper.save(TpmState { permanent: b"no TPM's".to_vec(), saved: None }).unwrap();
    // A program that another test is about to start has this lock, too, until it has closed what it inherits.
    lock.unlock().unwrap();
}

/// The one sentence of a run that must not get as far as serving.
fn refused(mut command: Command) -> String {
    sentence(command.output().unwrap())
}

fn sentence(output: Output) -> String {
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    // The engine's library adds what it saw in a state that it refuses.
    let ours: Vec<_> = said.lines().filter(|line| !line.starts_with("libtpms/")).collect();
    let [line] = ours[..] else { panic!("{said:?}") };
    assert!(output.stdout.is_empty());
    line.strip_prefix("vtpm-proxy: ").unwrap_or_else(|| panic!("{said:?}")).to_owned()
}

#[test]
fn whatever_is_wrong_is_one_sentence_and_the_directory_stays_as_it_is() {
    for (wrong, spoil, words, says) in TABLE {
        let place = Place::new();
        let served = place.serve(&[]);
        served.ask(&define_index());
        served.stop();
        spoil(&place);
        let before = snapshot(&place.path("state"));
        let words = [&["--state", "=state"], *words].concat();
        let sentence = refused(place.run(&words));
        assert!(sentence.contains(says), "{wrong}: {sentence}");
        assert!(snapshot(&place.path("state")) == before, "{wrong}: the directory changed");
        println!("{wrong}: {sentence}");
    }
}

#[test]
fn a_state_that_the_engine_refuses_is_said_so_and_stays_as_it_is() {
    let place = Place::new();
    place.serve(&[]).stop();
    engine_refuses(&place);
    let before = snapshot(&place.path("state"));
    let words = ["--state", "=state", "--key-file", "=key", "--stdin"];
    let sentence = sentence(Served::begin(place.run(&words)).end());
    assert!(
        sentence.contains("the TPM does not start: the saved state does not fit"),
        "{sentence}"
    );
    assert!(snapshot(&place.path("state")) == before, "the directory changed");
}

#[test]
fn a_directory_or_a_name_that_another_process_holds_is_refused_and_it_goes_on() {
    let place = Place::new();
    let served = place.serve(&["--name", "web"]);
    let words = ["--state", "=state", "--key-file", "=key", "--name", "twin"];
    assert!(refused(place.run(&words)).contains("in use by another program"));
    let words = ["--state", "=other", "--key-file", "=key", "--name", "web"];
    assert!(refused(place.run(&words)).contains("already being served"));
    served.ask(&define_index());
    served.stop();
}

#[test]
fn a_standard_input_that_does_not_keep_packets_whole_is_refused() {
    let place = Place::new();
    let (_client, server) = std::os::unix::net::UnixStream::pair().unwrap();
    let mut command = place.run(&["--state", "=state", "--key-file", "=key", "--stdin"]);
    command.stdin(Stdio::from(std::os::fd::OwnedFd::from(server)));
    assert!(refused(command).contains("leave --stdin out"));
    assert!(!place.path("state").exists());
}

#[test]
fn a_directory_that_is_a_file_is_refused() {
    let place = Place::new();
    fs::write(place.path("state"), "a diary").unwrap();
    let sentence = refused(place.run(&["--state", "=state", "--key-file", "=key"]));
    assert!(sentence.contains("cannot make"), "{sentence}");
    assert_eq!(fs::read(place.path("state")).unwrap(), b"a diary");
}

/// Root may write everywhere by a capability, and has none while it serves: its first save would be its last act.
#[test]
fn a_directory_that_serving_could_not_write_in_is_refused() {
    let place = Place::new();
    fs::create_dir(place.path("state")).unwrap();
    let mode =
        |mode| fs::set_permissions(place.path("state"), Permissions::from_mode(mode)).unwrap();
    mode(0o500);
    let words = ["--state", "=state", "--key-file", "=key", "--stdin"];
    let said = sentence(Served::begin(place.run(&words)).end());
    let advice =
        format!("give it to that user with chown {} ", rustix::process::geteuid().as_raw());
    assert!(said.contains(&advice), "{said}");
    assert_eq!(snapshot(&place.path("state")), []);
    mode(0o700);
    place.serve(&[]).stop();
}

#[test]
fn a_credential_of_its_unit_is_a_key() {
    let place = Place::new();
    place.serve(&[]).stop();
    fs::create_dir(place.path("credentials")).unwrap();
    let run = |contents: &[u8]| {
        fs::write(place.path("credentials/tpm"), contents).unwrap();
        let mut run = place.run(&["--state", "=state", "--credential", "tpm", "--stdin"]);
        run.env("CREDENTIALS_DIRECTORY", place.path("credentials"));
        run
    };
    Served::start(run(&[7; 32])).stop();
    Served::start(run(format!("{}\n", "07".repeat(32)).as_bytes())).stop();
    assert!(refused(run(&[8; 32])).contains("another key"));
    let mut missing = place.run(&["--state", "=state", "--credential", "other"]);
    missing.env("CREDENTIALS_DIRECTORY", place.path("credentials"));
    assert!(refused(missing).contains("cannot open the credential"));
}
