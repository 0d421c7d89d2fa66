//! `service down`: everything that has to do with vTPMs ends, in order, each stage within a limit.

use super::stages::{Stages, stages};
use crate::exit::Exit;
use crate::host::Host;
use crate::{ours, resident, wires};
use libxl_vtpm::plan::{Problem, Role};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use xenlight_sys::Vtpm;

/// For all vTPM domains together, and for the managers: each has saved already what it must not lose.
const TO_END: Duration = Duration::from_secs(15);

/// For ended domains to be taken away by whoever started them.
const TO_BE_REAPED: Duration = Duration::from_secs(5);

const LOOK: Duration = Duration::from_millis(200);

/// The name that a manager has by default.
const MANAGER: &str = "vtpmmgr";

/// Ends all of it.
pub(crate) fn run(limit: Duration, json: bool) -> Result<(), Exit> {
    let host = Host::open()?;
    let mut down = Down::new(&host, json);
    down.stage("guests", limit, |stages| stages.guests);
    down.stage("vTPMs", TO_END, |stages| stages.vtpms);
    for domid in down.now().map(|stages| stages.managers).unwrap_or_default() {
        release_domain_0(&host, domid);
    }
    down.stage("managers", TO_END, |stages| stages.managers);
    down.settle();
    down.told()
}

/// Says what would end, in which order.
pub(crate) fn would(json: bool) -> Result<(), Exit> {
    let host = Host::open()?;
    let down = Down::new(&host, json);
    let Stages { guests, vtpms, managers } = down.now()?;
    let [guests, vtpms, managers] = [guests, vtpms, managers]
        .map(|stage| stage.into_iter().map(|domid| down.name(domid)).collect::<Vec<_>>());
    if json {
        println!(
            "{:#}",
            json!({ "done": false, "guests": guests, "vtpms": vtpms, "managers": managers })
        );
        return Ok(());
    }
    for (what, names) in [("guests", guests), ("vTPMs", vtpms), ("managers", managers)] {
        println!("{what}: {}", if names.is_empty() { "none".into() } else { names.join(", ") });
    }
    Ok(())
}

struct Down<'h> {
    host: &'h Host,
    json: bool,
    /// Name, and whether by force.
    ended: Vec<(String, bool)>,
    /// Which of them have to be seen to be gone.
    destroyed: Vec<Destroyed>,
    /// What is not known to have ended, and why.
    left: Vec<String>,
}

struct Destroyed {
    domid: u32,
    name: String,
    /// What libxl had against it: a device may be late, and the domain go all the same.
    why: Option<String>,
}

impl<'h> Down<'h> {
    const fn new(host: &'h Host, json: bool) -> Self {
        Self { host, json, ended: Vec::new(), destroyed: Vec::new(), left: Vec::new() }
    }

    fn now(&self) -> Result<Stages, Problem> {
        let nodes = &self.host.nodes;
        let (mut managers, mut vtpms) = (BTreeSet::new(), BTreeSet::new());
        managers.extend(self.host.xen.find(MANAGER));
        vtpms.extend(resident::names().iter().filter_map(|name| self.host.xen.find(name)));
        for note in ours::all(nodes)? {
            match note.role {
                Role::Manager => managers.insert(note.domid),
                Role::Vtpm => vtpms.insert(note.domid),
            };
        }
        let domains = self.host.xen.domains().map_err(Problem::from)?;
        let there: BTreeSet<u32> = domains.iter().map(|domain| domain.domid).collect();
        let wires = wires::of(nodes, there.iter().copied())?;
        let mut claimants = BTreeSet::new();
        for domid in &there {
            if nodes.said(*domid, Role::Vtpm, "state")?.is_some() {
                claimants.insert(*domid);
            }
        }
        let mut stages = stages(&wires, &managers, &vtpms, &claimants);
        for stage in [&mut stages.guests, &mut stages.vtpms, &mut stages.managers] {
            stage.retain(|domid| there.contains(domid));
        }
        Ok(stages)
    }

    /// Asks all domains of a stage to end, those too that turn up meanwhile, and ends by force what is
    /// there after the limit.
    fn stage(&mut self, what: &str, limit: Duration, pick: impl Fn(Stages) -> BTreeSet<u32>) {
        let deadline = Instant::now() + limit;
        let mut asked = BTreeSet::new();
        let mut over_since: Option<Instant> = None;
        loop {
            let now = patiently(deadline, LOOK, || self.now());
            let here = match now {
                Ok(stages) => pick(stages),
                // The next stage has to end all the same.
                Err(why) => {
                    return self.left.push(format!("{what}, of which nothing can be told ({why})"));
                }
            };
            for &domid in here.difference(&asked.clone()) {
                self.ask(domid);
                asked.insert(domid);
            }
            let over = !here.iter().any(|domid| self.runs(*domid));
            over_since = over.then(|| over_since.unwrap_or_else(Instant::now));
            // They ended, and nobody takes them away.
            let stale = over_since.is_some_and(|since| since.elapsed() >= TO_BE_REAPED);
            if here.is_empty() || stale || Instant::now() >= deadline {
                return self.by_force(&here);
            }
            std::thread::sleep(LOOK);
        }
    }

    fn ask(&mut self, domid: u32) {
        let name = self.name(domid);
        if !self.json {
            println!("asking {name} to end");
        }
        // One that cannot be asked is ended by force.
        let _ = self.host.xen.shut_down(domid);
        self.ended.push((name, false));
    }

    fn runs(&self, domid: u32) -> bool {
        let domain = self.host.xen.domain(domid).ok().flatten();
        domain.is_some_and(|domain| domain.shutdown.is_none())
    }

    fn by_force(&mut self, domids: &BTreeSet<u32>) {
        for &domid in domids {
            let name = self.name(domid);
            if self.runs(domid) {
                eprintln!("xl-vtpm: {name} did not end in time and is ended by force");
                self.ended.retain(|(ended, _)| *ended != name);
                self.ended.push((name.clone(), true));
            }
            let why = self.host.xen.destroy(domid).err().map(|error| error.to_string());
            self.destroyed.push(Destroyed { domid, name, why });
        }
    }

    /// Waits until all that was destroyed is gone, at the end: a domain goes only once nobody has its pages any
    /// more, and that may be one of a later stage.
    fn settle(&mut self) {
        let deadline = Instant::now() + TO_END;
        for Destroyed { domid, name, why } in std::mem::take(&mut self.destroyed) {
            let rest = deadline.saturating_duration_since(Instant::now());
            if !self.host.xen.wait_for_gone(domid, rest).unwrap_or(false) {
                self.ended.retain(|(ended, _)| *ended != name);
                let why = why.unwrap_or_else(|| "it was destroyed and does not go".into());
                self.left.push(format!("{name} ({why})"));
            }
        }
    }

    fn name(&self, domid: u32) -> String {
        self.host.xen.name_of(domid).unwrap_or_else(|| format!("domain {domid}"))
    }

    fn told(self) -> Result<(), Exit> {
        let failed = (!self.left.is_empty())
            .then(|| Exit::Left(format!("still there: {}", self.left.join(", "))));
        if !self.json {
            return failed.map_or(Ok(()), Err);
        }
        let ended =
            self.ended.iter().map(|(name, forced)| json!({ "name": name, "by_force": forced }));
        let answer = json!({ "ended": ended.collect::<Vec<_>>(), "left": self.left });
        Exit::with_answer(failed, answer)
    }
}

/// Looks until a look succeeds, for no longer than until the deadline: domains go while they are looked at.
fn patiently<T>(
    deadline: Instant,
    pause: Duration,
    mut look: impl FnMut() -> Result<T, Problem>,
) -> Result<T, Problem> {
    loop {
        match look() {
            Err(_) if Instant::now() < deadline => std::thread::sleep(pause),
            seen => return seen,
        }
    }
}

#[test]
fn a_look_that_fails_is_taken_again_until_the_deadline() {
    let mut looks = 0;
    let mut look = |fails: u32| {
        looks += 1;
        if looks <= fails { Err(Problem("a domain went".into())) } else { Ok(looks) }
    };
    let later = Instant::now() + Duration::from_secs(3600);
    assert_eq!(patiently(later, Duration::ZERO, || look(3)), Ok(4));
    let failed = patiently(Instant::now(), Duration::ZERO, || look(u32::MAX));
    assert_eq!(failed, Err(Problem("a domain went".into())), "once more, and no longer");
    assert_eq!(looks, 5);
}

/// Takes domain 0's own way to a manager away: the manager would wait for it.
fn release_domain_0(host: &Host, manager: u32) {
    let vtpms: Vec<Vtpm> = host.xen.vtpms(0);
    for vtpm in vtpms.iter().filter(|vtpm| vtpm.backend_domid == manager) {
        if let Err(why) = host.xen.remove_vtpm(0, vtpm) {
            eprintln!("xl-vtpm: domain 0's vTPM {}: {why}", vtpm.devid);
        }
    }
}
