//! All that a domain has, in the image's hands.

use crate::boot::Mode;
use crate::clock::DomainClock;
use crate::command_line::CommandLine;
use crate::console::Console;
use crate::disk::{AttachError, Disk, DiskHost, VirtualDevice};
use crate::entropy::DomainEntropy;
use crate::events::Waiter;
use crate::heap;
use crate::hypercall;
use crate::memory_need::TooLittleMemory;
use crate::sharing::DomainSharing;
use crate::stack;
use crate::store::StoreConnection;
use core::fmt;
use core::time::Duration;
use domain_io::{Clock, PortNumber};

/// A disk of this domain.
pub type DomainDisk = Disk<DomainSharing, Waiter>;

impl DiskHost for Waiter {
    fn now(&self) -> Duration {
        DomainClock::new().now()
    }

    fn wait(&self, port: PortNumber, until: Duration) {
        Self::wait(self, &[port], Some(until));
    }

    fn pause(&self, time: Duration) {
        self.sleep(time);
    }
}

/// Figures of this domain's memory, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    total: u64,
    heap: usize,
}

impl Memory {
    /// What Xen gave to the domain.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// What was left for the heap.
    #[must_use]
    pub const fn heap(&self) -> usize {
        self.heap
    }

    /// For an image that knows its needs, in bytes of heap, and says early that they are not met.
    ///
    /// # Errors
    /// [`TooLittleMemory`] when less was left for the heap.
    pub const fn require(&self, needed: usize) -> Result<(), TooLittleMemory> {
        TooLittleMemory::check(self.heap as u64, needed as u64)
    }

    /// Heap in use now.
    #[must_use]
    pub fn used(&self) -> usize {
        heap::used()
    }

    /// Most heap ever in use.
    #[must_use]
    pub fn peak(&self) -> usize {
        heap::peak()
    }

    /// The most of heap and stack that was ever in use. Looks at the whole stack: not for a hot path.
    #[must_use]
    pub fn most_used(&self) -> MostUsed {
        MostUsed { heap: heap::peak(), stack: stack::deepest(), stack_size: stack::size() }
    }
}

/// The most that was ever in use, in bytes; shown in KiB.
#[derive(Clone, Copy, Debug)]
pub struct MostUsed {
    heap: usize,
    stack: usize,
    stack_size: usize,
}

impl fmt::Display for MostUsed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [heap, stack, size] =
            [self.heap, self.stack, self.stack_size].map(|bytes| bytes.div_ceil(1024));
        write!(out, "at most {heap} KiB of the heap and {stack} of the stack's {size} KiB")
    }
}

/// Everything the runtime gives to an image. The parts are independent: an image takes it apart and
/// hands each part to whoever needs it.
pub struct Domain {
    /// How Xen runs this domain.
    pub mode: Mode,
    /// The configuration's `extra=` line.
    pub command_line: CommandLine,
    /// Memory figures.
    pub memory: Memory,
    /// What is shown of the log.
    pub console: Console,
    /// The connection to xenstored.
    pub store: StoreConnection,
    /// Pages and event channels shared with other domains.
    pub sharing: DomainSharing,
    /// The time.
    pub clock: DomainClock,
    /// Random bytes.
    pub entropy: DomainEntropy,
    /// The ability to sleep.
    pub waiter: Waiter,
}

impl Domain {
    pub(crate) fn new(mode: Mode, line: &str, total: u64, heap: usize, store_port: u32) -> Self {
        let clock = DomainClock::new();
        Self {
            mode,
            command_line: CommandLine::parse(line),
            memory: Memory { total, heap },
            console: Console::new(),
            store: StoreConnection::new(store_port),
            sharing: DomainSharing::new(),
            clock,
            entropy: DomainEntropy::new(),
            waiter: Waiter::new(clock),
        }
    }

    /// Connects to a disk of the domain's configuration.
    ///
    /// # Errors
    /// [`AttachError`].
    pub fn attach_disk(&mut self, device: VirtualDevice) -> Result<DomainDisk, AttachError> {
        Disk::attach(&mut self.store, &mut self.sharing, self.waiter, device)
    }

    /// Version of the running Xen: major and minor number.
    #[must_use]
    pub fn xen_version(&self) -> (u16, u16) {
        hypercall::xen_version()
    }
}
