//! The machine's serial ports and its control socket: QEMU connects to sockets that wait for it.

use super::Workshop;
use super::echo::Echo;
use super::line::{Cutter, Event, Next, Port};
use anyhow::Result;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// Where the script's output is shown as it arrives, prompts included.
pub(crate) type Screen = Box<dyn Write + Send>;

/// Sockets that exist before QEMU does.
pub(super) struct Listeners {
    console: UnixListener,
    script: UnixListener,
    control: UnixListener,
}

impl Listeners {
    pub(super) fn bind(workshop: &Workshop) -> Result<Self> {
        let bind = |name| {
            let path = workshop.path(name);
            let _of_an_earlier_boot = fs::remove_file(&path);
            let listener = UnixListener::bind(path)?;
            listener.set_nonblocking(true)?;
            io::Result::Ok(listener)
        };
        Ok(Self { console: bind("console")?, script: bind("script")?, control: bind("control")? })
    }

    /// Takes QEMU's three connections; `alive` says when to give up.
    pub(super) fn accept(
        self,
        screen: Option<Screen>,
        alive: &mut dyn FnMut() -> Result<()>,
    ) -> Result<(Serial, UnixStream)> {
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
        Ok((Serial::read(console, script, screen)?, control))
    }
}

/// Both ports, read by a thread each.
pub(crate) struct Serial {
    events: Receiver<Event>,
    script: UnixStream,
}

impl Serial {
    fn read(console: UnixStream, script: UnixStream, screen: Option<Screen>) -> Result<Self> {
        let (sender, events) = mpsc::channel();
        let own = script.try_clone()?;
        let both = sender.clone();
        thread::spawn(move || read_lines(Port::Console, console, &sender, None));
        thread::spawn(move || read_lines(Port::Script, script, &both, screen));
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

fn read_lines(port: Port, mut stream: UnixStream, to: &Sender<Event>, mut screen: Option<Screen>) {
    let (mut cutter, mut echo) = (Cutter::default(), Echo::default());
    let mut bytes = [0; 65536];
    loop {
        let count = stream.read(&mut bytes).unwrap_or(0);
        if let Some(screen) = &mut screen {
            let shown = echo.shown(&bytes[..count]);
            let _nobody_looks = screen.write_all(&shown).and_then(|()| screen.flush());
        }
        let lines = match count {
            0 => cutter.rest().into_iter().collect(),
            _ => cutter.lines(&bytes[..count]),
        };
        for line in lines {
            if to.send(Event { at: Instant::now(), port, line }).is_err() {
                return;
            }
        }
        if count == 0 {
            return;
        }
    }
}
