//! Starts the program, talks to it, stops it.
#![allow(dead_code, reason = "each test program uses its own part")]

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Nothing here takes longer on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `vtpm-engine serve` in a directory of its own.
pub(crate) struct Program {
    folder: tempfile::TempDir,
    tpm: String,
    child: Child,
}

impl Program {
    /// With a new TPM.
    pub(crate) fn start(tpm: &str, more: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), tpm, more)
    }

    /// With a copy of a state file.
    pub(crate) fn start_on(tpm: &str, state: &Path, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("state")).unwrap();
        std::fs::copy(state, folder.path().join("state/state")).unwrap();
        Self::start_in(folder, tpm, more)
    }

    fn start_in(folder: tempfile::TempDir, tpm: &str, more: &[&str]) -> Self {
        let child = spawn(tpm, &folder.path().join("state"), &folder.path().join("socket"), more);
        let program = Self { folder, tpm: tpm.to_owned(), child };
        program.connect();
        program
    }

    /// Starts again in the same directory after `stop` or `kill`.
    pub(crate) fn restart(&mut self, more: &[&str]) {
        self.child = spawn(&self.tpm, &self.state(), &self.socket(), more);
        self.connect();
    }

    /// What the program says when it must not start.
    pub(crate) fn refused(tpm: &str, state: &Path, socket: &Path, more: &[&str]) -> String {
        let child = spawn(tpm, state, socket, more);
        let output = child.wait_with_output().unwrap();
        assert!(!output.status.success(), "it should not have started");
        String::from_utf8(output.stderr).unwrap()
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Connects, and waits for the program to come up first.
    pub(crate) fn connect(&self) -> Connection {
        let start = Instant::now();
        loop {
            match UnixStream::connect(self.socket()) {
                Ok(stream) => return Connection::new(stream),
                Err(error) => assert!(start.elapsed() < PATIENCE, "no answer: {error}"),
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// SIGTERM, and the exit status.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").arg(id).status().unwrap().success());
        self.child.wait().unwrap()
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already, which is fine here.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

fn spawn(tpm: &str, state: &Path, socket: &Path, more: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_vtpm-engine"))
        .args(["serve", "--tpm", tpm, "--state"])
        .arg(state)
        .arg("--socket")
        .arg(socket)
        .args(more)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// One client.
pub(crate) struct Connection(UnixStream);

impl Connection {
    pub(crate) fn new(stream: UnixStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        assert!(self.try_send(bytes), "the program is gone");
    }

    /// `false` when the program is gone.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).is_ok()
    }

    /// Sends copies until the socket takes no more.
    pub(crate) fn send_until_blocked(&mut self, bytes: &[u8]) {
        self.0.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
        while self.try_send(bytes) {}
    }

    /// One whole response, or nothing when the program is gone.
    pub(crate) fn try_receive(&mut self) -> std::io::Result<Vec<u8>> {
        let mut response = vec![0; 10];
        self.0.read_exact(&mut response)?;
        let size = u32::from_be_bytes(response[2..6].try_into().unwrap());
        response.resize(usize::try_from(size).unwrap(), 0);
        self.0.read_exact(&mut response[10..])?;
        Ok(response)
    }

    pub(crate) fn receive(&mut self) -> Vec<u8> {
        self.try_receive().expect("a response")
    }

    pub(crate) fn read_to_end(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        self.0.read_to_end(&mut all).unwrap();
        all
    }

    pub(crate) fn ask(&mut self, command: &[u8]) -> Vec<u8> {
        self.send(command);
        self.receive()
    }
}

/// Startup(CLEAR).
pub(crate) fn startup(tpm: &str) -> Vec<u8> {
    match tpm {
        "1.2" => vec![0, 0xc1, 0, 0, 0, 12, 0, 0, 0, 0x99, 0, 1],
        _ => vec![0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x44, 0, 0],
    }
}

/// 16 random bytes.
pub(crate) fn get_random(tpm: &str) -> Vec<u8> {
    match tpm {
        "1.2" => vec![0, 0xc1, 0, 0, 0, 14, 0, 0, 0, 0x46, 0, 0, 0, 16],
        _ => vec![0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7b, 0, 16],
    }
}

/// Bytes from hex with spaces.
pub(crate) fn bytes(hex: &str) -> Vec<u8> {
    let digits: String = hex.split_whitespace().collect();
    let pair = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(pair).collect()
}
