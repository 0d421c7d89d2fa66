//! The program, with a double of the kernel's driver at the other end of its standard input: a pair of
//! sockets that keep packets whole, as the driver does.
//!
//! Source of the conversation: Linux 6.1, drivers/char/tpm: tpm_vtpm_proxy.c
//! (vtpm_proxy_request_locality), tpm2-cmd.c (tpm2_auto_startup), tpm1-cmd.c (tpm1_auto_startup).

use crate::index::{index_value, read_index};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send};
use rustix::process::Signal;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};
use tpm_wire::tpm20::{self, Capability, Property};
use tpm_wire::{Header, PacketBuilder, Tag};

/// The driver's private command.
pub(crate) const SET_LOCALITY: u32 = 0x2000_1000;

/// A folder with a key, a TPM's directory and the entries of what is served.
pub(crate) struct Place {
    root: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let place = Self { root };
        place.key("key", &[7; 32]);
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// A key file that only its owner may read.
    pub(crate) fn key(&self, name: &str, bytes: &[u8]) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::write(self.path(name), bytes).unwrap();
        std::fs::set_permissions(self.path(name), PermissionsExt::from_mode(0o600)).unwrap();
    }

    /// The program with these words behind `run`; a word `=NAME` stands for the path of NAME.
    pub(crate) fn run(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vtpm-proxy"));
        command.arg("run").env_remove("CREDENTIALS_DIRECTORY");
        command.args(words.iter().map(|word| match word.strip_prefix('=') {
            Some(name) => self.path(name).into_os_string(),
            None => (*word).into(),
        }));
        command.env("VTPM_PROXY_RUN", self.path("run")).stdin(Stdio::null());
        command
    }

    /// Serves the directory `state` under the key file `key`.
    pub(crate) fn serve(&self, more: &[&str]) -> Served {
        let words = [&["--state", "=state", "--key-file", "=key", "--stdin"], more].concat();
        Served::start(self.run(&words))
    }
}

/// A process that serves, and the driver's end of its device.
pub(crate) struct Served {
    pub(crate) process: Child,
    driver: Option<OwnedFd>,
}

impl Served {
    /// Starts it and waits until it is ready.
    pub(crate) fn start(command: Command) -> Self {
        let mut served = Self::begin(command);
        served.wait_ready();
        served
    }

    /// Starts it.
    pub(crate) fn begin(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self::begin_unheard(command)
    }

    /// Starts it with the standard output and standard error that the command has.
    pub(crate) fn begin_unheard(mut command: Command) -> Self {
        let flags = SocketFlags::CLOEXEC;
        let (driver, server) =
            rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)
                .unwrap();
        command.stdin(Stdio::from(server));
        Self { process: command.spawn().unwrap(), driver: Some(driver) }
    }

    pub(crate) fn wait_ready(&mut self) {
        let mut line = Vec::new();
        let out = self.process.stdout.as_mut().unwrap();
        let mut byte = [0];
        while out.read(&mut byte).unwrap() == 1 && byte != *b"\n" {
            line.push(byte[0]);
        }
        let line = String::from_utf8(line).unwrap();
        if !line.starts_with("ready: ") {
            let mut complaint = String::new();
            self.process.stderr.as_mut().unwrap().read_to_string(&mut complaint).unwrap();
            panic!("not ready: {line:?} {complaint}");
        }
    }

    fn driver(&self) -> &OwnedFd {
        self.driver.as_ref().unwrap()
    }

    pub(crate) fn post(&self, command: &[u8]) {
        send(self.driver(), command, SendFlags::NOSIGNAL).unwrap();
    }

    /// The answer to this packet; empty when the program ended without one.
    pub(crate) fn send(&self, command: &[u8]) -> Vec<u8> {
        self.post(command);
        let mut answer = vec![0; 5000];
        let count =
            recv(self.driver(), &mut answer[..], RecvFlags::empty()).map_or(0, |read| read.0);
        answer.truncate(count);
        answer
    }

    /// The answer's body, after success.
    pub(crate) fn ask(&self, command: &[u8]) -> Vec<u8> {
        let answer = self.send(command);
        let (header, body) = Header::parse(&answer).unwrap();
        assert_eq!(header.code, 0, "{command:02x?} got {answer:02x?}");
        body.to_vec()
    }

    /// What the index holds.
    pub(crate) fn index_value(&self) -> u64 {
        index_value(&self.ask(&read_index()))
    }

    /// TPMA_STARTUP_CLEAR.orderly: TPM2_Shutdown came before this start.
    pub(crate) fn was_orderly(&self) -> bool {
        let property = Property(0x201);
        let ask = tpm20::get_capability(Capability::TPM_PROPERTIES, property, 1);
        tpm20::property(&self.send(&ask), property).unwrap().unwrap() >> 31 == 1
    }

    /// Sends this again and again, and takes no answer, until nothing more can be sent for a second.
    pub(crate) fn flood(&self, command: &[u8]) {
        let mut last = Instant::now();
        while last.elapsed() < Duration::from_secs(1) {
            let how = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
            match send(self.driver(), command, how) {
                Ok(_) => last = Instant::now(),
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
        }
    }

    /// The client's end goes, as when the kernel takes the device away.
    pub(crate) fn hang_up(&mut self) {
        self.driver = None;
    }

    /// Asks it to stop, as `vtpm-proxy stop` does.
    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// How it ended, and what it said.
    pub(crate) fn end(mut self) -> Output {
        let status = ended(&mut self.process);
        let mut said = (Vec::new(), Vec::new());
        self.process.stdout.take().map(|mut out| out.read_to_end(&mut said.0).unwrap());
        self.process.stderr.take().map(|mut out| out.read_to_end(&mut said.1).unwrap());
        Output { status, stdout: said.0, stderr: said.1 }
    }

    /// Stops it in order.
    pub(crate) fn stop(self) {
        self.terminate();
        let output = self.end();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Within two minutes, for machines that are busy.
fn ended(process: &mut Child) -> ExitStatus {
    let end = Instant::now() + Duration::from_secs(120);
    loop {
        if let Some(status) = process.try_wait().unwrap() {
            return status;
        }
        if Instant::now() > end {
            process.kill().unwrap();
            panic!("it does not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What the driver sends before each conversation; `tag` is that of its TPM version.
pub(crate) fn set_locality(tag: Tag, locality: u8) -> Vec<u8> {
    PacketBuilder::new(tag, SET_LOCALITY).u8(locality).finish()
}

/// What a kernel asks a new TPM 2.0, in its order.
pub(crate) fn start_up_of_a_tpm20() -> Vec<Vec<u8>> {
    vec![
        set_locality(Tag::SESSIONS, 0),
        tpm20::get_capability(Capability::TPM_PROPERTIES, Property(0x12f), 1),
        tpm20::self_test(false),
        tpm20::get_capability(Capability::PCRS, Property(0), 1),
        tpm20::get_capability(Capability::TPM_PROPERTIES, Property(0x129), 1),
        // TPM_CAP_COMMANDS
        tpm20::get_capability(Capability(2), Property(0x11f), 0x80),
    ]
}

/// Nothing of what is no file, or too long to be read.
fn contents(path: &Path) -> Vec<u8> {
    let found = std::fs::symlink_metadata(path).unwrap();
    if found.is_file() && found.len() < 1 << 24 { std::fs::read(path).unwrap() } else { Vec::new() }
}

/// Every file below a folder, with its contents.
pub(crate) fn snapshot(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut all: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), contents(&path)))
        .collect();
    all.sort();
    all
}
