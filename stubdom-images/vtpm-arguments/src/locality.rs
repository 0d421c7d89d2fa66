//! `locality=`: which localities a guest may claim.
//!
//! A guest writes the locality of each command itself, and localities 2 and 4 reset PCRs, so
//! without a rule every command runs at locality 0. Two forms of rules, which may be repeated:
//! `locality=0,2` for whichever guest is attached, and upstream's `locality=LABEL=0,2` for guests
//! whose XSM label is LABEL (`*suffix` for any label that ends so, `*` for every guest). No vTPM domain
//! reads labels yet, so a rule that needs one is for nobody and a notice says so.

use alloc::string::String;
use alloc::vec::Vec;
use tpm_wire::Locality;

/// What may be written after `locality=`.
pub(super) const EXPECTED: &str = "locality= with numbers 0 to 4 separated by commas, or LABEL= and such numbers, 16 times at most";

/// As many rules as upstream's image takes.
const MOST_RULES: usize = 16;

/// Some of the localities 0 to 4.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LocalitySet(u8);

impl LocalitySet {
    /// Whether `locality` is in the set.
    #[must_use]
    pub const fn contains(self, locality: Locality) -> bool {
        self.0 & (1 << locality.number()) != 0
    }

    const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn parse(list: &str) -> Option<Self> {
        list.split(',').try_fold(Self::default(), |set, number| {
            let locality = Locality::new(number.parse().ok()?)?;
            Some(set.union(Self(1 << locality.number())))
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Guests {
    All,
    LabelEndsWith(String),
    Label(String),
}

impl Guests {
    fn parse(label: &str) -> Self {
        match label.strip_prefix('*') {
            Some("") => Self::All,
            Some(suffix) => Self::LabelEndsWith(String::from(suffix)),
            None => Self::Label(String::from(label)),
        }
    }

    fn include(&self, label: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::LabelEndsWith(suffix) => label.is_some_and(|l| l.ends_with(suffix.as_str())),
            Self::Label(exact) => label == Some(exact.as_str()),
        }
    }
}

/// All `locality=` rules of a command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalityRules(Vec<(Guests, LocalitySet)>);

/// What one guest may do with localities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalityGrant {
    /// Whatever it claims counts as locality 0.
    AlwaysZero,
    /// A claim outside this set is refused.
    Only(LocalitySet),
}

impl LocalityRules {
    /// Adds the rule written after `locality=`; `None` when it has no meaning.
    pub(super) fn add(&mut self, value: &str) -> Option<()> {
        if self.0.len() >= MOST_RULES {
            return None;
        }
        let rule = match value.rsplit_once('=') {
            None => (Guests::All, LocalitySet::parse(value)?),
            Some(("", _)) => return None,
            Some((label, list)) => (Guests::parse(label), LocalitySet::parse(list)?),
        };
        self.0.push(rule);
        Some(())
    }

    /// Whether the rule added last is only for guests with some label.
    pub(super) fn last_needs_label(&self) -> bool {
        self.0.last().is_some_and(|(guests, _)| !guests.include(None))
    }

    /// What a guest with this XSM label may do; `label` is `None` where it is not known.
    /// `None` when there are rules and none is for this guest, which must then not be served.
    #[must_use]
    pub fn for_guest(&self, label: Option<&str>) -> Option<LocalityGrant> {
        if self.0.is_empty() {
            return Some(LocalityGrant::AlwaysZero);
        }
        let sets = self.0.iter().filter(|(guests, _)| guests.include(label)).map(|(_, set)| *set);
        sets.reduce(LocalitySet::union).map(LocalityGrant::Only)
    }
}

impl LocalityGrant {
    /// The locality a command runs at when the guest claims `claim`; `None` when it may not.
    #[must_use]
    pub fn decide(self, claim: u8) -> Option<Locality> {
        match self {
            Self::AlwaysZero => Some(Locality::ZERO),
            Self::Only(set) => Locality::new(claim).filter(|locality| set.contains(*locality)),
        }
    }
}
