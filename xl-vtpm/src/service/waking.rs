//! Being woken when domains come or go. By xenstore's watches, which the crate xenstore-rs has in its
//! asynchronous form only: a thread of its own waits for them. What is done then never rests on an event:
//! everything is looked at anew, and after some seconds without any event, too.

use crate::ours;
use futures::StreamExt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};
use xenstore_rs::AsyncWatch;
use xenstore_rs::tokio::XsTokio;

/// Events of xenstored: a domain was made, a domain is gone or has ended; and our own notes.
const WATCHED: [&str; 3] = ["@introduceDomain", "@releaseDomain", ours::NOTES];

/// Between two looks at whether the service is to end.
const SLICE: Duration = Duration::from_millis(500);

/// A destruction makes several events: they are one look.
const SETTLE: Duration = Duration::from_millis(100);

/// What wakes the service.
pub(super) struct Waking {
    events: Receiver<()>,
    /// Set by SIGTERM and SIGINT.
    over: Arc<AtomicBool>,
}

impl Waking {
    pub(super) fn new() -> io::Result<Self> {
        let over = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
            signal_hook::flag::register(signal, Arc::clone(&over))?;
        }
        let (tell, events) = sync_channel(1);
        std::thread::spawn(move || {
            if let Err(error) = watch(&tell) {
                println!("xenstore's watches cannot be used ({error}); looking every ten seconds");
            }
        });
        Ok(Self { events, over })
    }

    /// Whether the service is to end.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Until something happens, but no longer than `limit`.
    pub(super) fn wait(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        while !self.is_over() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            match self.events.recv_timeout(left.min(SLICE)) {
                Ok(()) => {
                    std::thread::sleep(SETTLE);
                    while self.events.try_recv().is_ok() {}
                    return;
                }
                // Without watches there is only the time.
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => {
                    std::thread::sleep(left.min(SLICE));
                }
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

fn watch(tell: &SyncSender<()>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let xenstore = XsTokio::new().await?;
        let mut all = Vec::new();
        for path in WATCHED {
            all.push(xenstore.watch(path).await?);
        }
        let mut events = futures::stream::select_all(all);
        while events.next().await.is_some() {
            // One that waits to be heard is enough.
            let _ = tell.try_send(());
        }
        Err(io::Error::from(io::ErrorKind::BrokenPipe))
    })
}
