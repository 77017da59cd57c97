//! What this machine can do for labs, what it lacks, and what to do about it.
//!
//! ```text
//!  files, limits, programs ──────────────▶ Check ◀── outcomes ── a sandbox, in which each part of
//!  (machine, users)                                              the kernel is tried (trial)
//! ```
//!
//! Nothing of the machine is changed: what is tried is tried in a sandbox that is thrown away.

mod features;
mod machine;
mod trial;
mod users;

use serde::Serialize;

/// How well the machine does in one respect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// All is there.
    Good,
    /// It is there in part, or could not be found out.
    Limited,
    /// It is not there.
    Missing,
}

/// One respect in which a machine was examined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked for.
    pub name: &'static str,
    /// How well the machine does.
    pub state: State,
    /// What was found.
    pub found: String,
    /// What to do, where something is lacking and can be had.
    pub remedy: Option<String>,
    /// What it is needed for.
    pub needed_for: &'static str,
}

impl Check {
    /// A check that found what it looked for.
    fn good(name: &'static str, needed_for: &'static str, found: impl Into<String>) -> Self {
        Self { name, state: State::Good, found: found.into(), remedy: None, needed_for }
    }

    /// A check that did not.
    fn bad(
        name: &'static str,
        needed_for: &'static str,
        state: State,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let remedy = Some(remedy.into());
        Self { name, state, found: found.into(), remedy, needed_for }
    }
}

/// Examines the machine, as the user who calls.
///
/// The calling process should have one thread only: the sandbox starts as a fork of it. From a
/// process of several threads only root can have the kernel's parts tried; for others those checks
/// are [`State::Limited`].
pub fn examine() -> Vec<Check> {
    let trial = trial::run();
    let mut checks = vec![machine::kernel(), machine::user_namespaces(), trial.sandbox()];
    checks.extend(features::checks(&trial));
    checks.extend(machine::checks());
    checks.extend(users::checks());
    checks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_missing_has_a_remedy() {
        let checks = examine();
        let mut names: Vec<_> = checks.iter().map(|check| check.name).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all, "a name twice");
        for check in checks {
            assert!(!check.found.is_empty() && !check.needed_for.is_empty(), "{check:?}");
            assert!(check.state != State::Missing || check.remedy.is_some(), "{check:?}");
            assert!(check.state != State::Good || check.remedy.is_none(), "{check:?}");
        }
    }

    #[test]
    fn as_json() {
        let check = Check::bad("x", "all", State::Missing, "none", "`make x`");
        let expected = r#"{"name":"x","state":"missing","found":"none","remedy":"`make x`","needed_for":"all"}"#;
        assert_eq!(serde_json::to_string(&check).unwrap(), expected);
    }
}
