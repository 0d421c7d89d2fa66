//! The body of POLICY, and what its operations answer.

mod command;
mod report;
mod state;
#[cfg(test)]
mod tests;

pub use command::PolicyCommand;
pub use report::{PolicyReport, PolicyWay};
pub use state::{AcceptedState, PolicyApproval, PolicyKey, PolicyState, epoch_of_answer};
