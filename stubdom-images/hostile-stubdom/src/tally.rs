//! What an attack consisted of.

use core::fmt;

/// What a hostile guest does, one kind at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Publishes a fresh page and port as a well-behaved frontend does, and waits for the backend.
    Open,
    /// Sends a command in order and waits a while for its answer.
    Command,
    /// Sends a command and overwrites header and packet again and again while it is executed.
    Race,
    /// Sends bytes that are no command, or lies about their length.
    Packet,
    /// Overwrites one field of the page's header.
    Header,
    /// Announces extra pages, which move the packet's place in the page.
    Extra,
    /// Sends events without any reason.
    Flood,
    /// Flips its state through nonsense, or closes and opens without a pause.
    Storm,
    /// Takes its grant back while the backend uses the page.
    Revoke,
    /// Publishes a page that is not the backend's to map.
    WrongPage,
    /// Publishes a port that is not the backend's to bind.
    WrongPort,
    /// Writes nonsense into one of its nodes, or removes it.
    Node,
    /// Writes another domain's paths and numbers into its nodes.
    Path,
    /// Reads, writes, removes, maps or binds what belongs to somebody else.
    Reach,
}

impl Kind {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 14] = [
        Self::Open,
        Self::Command,
        Self::Race,
        Self::Packet,
        Self::Header,
        Self::Extra,
        Self::Flood,
        Self::Storm,
        Self::Revoke,
        Self::WrongPage,
        Self::WrongPort,
        Self::Node,
        Self::Path,
        Self::Reach,
    ];

    /// One word for a report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Command => "command",
            Self::Race => "race",
            Self::Packet => "packet",
            Self::Header => "header",
            Self::Extra => "extra",
            Self::Flood => "flood",
            Self::Storm => "storm",
            Self::Revoke => "revoke",
            Self::WrongPage => "wrong-page",
            Self::WrongPort => "wrong-port",
            Self::Node => "node",
            Self::Path => "path",
            Self::Reach => "reach",
        }
    }
}

/// How often each kind of thing was done, and what came of it. Shown as one line of words
/// `name=count`.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    done: [u32; Kind::ALL.len()],
    /// How often the backend connected.
    pub connected: u32,
    /// Commands that were answered.
    pub answers: u32,
    /// Events that were sent.
    pub events: u32,
    /// Things of others that could be read, written, mapped or bound: there must be none.
    pub breaches: u32,
}

impl Tally {
    pub(crate) fn count(&mut self, kind: Kind) {
        self.done[kind as usize] += 1;
    }

    /// How often this kind of thing was done.
    #[must_use]
    pub const fn of(&self, kind: Kind) -> u32 {
        self.done[kind as usize]
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for kind in Kind::ALL {
            write!(f, "{}={} ", kind.name(), self.of(kind))?;
        }
        let Self { connected, answers, events, breaches, .. } = self;
        write!(f, "connected={connected} answers={answers} events={events} breaches={breaches}")
    }
}
