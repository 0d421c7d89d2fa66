//! Commands about the policy under which the store's secret is sealed.

use crate::channel::Channel;
use crate::error::ChannelError;
use tpm_wire::Malformed;
use tpm_wire::manager::{
    AcceptedState, AnswerError, Force, PolicyApproval, PolicyCommand, PolicyKey, PolicyReport,
    PolicyState, body_of, epoch_of_answer, policy_request,
};
use vtpm_custody::{Accepted, AdministratorKey, Approval, PcrSelection, PcrState};
use zeroize::Zeroizing;

/// A state in the two parts that a packet has.
struct Parts(String, Vec<u8>);

impl Parts {
    fn of(state: &PcrState) -> Self {
        Self(state.selection().to_string(), state.value_bytes())
    }

    fn state(&self) -> PolicyState<'_> {
        PolicyState { selection: self.0.as_bytes(), values: &self.1 }
    }

    fn approval(&self, of: &Approval) -> PolicyApproval<'_> {
        PolicyApproval { state: self.state(), epoch: of.epoch, signature: of.signature }
    }
}

impl Channel {
    /// What the store's secret is sealed under.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub fn policy(&mut self) -> Result<PolicyReport, ChannelError> {
        Ok(PolicyReport::of_answer(&self.ask(&PolicyCommand::Show)?)?)
    }

    /// The accepted states with their values, as many as the report names.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub fn accepted(&mut self, report: &PolicyReport) -> Result<Vec<Accepted>, ChannelError> {
        let count = u16::try_from(report.states.len()).unwrap_or(u16::MAX);
        (0..count).map(|number| state_of(&self.ask(&PolicyCommand::Accepted(number))?)).collect()
    }

    /// The state of the machine now. `selection` as in `sha256:5,7`, empty for that of the policy.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub fn present(&mut self, selection: &str) -> Result<PcrState, ChannelError> {
        let answer = self.ask(&PolicyCommand::Present { selection: selection.as_bytes() })?;
        Ok(state_of(&answer)?.state)
    }

    /// Seals the store's secret anew, to the machine as it is now. `selection` as for
    /// [`present`](Self::present), empty for the default; `also` are states to accept besides.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub fn reseal(
        &mut self,
        selection: &str,
        also: &[PcrState],
        force: Force,
    ) -> Result<(), ChannelError> {
        let parts: Vec<_> = also.iter().map(Parts::of).collect();
        let (selection, also) = (selection.as_bytes(), parts.iter().map(Parts::state).collect());
        self.change(&PolicyCommand::Reseal { selection, force, also })
    }

    /// Accepts states besides the present one and those that are accepted already, such as the one
    /// after an update.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub fn add_states(&mut self, states: &[PcrState], force: Force) -> Result<(), ChannelError> {
        let parts: Vec<_> = states.iter().map(Parts::of).collect();
        let states = parts.iter().map(Parts::state).collect();
        self.change(&PolicyCommand::Add { force, states })
    }

    /// Accepts the present state alone.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub fn drop_states(&mut self, force: Force) -> Result<(), ChannelError> {
        self.change(&PolicyCommand::Drop { force })
    }

    /// Makes a new recovery key and returns its text, which is kept nowhere else; in place of an
    /// earlier one when `replace` says so.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub fn new_recovery_key(&mut self, replace: Force) -> Result<Zeroizing<String>, ChannelError> {
        let answer = Zeroizing::new(self.ask(&PolicyCommand::NewRecoveryKey { replace })?);
        let text = core::str::from_utf8(body_of(&answer)?);
        Ok(Zeroizing::new(text.map_err(|_| unreadable())?.to_string()))
    }

    /// Opens a store whose policy refuses, or begins anew without an administrator's key: the
    /// secret is sealed to the machine as it is now.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub fn recover(&mut self, key: &str, force: Force) -> Result<(), ChannelError> {
        self.change(&PolicyCommand::Recover { key: key.as_bytes(), force })
    }

    /// The epoch of approvals, made where there is none.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub fn prepare_epoch(&mut self) -> Result<u64, ChannelError> {
        Ok(epoch_of_answer(&self.ask(&PolicyCommand::PrepareEpoch)?)?)
    }

    /// From now on this key approves what is accepted; the present state is among the approvals.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub fn enrol(
        &mut self,
        key: AdministratorKey,
        approvals: &[Approval],
    ) -> Result<(), ChannelError> {
        let key = PolicyKey { x: key.x, y: key.y };
        let parts: Vec<_> = approvals.iter().map(|given| Parts::of(&given.state)).collect();
        let approvals = parts.iter().zip(approvals).map(|(parts, given)| parts.approval(given));
        self.change(&PolicyCommand::Enrol { key, approvals: approvals.collect() })
    }

    /// Accepts a state that the administrator's key approved.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub fn submit(&mut self, approval: &Approval) -> Result<(), ChannelError> {
        let parts = Parts::of(&approval.state);
        self.change(&PolicyCommand::Approve(parts.approval(approval)))
    }

    /// Ends every approval of the present epoch, and tells the one that begins.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub fn retire(&mut self) -> Result<u64, ChannelError> {
        Ok(epoch_of_answer(&self.ask(&PolicyCommand::Retire)?)?)
    }

    fn change(&mut self, command: &PolicyCommand<'_>) -> Result<(), ChannelError> {
        let answer = self.ask(command)?;
        body_of(&answer)?;
        Ok(())
    }

    fn ask(&mut self, command: &PolicyCommand<'_>) -> Result<Vec<u8>, ChannelError> {
        self.transmit(&Zeroizing::new(policy_request(&Zeroizing::new(command.encode()))))
    }
}

fn unreadable() -> ChannelError {
    AnswerError::from(Malformed::Value).into()
}

fn state_of(answer: &[u8]) -> Result<Accepted, ChannelError> {
    let AcceptedState { selection, values, epoch } = AcceptedState::of_answer(answer)?;
    let selection = core::str::from_utf8(&selection).ok();
    let selection = selection.and_then(|text| PcrSelection::parse(text).ok());
    let state = selection.and_then(|selection| PcrState::of_bytes(selection, &values));
    Ok(Accepted { state: state.ok_or_else(unreadable)?, epoch })
}
