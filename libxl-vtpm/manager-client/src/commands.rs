//! The commands, one function each.

use crate::channel::Channel;
use crate::error::ChannelError;
use tpm_wire::TpmVersion;
use tpm_wire::manager::{
    Command, Entry, Force, List, MOST_LISTED, Show, Stats, UuidBytes, body_of,
};

impl Channel {
    /// What the manager is and does.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub fn stats(&mut self) -> Result<Stats, ChannelError> {
        Ok(Stats::of_answer(&self.transmit(&Command::Stats.packet())?)?)
    }

    /// All vTPMs, in the order of their uuids.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub fn list(&mut self) -> Result<Vec<Entry>, ChannelError> {
        let mut all: Vec<Entry> = Vec::new();
        loop {
            let after = all.last().map(|entry| entry.uuid);
            let packet = Command::List { after, most: MOST_LISTED }.packet();
            let part = List::of_answer(&self.transmit(&packet)?)?;
            let grew = !part.entries.is_empty();
            all.extend(part.entries);
            if !(part.more && grew) {
                return Ok(all);
            }
        }
    }

    /// One vTPM.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub fn show(&mut self, uuid: UuidBytes) -> Result<Show, ChannelError> {
        Ok(Show::of_answer(&self.transmit(&Command::Show(uuid).packet())?)?)
    }

    /// Makes the record of a vTPM that will come.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub fn new_vtpm(
        &mut self,
        uuid: UuidBytes,
        version: TpmVersion,
        group: u32,
    ) -> Result<(), ChannelError> {
        self.done(&Command::New { uuid, version, group })
    }

    /// Removes a vTPM's record; `force` when it has saved state, which is lost with it.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub fn delete(&mut self, uuid: UuidBytes, force: Force) -> Result<(), ChannelError> {
        self.done(&Command::Delete { uuid, force })
    }

    /// Serves a vTPM, or does not.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub fn enable(&mut self, uuid: UuidBytes, enabled: bool) -> Result<(), ChannelError> {
        self.done(&Command::Enable { uuid, enabled })
    }

    /// Lets a vTPM go on once from the older state of this generation, such as a backup of its
    /// disk; `None` takes the word back.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub fn accept_older(
        &mut self,
        uuid: UuidBytes,
        generation: Option<u64>,
    ) -> Result<(), ChannelError> {
        self.done(&Command::Accept { uuid, generation })
    }

    /// Has everything made durable and the manager end; `force` while vTPMs are attached.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub fn prepare_shutdown(&mut self, force: Force) -> Result<(), ChannelError> {
        self.done(&Command::PrepareShutdown(force))
    }

    fn done(&mut self, command: &Command) -> Result<(), ChannelError> {
        let answer = self.transmit(&command.packet())?;
        body_of(&answer)?;
        Ok(())
    }
}
