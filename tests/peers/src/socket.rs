//! Raw TPM packets over a Unix stream socket.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// Bytes in the header of every TPM packet: tag, size, code.
const HEADER_BYTES: usize = 10;

/// No TPM's response is longer than this in practice; one that is takes another read.
const USUAL_BYTES: usize = 4096;

/// A TPM that takes command packets on a socket and answers with response packets.
pub struct RawTpm {
    stream: UnixStream,
}

impl RawTpm {
    /// Connects as soon as somebody listens at `path`.
    ///
    /// # Errors
    /// The last error when nobody listens within `patience`.
    pub fn connect(path: &Path, patience: Duration) -> io::Result<Self> {
        let end = Instant::now() + patience;
        loop {
            match UnixStream::connect(path) {
                Ok(stream) => return Ok(Self { stream }),
                Err(error) if Instant::now() >= end => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(2)),
            }
        }
    }

    /// Sends one command and waits for its response. One write and, for a response that comes in
    /// one piece, one read: what a client costs the TPM is not what is measured here.
    ///
    /// # Errors
    /// The socket's error, `UnexpectedEof` when the TPM hung up.
    pub fn transmit(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
        self.stream.write_all(command)?;
        let mut response = vec![0; USUAL_BYTES];
        let mut got = 0;
        while got < HEADER_BYTES || got < size_of(&response) {
            if got >= HEADER_BYTES {
                response.resize(size_of(&response).max(got), 0);
            }
            match self.stream.read(&mut response[got..])? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                more => got += more,
            }
        }
        response.truncate(got);
        Ok(response)
    }
}

/// The size that a response packet's header announces.
fn size_of(packet: &[u8]) -> usize {
    let field = [packet[2], packet[3], packet[4], packet[5]];
    usize::try_from(u32::from_be_bytes(field)).unwrap_or(usize::MAX)
}
