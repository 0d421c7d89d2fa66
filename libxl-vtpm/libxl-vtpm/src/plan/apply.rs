//! Taking the steps, and taking them back.

use super::Plan;
use super::step::{Role, Step, Undo};
use super::toolstack::{
    Done, Halt, NotStarted, Problem, Readiness, Removed, Stopped, Toolstack, unlocking,
};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Between two looks at a domain that is to become ready.
const LOOK: Duration = Duration::from_millis(100);

/// A step failed, and what became of those before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which.
    pub step: Step,
    /// Why.
    pub problem: Problem,
    /// The manager that waits for its recovery key, which it can take only while it runs: it is left
    /// alone.
    pub locked: Option<String>,
    /// Domains that were started when there was no time left, which are left to become ready.
    pub late: Vec<String>,
    /// What was taken back, in this order.
    pub undone: Vec<Undo>,
    /// The managers that were started for it, and ended again.
    pub managers_ended: Vec<String>,
    /// What could not be taken back, and why.
    pub left: Vec<(Undo, Problem)>,
    /// Domains that stay because others use them by now, and who does.
    pub in_use: Vec<(String, String)>,
    /// Disk images that stay because a domain has used them: they may hold a TPM's state.
    pub kept: Vec<PathBuf>,
}

/// One sentence, and on further lines what Xen's tools said besides.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "could not {}: {}", self.step, self.problem)?;
        for (undo, problem) in &self.left {
            write!(f, "; could not {undo} either ({problem}): do that by hand")?;
        }
        for (name, user) in &self.in_use {
            write!(f, "; {name} stays, since {user} uses it by now")?;
        }
        let ended = self.ended();
        if !ended.is_empty() {
            let (which, were) = if ended.len() == 1 { ("was", "was") } else { ("were", "were") };
            let ended = ended.join(" and ");
            write!(f, "; {ended}, which {which} started for it, {were} ended again")?;
        }
        // What a vTPM refuses is put right by commands to its manager.
        if matches!(self.step, Step::AwaitReady { role: Role::Vtpm, .. })
            && !self.managers_ended.is_empty()
        {
            let managers = self.managers_ended.join(", xl-vtpm manager start ");
            write!(f, " (before any vtpmmgr-ctl comes: xl-vtpm manager start {managers})")?;
        }
        for path in &self.kept {
            write!(f, "; {} stays, since a TPM's state may be on it", path.display())?;
        }
        if let Some(manager) = &self.locked {
            write!(
                f,
                "; {manager} waits for the recovery key and is left as it is; bring the key ({}), and type \
                 this command again",
                unlocking(manager)
            )?;
        } else if let [name] = &self.late[..] {
            write!(f, "; {name} is left, and goes on starting")?;
        } else if !self.late.is_empty() {
            write!(f, "; {} are left, and go on starting", self.late.join(" and "))?;
        } else if self.left.is_empty() && self.kept.is_empty() && self.in_use.is_empty() {
            f.write_str("; nothing was left behind")?;
        }
        self.problem.details().try_for_each(|line| write!(f, "\n{line}"))
    }
}

impl Failure {
    /// The domains that were started for it, and ended again.
    fn ended(&self) -> Vec<String> {
        let names = self.undone.iter().filter_map(|undo| match undo {
            Undo::StopDomain { name } => Some(name),
            Undo::RemoveImage { .. } => None,
        });
        let named = |name: &String| {
            let is_manager = self.managers_ended.contains(name);
            format!("the {} {name}", if is_manager { Role::Manager } else { Role::Vtpm })
        };
        names.map(named).collect()
    }
}

impl std::error::Error for Failure {}

/// Takes every step; `say` hears of each before it is taken. When one fails, those before it are
/// taken back in reverse.
///
/// # Errors
/// The step that failed, and what became of the others.
pub fn apply(
    plan: &Plan,
    toolstack: &mut dyn Toolstack,
    say: &mut dyn FnMut(&Step),
) -> Result<(), Box<Failure>> {
    let mut taken = Taken::default();
    for step in &plan.steps {
        say(step);
        match take(step, toolstack) {
            Ok(done) => taken.note(step, done),
            Err(stop) => return Err(Box::new(taken.back(step, stop, toolstack))),
        }
    }
    Ok(())
}

/// Why a step was not taken.
enum Stop {
    Failed(Problem),
    /// Its manager waits for the recovery key.
    Locked(Problem),
    /// Nobody waits any longer.
    Late(Problem),
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

impl From<Halt> for Stop {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::Late(why) => Self::Late(why),
            Halt::Interrupted => Self::Failed(Problem("it was told to end".into())),
        }
    }
}

fn take(step: &Step, toolstack: &mut dyn Toolstack) -> Result<Done, Stop> {
    // One that is awaited may be ready already.
    if !matches!(step, Step::AwaitReady { .. }) {
        toolstack.go_on()?;
    }
    match step {
        Step::MakeImage { path, mib, allocated, .. } => {
            return Ok(toolstack.make_image(path, *mib, *allocated)?);
        }
        Step::StartDomain { name, role, file } => {
            let started = toolstack.start_domain(name, *role, file);
            return started.map_err(|why| not_started(why, toolstack));
        }
        Step::AwaitReady { name, role, seconds } => {
            await_ready(name, *role, Duration::from_secs(*seconds), toolstack)?;
        }
        Step::StartGuest { file, for_xl, .. } => toolstack.start_guest(file, for_xl.as_deref())?,
    }
    Ok(Done::Here)
}

/// Time that was spent waiting for others makes it late, and not wrong.
fn not_started(why: NotStarted, toolstack: &mut dyn Toolstack) -> Stop {
    match (why, toolstack.go_on()) {
        (NotStarted::Busy(Problem(busy)), Err(Halt::Late(Problem(late)))) => {
            Stop::Late(Problem(format!("{busy}; {late}")))
        }
        (NotStarted::Busy(why) | NotStarted::Failed(why), _) => Stop::Failed(why),
    }
}

fn await_ready(
    name: &str,
    role: Role,
    limit: Duration,
    toolstack: &mut dyn Toolstack,
) -> Result<(), Stop> {
    let begun = toolstack.clock();
    loop {
        match toolstack.readiness(name, role)? {
            Readiness::Ready => return Ok(()),
            Readiness::Locked(why) => {
                return Err(Stop::Locked(Problem(format!("{name} says: {why}"))));
            }
            Readiness::Failed(why) => return Err(Problem(format!("{name} says: {why}")).into()),
            // Looking takes time, too.
            Readiness::Starting if toolstack.clock().saturating_sub(begun) >= limit => {
                let limit = limit.as_secs();
                return Err(Problem(format!(
                    "it is not ready after {limit} s; see what it wrote to its console (xl-vtpm logs {name}), or give it longer \
                     with --timeout"
                ))
                .into());
            }
            Readiness::Starting => {
                toolstack.go_on()?;
                toolstack.pause(LOOK);
            }
        }
    }
}

/// What would have to be taken back.
#[derive(Default)]
struct Taken {
    undos: Vec<Undo>,
    managers: Vec<String>,
    used: Vec<PathBuf>,
}

impl Taken {
    fn note(&mut self, step: &Step, done: Done) {
        if matches!(step, Step::StartDomain { .. }) {
            // From here on the images made for it may hold state that belongs to a record of the
            // manager's: without them that vTPM could never start again.
            let used = self.undos.extract_if(.., |undo| matches!(undo, Undo::RemoveImage { .. }));
            self.used.extend(used.filter_map(|undo| match undo {
                Undo::RemoveImage { path, .. } => Some(path),
                Undo::StopDomain { .. } => None,
            }));
        }
        // What is another's is not taken back.
        if done == Done::ByAnother {
            return;
        }
        if let Step::StartDomain { name, role: Role::Manager, .. } = step {
            self.managers.push(name.clone());
        }
        self.undos.extend(step.undo());
    }

    fn back(self, step: &Step, stop: Stop, toolstack: &mut dyn Toolstack) -> Failure {
        let (problem, locked, is_late) = match (stop, step) {
            (Stop::Locked(why), Step::AwaitReady { name, .. }) => (why, Some(name.clone()), false),
            (Stop::Late(why), _) => (why, None, true),
            (Stop::Failed(why) | Stop::Locked(why), _) => (why, None, false),
        };
        let (mut undone, mut left, mut in_use) = (Vec::new(), Vec::new(), Vec::new());
        let (mut late, mut kept) = (Vec::new(), self.used);
        let mut stays = |undo: &Undo| match undo {
            // Whoever tries again finds what was started.
            Undo::StopDomain { name } if is_late => {
                late.push(name.clone());
                true
            }
            Undo::StopDomain { name } => Some(name) == locked.as_ref(),
            Undo::RemoveImage { .. } => false,
        };
        for undo in self.undos.into_iter().rev().filter(|undo| !stays(undo)) {
            let result = match &undo {
                Undo::RemoveImage { path, domain } => {
                    toolstack.remove_image(path, domain).map(|removed| match removed {
                        Removed::Gone => true,
                        Removed::Kept => {
                            kept.push(path.clone());
                            false
                        }
                    })
                }
                Undo::StopDomain { name } => {
                    toolstack.stop_domain(name).map(|stopped| match stopped {
                        Stopped::Gone => true,
                        Stopped::InUse(user) => {
                            in_use.push((name.clone(), user));
                            false
                        }
                    })
                }
            };
            match result {
                Ok(true) => undone.push(undo),
                Ok(false) => {}
                Err(problem) => left.push((undo, problem)),
            }
        }
        let ended = |name: &String| undone.contains(&Undo::StopDomain { name: name.clone() });
        let managers_ended = self.managers.into_iter().filter(ended).collect();
        let step = step.clone();
        Failure { step, problem, locked, late, undone, managers_ended, left, in_use, kept }
    }
}
