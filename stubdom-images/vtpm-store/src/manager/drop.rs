//! Going on without what is damaged, on an administrator's word.

use super::change::Tally;
use super::commit::Replaced;
use super::error::StoreError;
use super::store::{Store, Verdict};
use alloc::vec::Vec;
use domain_io::{BlockDevice, Entropy};

impl<D: BlockDevice> Store<D> {
    /// Reads the whole store and drops every damaged page from it, with one commit. The uuids whose
    /// records were there are unknown afterwards, so this is never done without being asked for.
    /// Returns what was kept and what was dropped.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub fn drop_damaged(&mut self, entropy: &mut dyn Entropy) -> Result<Verdict, StoreError> {
        if self.must_reopen {
            return Err(StoreError::MustReopen);
        }
        let verdict = self.verify()?;
        if !verdict.damaged.is_empty() {
            let mut tally = Tally {
                records_before: self.root.records,
                records_after: verdict.records,
                ..Tally::default()
            };
            let written = self.write_whole_branches(entropy, &mut tally);
            self.finish(entropy, tally, written, self.root.fields)?;
        }
        Ok(verdict)
    }

    /// Writes each branch that names a damaged leaf again, without it. The damaged pages themselves
    /// stay unused until the next start: their sectors may be failing.
    fn write_whole_branches(
        &mut self,
        entropy: &mut dyn Entropy,
        tally: &mut Tally,
    ) -> Result<Replaced, StoreError> {
        let mut replaced = Replaced::new();
        for branch in 0..self.branches.len() {
            let Some(leaves) = self.branches[branch].clone() else {
                replaced.push((branch, Vec::new()));
                continue;
            };
            let mut whole = Vec::with_capacity(leaves.len());
            for (leaf, pointer) in leaves.iter().enumerate() {
                match self.leaf(branch, leaf) {
                    Ok(_) => whole.push(*pointer),
                    Err(StoreError::Damaged(_)) => {}
                    Err(other) => return Err(other),
                }
            }
            if whole.len() < leaves.len() {
                let old = self.root.branches[branch];
                let written = self.work(entropy, tally).branch(Some(&old), &whole, false)?;
                replaced.push((branch, written));
            }
        }
        Ok(replaced)
    }
}
