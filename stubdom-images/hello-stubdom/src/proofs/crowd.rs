//! Many vTPM domains at one manager, played by one domain: `count=` pages and ports for domain `peer=`.
//! The script writes the devices' nodes, from the offer in the node `data/offer`. With `late=`, that many
//! of them are expected to be refused until the script has made room. How many are served is in the node
//! `data/served`.

use super::{Outcome, ensure, number};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use domain_io::{Clock, DomainId, EventPort, PortNumber, Sharing, Xenstore};
use tpm_wire::Header;
use tpm_wire::manager::Request;
use tpmif::{Answer, FrontendEnd};
use xen_guest::{Domain, Page, Port};

const PATIENCE: Duration = Duration::from_secs(1200);
/// When to ask again where a failure was the answer.
const PAUSE: Duration = Duration::from_secs(1);
/// Commands while nobody else of this domain has one.
const ALONE: u32 = 150;
/// How often many ask at once.
const BURSTS: u32 = 8;

/// One vTPM's end.
struct Asker {
    number: u32,
    end: FrontendEnd<Page>,
    port: Port,
    since: Duration,
    /// What it saved last; 0 before the first time.
    saved: u32,
    loads_next: bool,
    served: bool,
    again_at: Duration,
    longest: Duration,
}

impl Asker {
    fn body(&self) -> [u8; 64] {
        let bytes = [self.number.to_be_bytes(), self.saved.to_be_bytes()];
        core::array::from_fn(|at| bytes[at / 4 % 2][at % 4])
    }

    /// Saves something new, or asks for what was saved.
    fn ask(&mut self, now: Duration) -> Outcome {
        self.port.take_pending();
        let packet = if self.loads_next {
            Request::Load.packet()
        } else {
            self.saved += 1;
            Request::Save(&self.body()).packet()
        };
        self.end.submit(0, &packet).map_err(|why| format!("page {}: {why}", self.number))?;
        self.since = now;
        // Goes nowhere before the manager has bound the port; it then looks at the page.
        let _ = self.port.notify();
        Ok(())
    }

    /// Looks only where an event says that there is something to see.
    fn look(&mut self, now: Duration) -> Outcome {
        // Taken in any case: a mark that stays ends every sleep.
        if !self.port.take_pending() || !self.end.is_busy() {
            return Ok(());
        }
        let answer =
            match self.end.answer().map_err(|why| format!("page {}: {why}", self.number))? {
                Answer::NotYet => return Ok(()),
                Answer::Aborted => {
                    return Err(format!("page {}: its command was given up", self.number));
                }
                Answer::Response(answer) => answer,
            };
        let (header, body) = Header::parse(&answer).map_err(|why| format!("{why:?}"))?;
        if header.code != 0 {
            ensure!(!self.served, "page {}: answer {:#x}", self.number, header.code);
            self.again_at = now + PAUSE;
            return Ok(());
        }
        ensure!(!self.loads_next || body == self.body(), "page {}: another's secret", self.number);
        self.loads_next = !self.loads_next;
        if self.served {
            self.longest = self.longest.max(now.saturating_sub(self.since));
        }
        self.served = true;
        Ok(())
    }
}

/// All of them.
struct Crowd<'a> {
    domain: &'a mut Domain,
    askers: Vec<Asker>,
    ports: Vec<PortNumber>,
    random: u64,
    commands: u32,
    /// What `data/served` says, and since when.
    told: (usize, Duration),
}

impl Crowd<'_> {
    fn below(&mut self, bound: usize) -> usize {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.random >> 33) as usize % bound
    }

    fn ask(&mut self, index: usize) -> Outcome {
        self.commands += 1;
        let now = self.domain.clock.now();
        self.askers[index].ask(now)
    }

    /// Waits until `done`; whoever got a failure asks again after a while.
    fn until(&mut self, what: &str, done: impl Fn(&[Asker]) -> bool) -> Outcome {
        let end = self.domain.clock.now() + PATIENCE;
        loop {
            let now = self.domain.clock.now();
            for asker in &mut self.askers {
                asker.look(now)?;
                if !asker.served && !asker.end.is_busy() && asker.again_at <= now {
                    asker.ask(now)?;
                }
            }
            self.tell(now)?;
            if done(&self.askers) {
                return Ok(());
            }
            let waiting = self.askers.iter().filter(|asker| asker.end.is_busy()).count();
            ensure!(now < end, "{what}: {waiting} are without an answer");
            self.domain.waiter.wait(&self.ports, Some(end.min(now + PAUSE)));
        }
    }

    /// Says how many are served, at most once a second.
    fn tell(&mut self, now: Duration) -> Outcome {
        let served = self.askers.iter().filter(|asker| asker.served).count();
        let (told, since) = self.told;
        if served == told || now < since + PAUSE {
            return Ok(());
        }
        self.told = (served, now);
        let written = self.domain.store.write("data/served", &format!("{served}"));
        written.map_err(|error| format!("{error}"))
    }

    fn until_quiet(&mut self, what: &str) -> Outcome {
        self.until(what, |askers| !askers.iter().any(|asker| asker.served && asker.end.is_busy()))
    }

    /// One at a time, at random moments: the manager sleeps, and only this one's event wakes it.
    fn alone(&mut self) -> Result<Duration, String> {
        let mut longest = Duration::ZERO;
        for _ in 0..ALONE {
            let pause = self.below(30_000) as u64;
            self.domain.waiter.sleep(Duration::from_micros(pause));
            let index = self.below(self.askers.len());
            if !self.askers[index].served {
                continue;
            }
            self.ask(index)?;
            self.until_quiet("one alone")?;
            longest = longest.max(self.domain.clock.now().saturating_sub(self.askers[index].since));
        }
        Ok(longest)
    }

    fn together(&mut self) -> Outcome {
        for burst in 0..BURSTS {
            for index in 0..self.askers.len() {
                let chosen = burst == 0 || self.below(3) > 0;
                if chosen && self.askers[index].served {
                    self.ask(index)?;
                }
            }
            self.until_quiet("a burst")?;
        }
        Ok(())
    }
}

/// Grants a page and a port for each.
fn gather(domain: &mut Domain) -> Result<Vec<Asker>, String> {
    let peer = DomainId(u16::try_from(number(domain, "peer")?).map_err(|e| format!("{e}"))?);
    let mut askers = Vec::new();
    let mut first = None;
    for index in 0..number(domain, "count")? {
        let (page, grant) =
            domain.sharing.grant(peer).map_err(|e| format!("grant {index}: {e}"))?;
        let port = domain.sharing.allocate_port(peer).map_err(|e| format!("port {index}: {e}"))?;
        let (page_0, port_0) = *first.get_or_insert((grant.0, port.number().0));
        let in_order = (grant.0, port.number().0) == (page_0 + index, port_0 + index);
        ensure!(in_order, "grants and ports are not numbered in order");
        let (since, longest) = (Duration::ZERO, Duration::ZERO);
        askers.push(Asker {
            number: index,
            end: FrontendEnd::new(page),
            port,
            since,
            saved: 0,
            loads_next: false,
            served: false,
            again_at: since,
            longest,
        });
    }
    let (page, port) = first.ok_or("count=0")?;
    let offer = format!("ref={page} port={port}");
    domain.store.write("data/offer", &offer).map_err(|e| format!("{e}"))?;
    Ok(askers)
}

/// Connects, asks alone and together, and says how long each has waited.
pub(super) fn many_vtpms(domain: &mut Domain) -> Outcome {
    let late = number(domain, "late").unwrap_or(0) as usize;
    let askers = gather(domain)?;
    let ports = askers.iter().map(|asker| asker.port.number()).collect();
    let random = u64::try_from(domain.clock.now().as_nanos()).unwrap_or(u64::MAX);
    let mut crowd = Crowd { domain, askers, ports, random, commands: 0, told: (0, Duration::ZERO) };
    let served = |askers: &[Asker]| askers.iter().filter(|asker| asker.served).count();
    let at_first = crowd.askers.len() - late;
    crowd.until("connecting", |askers| served(askers) >= at_first)?;
    say(crowd.domain, "served")?;
    crowd.together()?;
    let longest = |(least, most): (Duration, Duration), asker: &Asker| {
        (least.min(asker.longest), most.max(asker.longest))
    };
    let of_served = crowd.askers.iter().filter(|asker| asker.served);
    let (least, most) = of_served.fold((Duration::MAX, Duration::ZERO), longest);
    say(crowd.domain, "bursts-done")?;
    let alone = crowd.alone()?;
    log::info!(
        "CROWD {at_first} devices, {} commands, all answered; the longest wait of each is {} to {} ms \
         while all ask, {} ms when one asks alone",
        crowd.commands,
        least.as_millis(),
        most.as_millis(),
        alone.as_millis()
    );
    crowd.until("late ones", |askers| served(askers) == askers.len())
}

fn say(domain: &mut Domain, word: &str) -> Outcome {
    domain.store.write("data/crowd", word).map_err(|error| format!("{error}"))
}
