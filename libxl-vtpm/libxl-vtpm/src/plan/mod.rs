//! What is about to be done, as data: shown before it is done, done step by step, and undone in
//! reverse when a step fails.
//!
//! [`Plan::guest`] and [`Plan::domain`] work out the steps from what is known of the domains;
//! [`apply`] takes them on a [`Toolstack`], the real one or a test's.

mod apply;
mod making;
mod step;
#[cfg(test)]
mod tests;
mod toolstack;

pub use apply::{Failure, apply};
pub use making::{GuestStart, MissingImage, NotPlanned, StubDomain};
pub use step::{Role, Step, Undo};
pub use toolstack::{
    Done, Halt, NotStarted, Problem, Readiness, Removed, Stopped, Toolstack, unlocking,
};

/// Steps in the order in which they are taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
}
