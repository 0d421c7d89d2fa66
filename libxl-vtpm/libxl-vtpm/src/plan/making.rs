//! Working out the steps.

use super::Plan;
use super::step::{Role, Step};
use crate::line::VtpmLine;
use std::fmt;
use std::path::PathBuf;

/// What is known of a manager or a vTPM domain, from its configuration and from the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StubDomain {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Its configuration.
    pub file: PathBuf,
    /// It is there already.
    pub running: bool,
    /// Its disk images that are not there yet.
    pub missing_images: Vec<MissingImage>,
    /// The name of its manager, if it has one.
    pub manager: Option<String>,
}

/// A disk image that is not there yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingImage {
    /// Where it is to be.
    pub path: PathBuf,
    /// It is to have all its space from the start; else it is to be sparse.
    pub allocated: bool,
}

/// What is known of a guest that is to be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestStart {
    /// Its name.
    pub name: String,
    /// Its configuration.
    pub file: PathBuf,
    /// Its vTPMs.
    pub vtpms: Vec<VtpmLine>,
    /// The file's text for stock xl, where that differs.
    pub for_xl: Option<String>,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotPlanned {
    /// No configuration is known for a domain that something needs.
    Unknown {
        /// What needs it.
        who: String,
        /// The domain.
        needs: String,
        /// What it would be.
        role: Role,
    },
    /// Domains need each other in a circle.
    Circle(String),
}

impl fmt::Display for NotPlanned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { who, needs, role } => write!(
                f,
                "{who} needs the {role} \"{needs}\", which does not run and has no configuration; \
                 write one with xl-vtpm new GUEST --guest-config FILE, or name its file with --config FILE"
            ),
            Self::Circle(name) => {
                write!(f, "\"{name}\" needs itself; correct backend= in its file")
            }
        }
    }
}

impl std::error::Error for NotPlanned {}

impl Plan {
    /// The steps that start a guest with its vTPMs and their manager, as far as they do not run.
    /// Each wait is at most `seconds` long.
    ///
    /// # Errors
    /// Something is needed that `known` does not hold.
    pub fn guest(
        guest: &GuestStart,
        known: &[StubDomain],
        seconds: u64,
    ) -> Result<Self, NotPlanned> {
        let vtpms = guest.vtpms.iter().map(|vtpm| vtpm.backend.as_str());
        let mut plan = Self::vtpms(&guest.name, vtpms, known, seconds)?;
        plan.steps.push(Step::StartGuest {
            name: guest.name.clone(),
            file: guest.file.clone(),
            for_xl: guest.for_xl.clone(),
        });
        Ok(plan)
    }

    /// The steps that start these vTPMs of a guest, and what they need.
    ///
    /// # Errors
    /// As [`Plan::guest`].
    pub fn vtpms<'n>(
        guest: &str,
        names: impl IntoIterator<Item = &'n str>,
        known: &[StubDomain],
        seconds: u64,
    ) -> Result<Self, NotPlanned> {
        let mut making = Making { known, seconds, steps: Vec::new(), done: Vec::new() };
        for name in names {
            making.domain(guest, name, Role::Vtpm)?;
        }
        Ok(Self { steps: making.steps })
    }

    /// The steps that start one manager or vTPM domain, and what it needs.
    ///
    /// # Errors
    /// As [`Plan::guest`].
    pub fn domain(
        name: &str,
        role: Role,
        known: &[StubDomain],
        seconds: u64,
    ) -> Result<Self, NotPlanned> {
        let mut making = Making { known, seconds, steps: Vec::new(), done: Vec::new() };
        making.domain("this host", name, role)?;
        Ok(Self { steps: making.steps })
    }
}

struct Making<'k> {
    known: &'k [StubDomain],
    seconds: u64,
    steps: Vec<Step>,
    /// Names that need nothing more, or are being worked out.
    done: Vec<String>,
}

impl Making<'_> {
    fn domain(&mut self, who: &str, name: &str, role: Role) -> Result<(), NotPlanned> {
        if self.done.iter().any(|done| done == name) {
            return Ok(());
        }
        let known = self.known;
        let found = known.iter().find(|domain| domain.name == name);
        let domain = found.ok_or_else(|| NotPlanned::Unknown {
            who: who.to_owned(),
            needs: name.to_owned(),
            role,
        })?;
        self.done.push(name.to_owned());
        if !domain.running {
            if let Some(manager) = &domain.manager {
                if manager == name {
                    return Err(NotPlanned::Circle(name.to_owned()));
                }
                self.domain(name, manager, Role::Manager)?;
            }
            self.start(domain);
        }
        // One that runs may still be starting.
        self.steps.push(Step::AwaitReady { name: name.to_owned(), role, seconds: self.seconds });
        Ok(())
    }

    fn start(&mut self, domain: &StubDomain) {
        let mib = domain.role.image_mib();
        let images = domain.missing_images.iter();
        self.steps.extend(images.map(|MissingImage { path, allocated }| Step::MakeImage {
            path: path.clone(),
            mib,
            allocated: *allocated,
            domain: domain.name.clone(),
        }));
        self.steps.push(Step::StartDomain {
            name: domain.name.clone(),
            role: domain.role,
            file: domain.file.clone(),
        });
    }
}
