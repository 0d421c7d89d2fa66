//! Raw TPM packets over a Unix stream socket.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// Bytes in the header of every TPM packet: tag, size, code.
const HEADER_BYTES: usize = 10;

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

    /// Sends one command and waits for its response.
    ///
    /// # Errors
    /// The socket's error, `UnexpectedEof` when the TPM hung up.
    pub fn transmit(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
        self.stream.write_all(command)?;
        let mut response = vec![0; HEADER_BYTES];
        self.stream.read_exact(&mut response)?;
        let size = u32::from_be_bytes([response[2], response[3], response[4], response[5]]);
        response.resize((size as usize).max(HEADER_BYTES), 0);
        self.stream.read_exact(&mut response[HEADER_BYTES..])?;
        Ok(response)
    }
}
