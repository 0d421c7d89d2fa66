//! Commands without sessions, and the clearing away of what was loaded.

use crate::error::CustodyError;
use crate::link::{Link, Response, parse};
use alloc::vec::Vec;
use tpm_wire::tpm20::CommandCode;
use tpm_wire::{PacketBuilder, Tag};

impl Link<'_, '_> {
    /// A command without authorisation.
    pub(super) fn plain(
        &mut self,
        step: &'static str,
        code: CommandCode,
        content: &[u8],
    ) -> Result<Response, CustodyError> {
        let command = PacketBuilder::new(Tag::NO_SESSIONS, code.0).bytes(content).finish();
        self.transmit(step, &command)
    }

    /// Flushes one object or session now.
    pub(super) fn flush(&mut self, handle: u32) -> Result<(), CustodyError> {
        self.forget(handle);
        self.plain("TPM2_FlushContext", CommandCode::FLUSH_CONTEXT, &handle.to_be_bytes())?;
        Ok(())
    }

    /// Flushes all that was loaded. What cannot be flushed is left for the next start's flush.
    pub(super) fn flush_loaded(&mut self) {
        for handle in self.take_loaded() {
            if let Err(error) = self.flush(handle) {
                log::warn!("hardware TPM: {handle:#x} stays loaded: {error}");
            }
        }
    }
}

impl Response {
    /// The handle in front of an answer's parameters.
    pub(super) fn handle(&self, step: &'static str) -> Result<u32, CustodyError> {
        parse(step, &self.body, |reader| reader.u32())
    }

    /// Parameters of an answer to a command whose only session is a password: between their length
    /// and the session's acknowledgement. `skip` bytes of handles stand in front.
    pub(super) fn behind_password(
        &self,
        step: &'static str,
        skip: usize,
    ) -> Result<Vec<u8>, CustodyError> {
        parse(step, &self.body, |reader| {
            let _handles = reader.bytes(skip)?;
            let length = usize::try_from(reader.u32()?).map_err(|_| tpm_wire::Malformed::Short)?;
            Ok(reader.bytes(length)?.to_vec())
        })
    }
}
