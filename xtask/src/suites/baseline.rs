//! A program on swtpm, on this machine.

use crate::lab;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long swtpm may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// swtpm with a fresh TPM 2.0; it ends when this goes.
struct Swtpm {
    process: Child,
    port: u16,
}

impl Drop for Swtpm {
    fn drop(&mut self) {
        let _ended_already = self.process.kill();
        let _same = self.process.wait();
    }
}

/// The platform hierarchy of a TPM.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Platform {
    /// Without an authorisation, as a TPM is made.
    Open,
    /// With one that nobody knows, as a vTPM's is after each Startup unless `platform=open` says otherwise.
    Closed,
}

/// `TPM2_HierarchyChangeAuth` of the platform hierarchy, from nothing to sixteen bytes (TPM 2.0 Part 3).
const CLOSE: [u8; 45] = [
    0x80, 2, 0, 0, 0, 45, 0, 0, 1, 0x29, 0x40, 0, 0, 0x0C, 0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0,
    0, 0, 16, 0x5A, 0x5A, 0x5A, 0x5A, 0x5A, 0x5A, 0x5A, 0x5A, 0x5A, 0x5A, 0x5A, 0x5A, 0x5A, 0x5A,
    0x5A, 0x5A,
];

/// Runs the test program on a fresh swtpm, with Debian's libraries; the lines of its output that say how a case
/// ended are kept in `file`.
///
/// # Errors
/// Debian's packages cannot be fetched, swtpm does not answer.
pub(super) fn run(program: &Path, folder: &Path, platform: Platform, file: &Path) -> Result<()> {
    let libraries = lab::path("suites")?.join("usr/lib/x86_64-linux-gnu");
    let swtpm = start(&folder.join("swtpm"))?;
    if platform == Platform::Closed {
        close(swtpm.port)?;
    }
    let mut tests = Command::new(libraries.join("ld-linux-x86-64.so.2"));
    tests.arg("--library-path").arg(&libraries).arg(program).arg("--test-threads=1");
    tests.env("TEST_TCTI", format!("swtpm:host=127.0.0.1,port={}", swtpm.port));
    let done = tests.stderr(Stdio::null()).output().context("the test program")?;
    let said = String::from_utf8_lossy(&done.stdout);
    let cases = said.lines().filter(|line| line.starts_with("test ") && line.contains(" ... "));
    let cases: String = cases.map(|line| format!("{line}\n")).collect();
    fs::write(file, cases).with_context(|| file.display().to_string())
}

fn start(state: &Path) -> Result<Swtpm> {
    if state.exists() {
        fs::remove_dir_all(state)?;
    }
    fs::create_dir_all(state).with_context(|| state.display().to_string())?;
    let program = lab::path("swtpm")?;
    let port = two_free_ports()?;
    let mut swtpm = Command::new(program);
    swtpm.args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear", "--tpmstate"]);
    swtpm.arg(format!("dir={}", state.display()));
    swtpm.arg("--server").arg(format!("type=tcp,port={port}"));
    swtpm.arg("--ctrl").arg(format!("type=tcp,port={}", port + 1));
    let mut swtpm = Swtpm { process: swtpm.spawn().context("swtpm")?, port };
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port + 1)).is_err() {
        ensure!(swtpm.process.try_wait()?.is_none(), "swtpm ended at once");
        ensure!(began.elapsed() < PATIENCE, "swtpm does not answer");
        sleep(Duration::from_millis(50));
    }
    Ok(swtpm)
}

fn close(port: u16) -> Result<()> {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).context("swtpm")?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.write_all(&CLOSE)?;
    let mut header = [0; 10];
    connection.read_exact(&mut header).context("swtpm")?;
    ensure!(header[6..] == [0; 4], "the platform hierarchy cannot be closed: {header:02x?}");
    Ok(())
}

/// The lower of two neighbours: tpm2-tss takes swtpm's control channel to be beside the other.
fn two_free_ports() -> Result<u16> {
    for _ in 0..100 {
        let first = TcpListener::bind(("127.0.0.1", 0))?;
        let port = first.local_addr()?.port();
        if port.checked_add(1).is_some_and(|next| TcpListener::bind(("127.0.0.1", next)).is_ok()) {
            return Ok(port);
        }
    }
    anyhow::bail!("no two ports of this machine are free")
}
