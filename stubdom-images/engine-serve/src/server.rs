//! The socket: several clients, one command at a time.

use crate::client::{self, Client, Input};
use crate::tpm::Tpm;
use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, poll};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// More clients than this wait in the socket's queue.
const MOST_CLIENTS: usize = 64;

/// A listening socket and its clients.
pub(crate) struct Server {
    listener: UnixListener,
    path: PathBuf,
    /// Becomes readable at SIGTERM or SIGINT.
    stop: UnixStream,
    clients: Vec<Client>,
}

impl Server {
    /// Listens. A socket that nobody answers any more is replaced.
    ///
    /// # Errors
    /// When somebody else serves there, or the socket cannot be made.
    pub(crate) fn listen(path: &Path) -> Result<Self> {
        let (stop, raised) = UnixStream::pair().context("cannot make a socket pair")?;
        for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
            let raised = raised.try_clone().context("cannot make a socket pair")?;
            signal_hook::low_level::pipe::register(signal, raised)
                .context("cannot take over SIGTERM")?;
        }
        let shown = path.display();
        match UnixStream::connect(path).map_err(|error| (error.kind(), error)) {
            Ok(_) => {
                bail!("{shown} is already being served: stop that program, or name another socket")
            }
            // Nobody is there any more, or nothing.
            Err((ErrorKind::ConnectionRefused | ErrorKind::NotFound, _)) => {}
            // Such as one of another kind, or of another user.
            Err((_, error)) => bail!("{shown} cannot be taken: {error}; name another socket"),
        }
        match fs::symlink_metadata(path) {
            Ok(found) if std::os::unix::fs::FileTypeExt::is_socket(&found.file_type()) => {
                fs::remove_file(path).with_context(|| format!("cannot replace {shown}"))?;
            }
            Ok(_) => bail!("{shown} exists and is no socket: name another path"),
            Err(_) => {}
        }
        let listener =
            UnixListener::bind(path).with_context(|| format!("cannot listen on {shown}"))?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener, path: path.to_path_buf(), stop, clients: Vec::new() })
    }

    /// Serves until a signal says stop.
    ///
    /// # Errors
    /// When the engine or the state's disk fails.
    pub(crate) fn run(&mut self, tpm: &mut Tpm) -> Result<()> {
        loop {
            let ready = self.wait()?;
            if ready.stop {
                return Ok(());
            }
            let mut going = ready.clients.into_iter();
            let mut failure = None;
            self.clients.retain_mut(|client| match going.next() {
                Some(true) if failure.is_none() => serve(client, tpm).unwrap_or_else(|error| {
                    failure = Some(error);
                    false
                }),
                _ => true,
            });
            if let Some(error) = failure {
                return Err(error);
            }
            if ready.listener {
                self.accept();
            }
        }
    }

    fn wait(&self) -> Result<Ready> {
        let mut fds = vec![
            PollFd::new(&self.stop, PollFlags::IN),
            PollFd::new(&self.listener, self.wanted_of_listener()),
        ];
        for client in &self.clients {
            let wanted = if client.has_output() { PollFlags::OUT } else { PollFlags::IN };
            fds.push(PollFd::from_borrowed_fd(client.fd(), wanted));
        }
        loop {
            match poll(&mut fds, None) {
                Ok(_) => break,
                Err(rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(errno).context("cannot wait for clients"),
            }
        }
        let mut ready = fds.iter().map(|fd| !fd.revents().is_empty());
        let stop = ready.next().unwrap_or(false);
        let listener = ready.next().unwrap_or(false);
        Ok(Ready { stop, listener, clients: ready.collect() })
    }

    fn wanted_of_listener(&self) -> PollFlags {
        if self.clients.len() < MOST_CLIENTS { PollFlags::IN } else { PollFlags::empty() }
    }

    fn accept(&mut self) {
        match self.listener.accept().and_then(|(stream, _)| Client::new(stream)) {
            Ok(client) => self.clients.push(client),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => log::warn!("a client could not be taken: {error}"),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The socket may already be gone; then there is nothing to clean up.
        let _gone = fs::remove_file(&self.path);
    }
}

/// What has something to do.
struct Ready {
    stop: bool,
    listener: bool,
    clients: Vec<bool>,
}

/// Moves one client on by at most one read and the commands in it. `false` when it is done with.
///
/// # Errors
/// When the engine or the state's disk fails.
fn serve(client: &mut Client, tpm: &mut Tpm) -> Result<bool> {
    let going = if client.has_output() { client.send() } else { client.receive() };
    if !going {
        return Ok(false);
    }
    while !client.has_output() {
        let going = match client.next() {
            Input::Incomplete => return Ok(true),
            Input::Command(command) => client.answer(&tpm.execute(&command)?),
            Input::Unusable(tag) => client.answer_and_close(&client::bad_size(tag)),
        };
        if !going {
            return Ok(false);
        }
    }
    Ok(true)
}
