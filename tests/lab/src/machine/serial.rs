//! The machine's serial ports and its control socket: QEMU connects to sockets that wait for it.

use super::Workshop;
use super::line::{Cutter, Event, Next, Port};
use anyhow::Result;
use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// Sockets that exist before QEMU does.
pub(super) struct Listeners {
    console: UnixListener,
    script: UnixListener,
    control: UnixListener,
}

impl Listeners {
    pub(super) fn bind(workshop: &Workshop) -> Result<Self> {
        let bind = |name| {
            let listener = UnixListener::bind(workshop.path(name))?;
            listener.set_nonblocking(true)?;
            io::Result::Ok(listener)
        };
        Ok(Self { console: bind("console")?, script: bind("script")?, control: bind("control")? })
    }

    /// Takes QEMU's three connections; `alive` says when to give up.
    pub(super) fn accept(self, alive: &mut dyn FnMut() -> Result<()>) -> Result<(Serial, UnixStream)> {
        let mut one = |listener: &UnixListener| loop {
            match listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false)?;
                    return anyhow::Ok(stream);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => alive()?,
                Err(error) => return Err(error.into()),
            }
            thread::sleep(Duration::from_millis(5));
        };
        let (console, script) = (one(&self.console)?, one(&self.script)?);
        let control = one(&self.control)?;
        Ok((Serial::read(console, script)?, control))
    }
}

/// Both ports, read by a thread each.
pub(crate) struct Serial {
    events: Receiver<Event>,
    script: UnixStream,
}

impl Serial {
    fn read(console: UnixStream, script: UnixStream) -> Result<Self> {
        let (sender, events) = mpsc::channel();
        let own = script.try_clone()?;
        for (port, stream) in [(Port::Console, console), (Port::Script, script)] {
            let sender = sender.clone();
            thread::spawn(move || read_lines(port, stream, &sender));
        }
        Ok(Self { events, script: own })
    }

    pub(super) fn next(&self, wait: Duration) -> Next {
        match self.events.recv_timeout(wait) {
            Ok(event) => Next::Event(event),
            Err(RecvTimeoutError::Timeout) => Next::Nothing,
            Err(RecvTimeoutError::Disconnected) => Next::End,
        }
    }

    /// A second handle to the script's port, to type into it.
    pub(crate) fn keyboard(&self) -> io::Result<impl Write + use<>> {
        self.script.try_clone()
    }
}

fn read_lines(port: Port, mut stream: UnixStream, sender: &Sender<Event>) {
    let mut cutter = Cutter::default();
    let mut bytes = [0; 65536];
    loop {
        let count = stream.read(&mut bytes).unwrap_or(0);
        let lines = match count {
            0 => cutter.rest().into_iter().collect(),
            _ => cutter.lines(&bytes[..count]),
        };
        for line in lines {
            if sender.send(Event { at: Instant::now(), port, line }).is_err() {
                return;
            }
        }
        if count == 0 {
            return;
        }
    }
}
