//! Commands into the page, answers out of it.

use crate::device::Phase;
use crate::event::{Event, NotSent, Reason};
use crate::frontend::Frontend;
use domain_io::{EventPort, Sharing, Xenstore};
use tpmif::{Answer, PageFault};

impl<S: Sharing> Frontend<S> {
    /// Sends a command at a locality, of which the backend may make what it wants.
    ///
    /// # Errors
    /// [`NotSent`]; nothing was sent.
    pub fn submit(&mut self, locality: u8, packet: &[u8]) -> Result<(), NotSent> {
        let phase = self.device.as_mut().map(|device| &mut device.phase);
        let Some(Phase::Open(link)) = phase else { return Err(NotSent::NotConnected) };
        link.end.submit(locality, packet).map_err(NotSent::Page)?;
        // A backend that has just gone cannot be notified; its nodes will say so.
        let _ = link.port.notify();
        Ok(())
    }

    /// Takes the command back, if one is with the backend. Its answer may come all the same.
    pub fn cancel(&mut self) {
        let phase = self.device.as_mut().map(|device| &mut device.phase);
        if let Some(Phase::Open(link)) = phase
            && link.end.is_busy()
        {
            let _ = link.end.cancel();
            let _ = link.port.notify();
        }
    }

    /// Clears the event first and looks second, so that an event in between is seen next time.
    pub(crate) fn look_at_page<X: Xenstore + ?Sized>(&mut self, store: &mut X) -> Option<Event> {
        let device = self.device.as_mut()?;
        let Phase::Open(link) = &mut device.phase else { return None };
        link.look |= link.port.take_pending();
        if !core::mem::take(&mut link.look) {
            return None;
        }
        let reason = match link.end.answer() {
            Ok(Answer::NotYet) => return None,
            Ok(Answer::Aborted) => return Some(Event::Aborted),
            Ok(Answer::Response(bytes)) => return Some(Event::Answer(bytes)),
            Err(PageFault::Peer(fault)) => Reason::Misbehaved(fault),
            Err(PageFault::Own(_)) => Reason::OwnMistake,
        };
        log::warn!("vTPM frontend: {reason}");
        Some(device.end(store, Phase::Shunned, reason))
    }
}
