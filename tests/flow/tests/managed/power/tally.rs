//! What was covered.

use super::life::Kind;
use super::order::Phase;
use flow_tests::Death;
use std::fmt;
use std::time::Instant;

/// See the module.
pub(super) struct Tally {
    began: Instant,
    cuts: Vec<(Kind, usize, Phase)>,
    /// How many starts stopped with a word first.
    told: Vec<Kind>,
    lives: usize,
    deaths: [usize; 3],
}

impl Default for Tally {
    fn default() -> Self {
        let (cuts, told) = (Vec::new(), Vec::new());
        Self { began: Instant::now(), cuts, told, lives: 0, deaths: [0; 3] }
    }
}

impl Tally {
    /// A life with so many changes.
    pub(super) fn life(&mut self, kind: Kind, changes: u64) {
        self.lives += 1;
        for number in 1..=changes {
            match kind.death(number) {
                Some(Death::BeforeCommit) => self.deaths[0] += 1,
                Some(Death::AfterCommit) => self.deaths[1] += 1,
                Some(Death::AfterIncrement) => self.deaths[2] += 1,
                None => {}
            }
        }
    }

    /// A cut after which everything started; `depth` restarts had been cut before.
    pub(super) fn cut(&mut self, kind: Kind, phase: Phase, depth: usize, was_told: bool) {
        self.cuts.push((kind, depth, phase));
        self.told.extend(was_told.then_some(kind));
        if self.cuts().is_multiple_of(1000) {
            println!("{} cuts, {:.0?} so far", self.cuts(), self.began.elapsed());
        }
    }

    pub(super) fn cuts(&self) -> usize {
        self.cuts.len()
    }

    fn of(&self, kind: Kind, depth: Option<usize>, phase: Option<Phase>) -> usize {
        let fits = |(of, at, during): &(Kind, usize, Phase)| {
            *of == kind
                && depth.is_none_or(|depth| depth == *at)
                && phase.is_none_or(|phase| phase == *during)
        };
        self.cuts.iter().filter(|cut| fits(cut)).count()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} power cuts, each with another place or another choice of what had reached the media, in \
             {} lives of a machine. By what was going on, and by how many restarts had been cut before:",
            self.cuts(),
            self.lives
        )?;
        let head = ["first start", "start", "work", "none", "one", "two", "told"];
        writeln!(f, "{:44}{}", "", head.map(|word| format!("{word:>12}")).concat())?;
        for kind in Kind::ALL {
            let phases = [Phase::FirstStart, Phase::Start, Phase::Work];
            let by_phase = phases.map(|phase| self.of(kind, None, Some(phase)));
            let by_depth = [0, 1, 2].map(|depth| self.of(kind, Some(depth), None));
            let told = self.told.iter().filter(|told| **told == kind).count();
            let numbers = by_phase.into_iter().chain(by_depth).chain([told]);
            let name = match kind.hardware {
                Some(version) => format!("vTPM {}, hardware TPM {version}, counting", kind.vtpm),
                None => format!("vTPM {}, no hardware TPM", kind.vtpm),
            };
            writeln!(f, "{name:44}{}", numbers.map(|n| format!("{n:>12}")).collect::<String>())?;
        }
        let [before, after, counted] = self.deaths;
        write!(
            f,
            "In these lives the manager was killed {before} times before a commit, {after} times after \
             one and {counted} times after the increment. Everything started after every cut, after \
             those counted as told by the word that the message named; nothing acknowledged was lost, \
             and the next change was kept."
        )
    }
}
