//! How a domain ended that was asked to: in order, or by force, which people have to hear of.

use libxl_vtpm::plan::Problem;
use serde_json::{Value, json};
use std::time::Duration;

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It had saved what it must not lose.
    InOrder,
    /// It was taken apart while it ran.
    ByForce,
}

/// Destroys a domain that was asked to end and has not, or could not be asked. One that had ended by itself by
/// then has ended in order.
pub(crate) fn end(
    in_order: Result<bool, Problem>,
    runs: impl FnOnce() -> bool,
    destroy: impl FnOnce() -> Result<(), Problem>,
) -> Result<Ended, Problem> {
    if in_order == Ok(true) {
        return Ok(Ended::InOrder);
    }
    let how = if runs() { Ended::ByForce } else { Ended::InOrder };
    destroy()?;
    Ok(how)
}

/// What people hear.
pub(crate) fn by_force(name: &str, limit: Duration) -> String {
    format!(
        "{name} did not end within {} s and was ended by force: what it had not saved is lost",
        limit.as_secs()
    )
}

/// Domains that have ended within this limit or by force, and how.
pub(crate) struct AllEnded {
    pub(crate) limit: Duration,
    pub(crate) ended: Vec<(String, Ended)>,
}

impl AllEnded {
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        self.ended.iter().map(|(name, how)| match how {
            Ended::InOrder => format!("{name} has ended"),
            Ended::ByForce => by_force(name, self.limit),
        })
    }

    pub(crate) fn json(&self) -> Value {
        let names: Vec<_> = self.ended.iter().map(|(name, _)| name).collect();
        let forced = self.ended.iter().filter(|(_, how)| *how == Ended::ByForce);
        json!({ "ended": names, "forced": forced.map(|(name, _)| name).collect::<Vec<_>>() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ended_by_force_is_not_taken_for_ended_in_order() {
        let late = || Ok(false);
        let unasked = || Err(Problem("libxl_domain_shutdown failed".into()));
        let never = || -> Result<(), Problem> { unreachable!("it has ended") };
        assert_eq!(end(Ok(true), || unreachable!("it has ended"), never), Ok(Ended::InOrder));
        for asked in [late(), unasked()] {
            assert_eq!(end(asked.clone(), || true, || Ok(())), Ok(Ended::ByForce));
            assert_eq!(end(asked.clone(), || false, || Ok(())), Ok(Ended::InOrder));
            assert!(end(asked, || true, || Err(Problem("it is still there".into()))).is_err());
        }
    }

    #[test]
    fn force_is_said_to_people_and_in_json() {
        let limit = Duration::from_secs(7);
        let ended = [("g1", Ended::InOrder), ("g1-vtpm", Ended::ByForce)];
        let all =
            AllEnded { limit, ended: ended.map(|(name, how)| (name.to_owned(), how)).to_vec() };
        let lines: Vec<_> = all.lines().collect();
        let forced =
            "g1-vtpm did not end within 7 s and was ended by force: what it had not saved is lost";
        assert_eq!(lines, ["g1 has ended", forced]);
        assert_eq!(all.json(), json!({ "ended": ["g1", "g1-vtpm"], "forced": ["g1-vtpm"] }));
    }
}
