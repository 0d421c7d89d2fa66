//! `service run`: looks, decides, does.

use super::listening::Listening;
use super::look::{Look, view};
use super::naming::Naming;
use super::orphans::Orphans;
use super::rules::{Act, Memory};
use super::waking::Waking;
use crate::ended::{Ended, by_force};
use crate::exit::Exit;
use crate::host::{Host, TO_END};
use crate::{lock, unfinished, wires};
use libxl_vtpm::plan::{Problem, Role};
use libxl_vtpm::watch::{Change, Event, Source, View, Watcher};
use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// At most so long between two looks, in case an event is lost.
const LONGEST: Duration = Duration::from_secs(10);

/// While something is under way of which no event tells.
const SHORT: Duration = Duration::from_secs(1);

/// Looks that may fail one after the other: domains go while they are looked at.
const PATIENCE: u32 = 5;

/// For somebody who is busy with a domain: the next look will do as well.
const MOMENT: Duration = Duration::from_millis(200);

/// For vtpm-rewire, less than init systems give the service to end.
const TO_FINISH: Duration = Duration::from_secs(45);

/// Watches until it is told to end.
pub(crate) fn run(grace: Duration, manager: &str) -> Result<(), Exit> {
    let host = Host::open()?;
    let waking = Waking::new().map_err(Exit::not_done)?;
    let mut service = Service {
        host: &host,
        grace,
        manager,
        memory: Memory::default(),
        orphans: Orphans::default(),
        rewiring: None,
        listening: Listening::begin(),
        naming: Naming::default(),
        said: BTreeSet::new(),
    };
    let mut watcher = Watcher::new(Domains { host: &host, waking });
    println!("watching; a vTPM outlives its guest by {} s", grace.as_secs());
    let mut failures = 0;
    while !watcher.source.waking.is_over() {
        let rest = match service.turn(&mut watcher) {
            Ok(rest) => {
                failures = 0;
                rest
            }
            Err(why) if failures < PATIENCE => {
                println!("{why}");
                failures += 1;
                LONGEST
            }
            // Whoever started this starts it anew, with new connections.
            Err(why) => return Err(why.into()),
        };
        watcher.source.wait(rest);
    }
    service.finish();
    println!("ends");
    Ok(())
}

/// Domains as the watcher wants them.
struct Domains<'h> {
    host: &'h Host,
    waking: Waking,
}

impl Source for Domains<'_> {
    fn view(&mut self) -> Result<View, Problem> {
        view(self.host)
    }

    fn wait(&mut self, limit: Duration) {
        self.waking.wait(limit);
    }
}

struct Service<'h> {
    host: &'h Host,
    grace: Duration,
    manager: &'h str,
    memory: Memory,
    orphans: Orphans,
    /// vtpm-rewire, while it runs.
    rewiring: Option<Child>,
    listening: Listening,
    naming: Naming,
    /// Of domains that were left half made.
    said: BTreeSet<String>,
}

impl Service<'_> {
    /// One look and what follows; how long nothing will.
    fn turn(&mut self, watcher: &mut Watcher<Domains<'_>>) -> Result<Duration, Problem> {
        let said = &mut self.said;
        unfinished::clear(self.host, &mut |line| {
            // What cannot be seen to is tried again at each turn, and said once.
            if said.insert(line.to_owned()) {
                println!("{line}");
            }
        })?;
        let events = watcher.look()?;
        let look = Look::take(self.host, watcher.view.clone())?;
        events.iter().for_each(|event| tell(event, &look));
        self.orphans.go_on(self.host, &look)?;
        let all_heard = self.listening.renew(self.host, &look, self.manager);
        let acts = self.memory.decide(&look, self.grace, self.manager);
        let busy = !acts.is_empty();
        for act in acts {
            self.act(act, &look);
        }
        self.rewired();
        let names = self.naming.go_on(self.host, &look, self.manager);
        self.orphans.told(self.host, &look);
        let rest = self.memory.rest(Instant::now(), self.grace).min(LONGEST);
        let waits = busy || self.rewiring.is_some() || !all_heard || names;
        Ok(if waits { rest.clamp(MOMENT, SHORT) } else { rest.max(MOMENT) })
    }

    fn act(&mut self, act: Act, look: &Look) {
        match act {
            Act::End { domid, name, guests } => self.end(domid, &name, &guests),
            Act::Reap { domid, name } => match self.host.destroy(domid) {
                Ok(()) => println!("{name} (domain {domid}) had ended and was taken away"),
                Err(why) => println!("{name} (domain {domid}) cannot be taken away: {why}"),
            },
            Act::Rewire(broken) => self.rewire(broken.len()),
            Act::Orphan(wire) => self.orphans.take(self.host, look, &wire),
        }
    }

    /// Ends a vTPM, unless its guest is just being started.
    fn end(&self, domid: u32, name: &str, guests: &BTreeSet<String>) {
        let locks = guests.iter().map(|guest| lock::guest(guest, Instant::now()));
        let Ok(_starting) = locks.collect::<Result<Vec<_>, _>>() else { return };
        let Ok(_mine) = lock::domain(name, Instant::now() + MOMENT) else { return };
        match self.is_idle(domid, guests) {
            Ok(true) => {}
            Ok(false) => return,
            Err(why) => return println!("{name} (domain {domid}): {why}"),
        }
        println!("{name} (domain {domid}): its guest is gone, it is ended");
        match self.host.end_within(domid, TO_END) {
            Ok(Ended::InOrder) => {}
            Ok(Ended::ByForce) => {
                println!("{}", by_force(&format!("{name} (domain {domid})"), TO_END));
            }
            Err(why) => println!("{name} (domain {domid}) does not end: {why}"),
        }
    }

    /// Looks again, now that nobody can start the guest's vTPM.
    fn is_idle(&self, domid: u32, guests: &BTreeSet<String>) -> Result<bool, Problem> {
        let domains = view(self.host)?;
        let used = wires::of(&self.host.nodes, domains.keys().copied())?;
        let is_used = used.iter().any(|wire| wire.backend == domid);
        Ok(!is_used && !domains.values().any(|seen| guests.contains(&seen.name)))
    }

    /// Starts vtpm-rewire, which waits for the manager to be ready.
    fn rewire(&mut self, devices: usize) {
        if self.rewiring.is_some() {
            return self.memory.rewire_again(Instant::now());
        }
        match devices {
            0 => println!("an earlier vtpm-rewire was cut short: it goes on"),
            _ => println!("{} was restarted: {devices} device(s) to connect again", self.manager),
        }
        let mut script = Command::new("vtpm-rewire");
        script.args(["--manager", self.manager]).stdin(Stdio::null());
        match script.spawn() {
            Ok(child) => self.rewiring = Some(child),
            Err(error) => {
                println!("vtpm-rewire cannot be run: {error}");
                self.memory.rewire_again(Instant::now());
            }
        }
    }

    /// Waits for what is under way; the next service would go on with it, too.
    fn finish(&mut self) {
        let deadline = Instant::now() + TO_FINISH;
        while self.rewiring.is_some() && Instant::now() < deadline {
            std::thread::sleep(MOMENT);
            self.rewired();
        }
    }

    fn rewired(&mut self) {
        let Some(child) = &mut self.rewiring else { return };
        match child.try_wait() {
            Ok(None) => return,
            Ok(Some(code)) if code.success() => {}
            // The script has said why.
            Ok(Some(_)) | Err(_) => self.memory.rewire_again(Instant::now()),
        }
        self.rewiring = None;
    }
}

/// Says what became of managers and vTPMs. Guests come and go without a word.
fn tell(event: &Event, look: &Look) {
    let Event { domid, name, change } = event;
    let ours = look.notes.iter().any(|note| note.domid == *domid);
    match change {
        Change::Says(role, word) if ours || look.is_vtpm(*domid) => {
            // Its own word: nothing but what may stand in a line.
            let word: String = word.chars().filter(char::is_ascii_alphanumeric).take(20).collect();
            let role = if *role == Role::Manager { "manager" } else { "vTPM" };
            println!("{name} (domain {domid}), a {role}, is {word}");
        }
        Change::Ended if ours => println!("{name} (domain {domid}) has ended"),
        _ => {}
    }
}
