//! QEMU's TPM devices, whose registers are read and written from outside: the machine around them
//! never runs (QEMU docs/devel/testing/qtest.rst).

use crate::{Family, Missing, find, swtpm};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// For each program to open its socket, and for each answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A kind of TPM device, its registers at physical address `0xfed40000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TpmDevice {
    /// FIFO registers.
    Tis,
    /// Command and response buffers, TPM 2.0 only.
    Crb,
}

/// A process that ends with its owner.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A TPM device of QEMU with swtpm behind it. Dropping it ends both.
pub struct QemuTpm {
    line: BufReader<UnixStream>,
    _qemu: Ended,
    _swtpm: Ended,
    _folder: tempfile::TempDir,
}

impl QemuTpm {
    /// Starts a machine with one blank TPM.
    ///
    /// # Errors
    /// [`Missing`] when QEMU or swtpm is not here or does not start.
    pub fn start(device: TpmDevice, family: Family) -> Result<Self, Missing> {
        let (qemu, swtpm) = (find::program("qemu-system-x86_64", "VTPM_QEMU")?, swtpm::find()?);
        let folder =
            tempfile::tempdir().map_err(|e| Missing(format!("no temporary folder: {e}")))?;
        let (control, line) = (folder.path().join("control"), folder.path().join("line"));
        let mut words = vec!["socket".into(), "--tpmstate".into()];
        words.push(format!("dir={}", folder.path().display()));
        words.extend(["--ctrl".into(), format!("type=unixio,path={}", control.display())]);
        if family == Family::Tpm20 {
            words.push("--tpm2".into());
        }
        let swtpm = spawn(&swtpm, &words)?;
        wait_for(&control)?;
        let qemu = spawn(&qemu, &machine(device, &control, &line))?;
        let stream = connect(&line)?;
        let unusable = |e: io::Error| Missing(format!("QEMU's socket cannot be used: {e}"));
        stream.set_read_timeout(Some(PATIENCE)).map_err(unusable)?;
        let line = BufReader::new(stream);
        Ok(Self { line, _qemu: qemu, _swtpm: swtpm, _folder: folder })
    }

    /// One access of 1 or 4 bytes.
    ///
    /// # Errors
    /// The socket's error, or `InvalidData` when QEMU refuses.
    pub fn read(&mut self, address: u64, bytes: u8) -> io::Result<u32> {
        let answer = self.ask(&format!("read{} {address:#x}", width(bytes)))?;
        let number = answer.trim().strip_prefix("0x").unwrap_or_default();
        let value = u64::from_str_radix(number, 16).ok().and_then(|n| u32::try_from(n).ok());
        value.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, answer))
    }

    /// One access of 1 or 4 bytes.
    ///
    /// # Errors
    /// The socket's error, or `InvalidData` when QEMU refuses.
    pub fn write(&mut self, address: u64, bytes: u8, value: u32) -> io::Result<()> {
        self.ask(&format!("write{} {address:#x} {value:#x}", width(bytes))).map(|_| ())
    }

    fn ask(&mut self, question: &str) -> io::Result<String> {
        writeln!(self.line.get_mut(), "{question}")?;
        let mut answer = String::new();
        self.line.read_line(&mut answer)?;
        let text = answer.strip_prefix("OK").map(str::to_owned);
        text.ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, format!("{question}: {answer}"))
        })
    }
}

fn width(bytes: u8) -> char {
    if bytes == 1 { 'b' } else { 'l' }
}

fn machine(device: TpmDevice, control: &Path, line: &Path) -> Vec<String> {
    let device = match device {
        TpmDevice::Tis => "tpm-tis",
        TpmDevice::Crb => "tpm-crb",
    };
    let line = format!("unix:{},server=on,wait=off", line.display());
    let control = format!("socket,id=control,path={}", control.display());
    let device = format!("{device},tpmdev=tpm");
    let words = [
        "-machine",
        "q35",
        "-accel",
        "tcg",
        "-S",
        "-nodefaults",
        "-display",
        "none",
        "-qtest",
        &line,
        "-chardev",
        &control,
        "-tpmdev",
        "emulator,id=tpm,chardev=control",
        "-device",
        &device,
    ];
    words.map(String::from).to_vec()
}

fn spawn(program: &Path, words: &[String]) -> Result<Ended, Missing> {
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn();
    child.map(Ended).map_err(|e| Missing(format!("{} does not start: {e}", program.display())))
}

fn wait_for(socket: &Path) -> Result<(), Missing> {
    let end = Instant::now() + PATIENCE;
    while !socket.exists() {
        if Instant::now() >= end {
            return Err(Missing(format!("nobody opened {}", socket.display())));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

fn connect(socket: &Path) -> Result<UnixStream, Missing> {
    let end = Instant::now() + PATIENCE;
    loop {
        match UnixStream::connect(socket) {
            Ok(stream) => return Ok(stream),
            Err(e) if Instant::now() >= end => {
                return Err(Missing(format!("QEMU does not accept a connection: {e}")));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}
